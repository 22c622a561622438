"""Checkpoints: what quality control and detectors remember of channels, written in pages of channels in a row."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rencheng.adapters.duckdb.database import registered
from rencheng.adapters.duckdb.registry import ChannelRegistry, states_from_blobs
from rencheng.science.detection.step import reckon_due
from rencheng.sense.detection import DetectionDesk

__all__ = ["PAGE", "load_detection", "load_states", "write_pages"]

PAGE = 4096
"""Channels in a page; one row of the database, where a row for each channel would take a hundred times as long."""


def write_pages(
    con: duckdb.DuckDBPyConnection, registry: ChannelRegistry, desk: DetectionDesk | None, channels: NDArray[np.int64]
) -> None:
    """Write the pages that hold some channels."""
    pages = np.unique(channels // PAGE).tolist()
    spans = [(page, page * PAGE, min((page + 1) * PAGE, len(registry))) for page in pages]
    rows = [("quality", page, registry.states[begin:end].tobytes()) for page, begin, end in spans]
    if desk is not None:
        rows += [("detection", page, desk.page(begin, end)) for page, begin, end in spans]
    if not rows:
        return
    kinds, numbers, data = zip(*rows, strict=True)
    table = pa.table(
        {"kind": list(kinds), "page": pa.array(numbers, pa.int32()), "data": pa.array(data, pa.large_binary())}
    )
    with registered(con, "new_pages", table):
        con.execute("DELETE FROM state_pages s USING new_pages n WHERE s.kind = n.kind AND s.page = n.page")
        con.execute("INSERT INTO state_pages SELECT * FROM new_pages")


def load_states(con: duckdb.DuckDBPyConnection, registry: ChannelRegistry) -> None:
    """Bring quality control to the checkpoint."""
    rows = con.execute("SELECT page, data FROM state_pages WHERE kind = 'quality' ORDER BY page").fetchall()
    for page, data in rows:
        states = states_from_blobs([data])
        registry.states[page * PAGE : page * PAGE + len(states)] = states
    if not rows:
        old = con.execute("SELECT channel, state FROM channel_state ORDER BY channel").fetchall()
        if old:
            registry.states[[channel for channel, _ in old]] = states_from_blobs([blob for _, blob in old])


def load_detection(con: duckdb.DuckDBPyConnection, desk: DetectionDesk) -> bool:
    """Bring detectors to the checkpoint; tells whether rules have changed, so that some of them begin anew."""
    same = True
    for page, data in con.execute(
        "SELECT page, data FROM state_pages WHERE kind = 'detection' ORDER BY page"
    ).fetchall():
        same &= desk.load_page(page * PAGE, data)
    reckon_due(desk.state)
    for (kept,) in con.execute("SELECT detection FROM checkpoint WHERE detection IS NOT NULL").fetchall():
        same &= desk.unpack(kept)
    return not same
