"""What can be worked by hand in the sandbox city's storm sewers: sluices at large outfalls, pumping stations."""

from __future__ import annotations

from rencheng.city.sandbox.network import Network

__all__ = ["drainage_control_rows"]

_SLUICE_FROM_M = 1.2
"""Outfalls of so large a pipe have a sluice, smaller ones a flap gate (GB 50014-2021, § 5.10: protection against
backwater at outfalls)."""
_START_M = 0.3
"""Stations start at so much water: above the sill of their grate."""


def drainage_control_rows(net: Network) -> list[dict[str, object]]:
    """Rows of ``drainage_controls``: gates at outfalls without pumps, a start level at every storm pump."""
    rows: list[dict[str, object]] = []
    for link in net.links:
        if link["network"] != "drainage":
            continue
        tail, head = net.nodes[str(link["from_node"])], net.nodes[str(link["to_node"])]
        if head["kind"] != "outfall" or tail["kind"] == "pump":
            continue
        number = str(head["node_id"]).removeprefix("outfall-")
        sluice = float(str(link["diameter_m"])) >= _SLUICE_FROM_M
        rows.append(
            {
                "control_id": f"gate-{number}",
                "node_id": head["node_id"],
                "kind": "sluice_gate" if sluice else "flap_gate",
                "name": f"{number}号排口{'闸' if sluice else '拍门'}",
                "normally": "open",
            }
        )
    for node_id, node in net.nodes.items():
        if node["network"] == "drainage" and node["kind"] == "pump":
            number = node_id.removeprefix("storm-pump-")
            rows.append(
                {
                    "control_id": f"station-{number}",
                    "node_id": node_id,
                    "kind": "pump_station",
                    "name": f"第{number}排水泵站",
                    "start_m": _START_M,
                }
            )
    return rows
