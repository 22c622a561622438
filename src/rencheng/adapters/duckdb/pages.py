"""Checkpoints: what quality control and detectors remember of channels, written in pages of channels in a row."""

from __future__ import annotations

from collections.abc import Iterator

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
_AT_ONCE = 32


def write_pages(
    con: duckdb.DuckDBPyConnection, registry: ChannelRegistry, desk: DetectionDesk | None, pages: NDArray[np.int64]
) -> None:
    """Write some pages, a few at a time: all of them together are as large as what is remembered."""
    for first in range(0, len(pages), _AT_ONCE):
        rows = []
        for page in pages[first : first + _AT_ONCE].tolist():
            begin, end = page * PAGE, min((page + 1) * PAGE, len(registry))
            rows.append(("quality", page, registry.states[begin:end].tobytes()))
            if desk is not None:
                rows.append(("detection", page, desk.page(begin, end)))
        _write(con, rows)


def _write(con: duckdb.DuckDBPyConnection, rows: list[tuple[str, int, bytes]]) -> None:
    kinds, numbers, data = zip(*rows, strict=True)
    table = pa.table(
        {"kind": list(kinds), "page": pa.array(numbers, pa.int32()), "data": pa.array(data, pa.large_binary())}
    )
    with registered(con, "new_pages", table):
        con.execute("DELETE FROM state_pages s USING new_pages n WHERE s.kind = n.kind AND s.page = n.page")
        con.execute("INSERT INTO state_pages SELECT * FROM new_pages")


def load_states(con: duckdb.DuckDBPyConnection, registry: ChannelRegistry) -> None:
    """Bring quality control to the checkpoint."""
    any_page = False
    for page, data in _pages(con, "quality"):
        states = states_from_blobs([data])
        registry.states[page * PAGE : page * PAGE + len(states)] = states
        any_page = True
    if not any_page:
        old = con.execute("SELECT channel, state FROM channel_state ORDER BY channel").fetchall()
        if old:
            registry.states[[channel for channel, _ in old]] = states_from_blobs([blob for _, blob in old])


def load_detection(con: duckdb.DuckDBPyConnection, desk: DetectionDesk) -> bool:
    """Bring detectors to the checkpoint; tells whether rules have changed, so that some of them begin anew."""
    same = True
    for page, data in _pages(con, "detection"):
        same &= desk.load_page(page * PAGE, data)
    reckon_due(desk.state)
    for (kept,) in con.execute("SELECT detection FROM checkpoint WHERE detection IS NOT NULL").fetchall():
        same &= desk.unpack(kept)
    return not same


def _pages(con: duckdb.DuckDBPyConnection, kind: str) -> Iterator[tuple[int, bytes]]:
    """Pages of a kind in their order, read a few at a time."""
    numbers = con.execute("SELECT page FROM state_pages WHERE kind = ? ORDER BY page", [kind]).fetchall()
    for first in range(0, len(numbers), _AT_ONCE):
        some = [page for (page,) in numbers[first : first + _AT_ONCE]]
        sql = "SELECT page, data FROM state_pages WHERE kind = ? AND page BETWEEN ? AND ? ORDER BY page"
        yield from con.execute(sql, [kind, some[0], some[-1]]).fetchall()
