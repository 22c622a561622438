"""Checks across tables: references that lead nowhere, circles, and sensors, channels and thresholds that disagree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rencheng.city.defects import Findings, telling
from rencheng.city.schema import schema_tables
from rencheng.kernel import QUANTITIES, Colour

__all__ = ["check_cycles", "check_references", "check_sensors"]

_TREES = (
    # table, id, the thing it hangs on, what the circle is, mend
    ("areas", "area_id", "parent_id", "areas lie in one another in a circle", "Let the parents lead up to the city"),
    ("organisations", "org_id", "parent_id", "organisations report to one another in a circle", "Leave the top empty"),
    ("roles", "role_id", "escalate_to", "roles escalate to one another in a circle", "Let escalation end at the top"),
    (
        "network_dependencies",
        "dependent",
        "provider",
        "things need one another in a circle, so that none can start first",
        "Break the circle where one has a supply of its own",
    ),
)


def check_references(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Values that name a row which no table has."""
    for name, table in tables.items():
        for attribute in schema_tables()[name]:
            if not attribute.refers or attribute.name not in table.column_names:
                continue
            column = table[attribute.name].combine_chunks()
            used = pc.is_valid(column)
            if pa.types.is_string(column.type):
                used = pc.and_(used, pc.not_equal(pc.fill_null(column, ""), ""))
            found = np.zeros(len(table), dtype=bool)
            for target in attribute.refers:
                other, key = target.split(".")
                if other in tables and key in tables[other].column_names:
                    ids = tables[other][key].combine_chunks()
                    found |= pc.is_in(column, value_set=ids).to_numpy(zero_copy_only=False)
            lost = ~found & pc.fill_null(used, False).to_numpy(zero_copy_only=False)
            findings.rows(
                name,
                attribute.name,
                lost,
                telling("{!r} is nowhere", column),
                f"Name a row of {' or '.join(attribute.refers)}",
            )
    _check_networks(tables, findings)


def _check_networks(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Links of one network that end in another."""
    nodes, links = tables.get("network_nodes"), tables.get("network_links")
    if nodes is None or links is None or not {"network", "from_node", "to_node"} <= set(links.column_names):
        return
    if not {"node_id", "network"} <= set(nodes.column_names) or not len(nodes):
        return
    of_node = nodes["network"].combine_chunks()
    for end in ("from_node", "to_node"):
        at = pc.index_in(links[end].combine_chunks(), value_set=nodes["node_id"].combine_chunks())
        other = pc.not_equal(of_node.take(at), links["network"].combine_chunks())
        findings.rows(
            "network_links",
            end,
            pc.fill_null(other, False).to_numpy(zero_copy_only=False),
            "the node is of another network",
            "Join networks by network_dependencies, not by links",
        )


def check_cycles(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Circles in what must be a tree, and in who needs whom."""
    for name, child, parent, what, mend in _TREES:
        table = tables.get(name)
        if table is None or not {child, parent} <= set(table.column_names):
            continue
        children, parents = table[child].to_pylist(), table[parent].to_pylist()
        for circle in _circles(children, parents):
            rows = [i for i, one in enumerate(children) if one in circle and parents[i] in circle]
            members = ", ".join(circle[:5]) + (" …" if len(circle) > 5 else "")
            findings.rows(name, parent, rows[:1], f"{what}: {members}", mend)


def _circles(children: list[str | None], parents: list[str | None]) -> list[list[str]]:
    """Groups of ids each of which leads back to itself, in order of first appearance."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = [(a, b) for a, b in zip(children, parents, strict=True) if a and b]
    ids = {name: i for i, name in enumerate(dict.fromkeys(name for edge in edges for name in edge))}
    if not ids:
        return []
    a = np.array([ids[one] for one, _ in edges], dtype=np.int64)
    b = np.array([ids[other] for _, other in edges], dtype=np.int64)
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(ids), len(ids))).tocsr()
    _, group = connected_components(graph, directed=True, connection="strong")
    size = np.bincount(group)
    to_itself = set(a[a == b].tolist())
    names = list(ids)
    circles: dict[int, list[str]] = {}
    for i, of in enumerate(group.tolist()):
        if size[of] > 1 or i in to_itself:
            circles.setdefault(of, []).append(names[i])
    return list(circles.values())


def check_sensors(tables: Mapping[str, pa.Table], findings: Findings) -> None:
    """Unknown quantities, thresholds without their channel, and colours out of order."""
    for name in ("channels", "thresholds"):
        if name in tables and "quantity" in tables[name].column_names:
            column = tables[name]["quantity"].combine_chunks()
            bad = pc.and_(pc.invert(pc.is_in(column, value_set=pa.array(list(QUANTITIES)))), pc.is_valid(column))
            findings.rows(
                name,
                "quantity",
                bad.to_numpy(zero_copy_only=False),
                telling("unknown quantity {!r}", column),
                f"Use one of: {', '.join(QUANTITIES)}",
            )
    thresholds = tables.get("thresholds")
    if thresholds is None or not {"sensor_id", "quantity", "colour", "value"} <= set(thresholds.column_names):
        return
    rows = thresholds.select(["sensor_id", "quantity", "colour", "value"]).to_pylist()
    channels = tables.get("channels")
    known = set()
    if channels is not None and {"sensor_id", "quantity"} <= set(channels.column_names):
        known = set(zip(channels["sensor_id"].to_pylist(), channels["quantity"].to_pylist(), strict=True))
    findings.rows(
        "thresholds",
        "sensor_id",
        np.array([(row["sensor_id"], row["quantity"]) not in known for row in rows], dtype=bool),
        telling("no channel {!r} {!r}", [row["sensor_id"] for row in rows], [row["quantity"] for row in rows]),
        "Add the channel or remove the threshold",
    )
    findings.rows(
        "thresholds",
        "value",
        _out_of_order(rows),
        "is below the value of a lower colour",
        "Raise it or change the colour",
    )
    _check_range(rows, findings)


def _out_of_order(rows: list[dict[str, object]]) -> NDArray[np.bool_]:
    """Thresholds lower than one of a lower colour at the same sensor and quantity."""
    bad = np.zeros(len(rows), dtype=bool)
    colours = [colour.value for colour in Colour]
    highest: dict[tuple[object, object], float] = {}
    order = [i for i, row in enumerate(rows) if row["colour"] in colours and isinstance(row["value"], float)]
    for i in sorted(order, key=lambda i: colours.index(str(rows[i]["colour"]))):
        key, value = (rows[i]["sensor_id"], rows[i]["quantity"]), float(str(rows[i]["value"]))
        bad[i] = value < highest.get(key, -np.inf)
        highest[key] = max(value, highest.get(key, -np.inf))
    return bad


def _check_range(rows: list[dict[str, object]], findings: Findings) -> None:
    bad = np.zeros(len(rows), dtype=bool)
    for i, row in enumerate(rows):
        of = QUANTITIES.get(str(row["quantity"]))
        if of is not None and isinstance(row["value"], float):
            bad[i] = not of.low <= row["value"] <= of.high
    findings.rows(
        "thresholds",
        "value",
        bad,
        "lies outside what the quantity can be",
        "Give it in the stored (SI) unit",
        "warning",
    )
