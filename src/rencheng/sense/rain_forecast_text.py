"""Forecasts of the rain as text: a CSV table or a JSON document of steps, with members or quantiles where given."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from rencheng.kernel import InvalidInput
from rencheng.sense.rain_forecast import RainForecast

__all__ = ["rain_forecast_from_csv", "rain_forecast_from_json"]

_MOST_ROWS = 2_000
_LAYER = re.compile(r"(?P<kind>q|member_)(?P<number>[0-9.]+)")


def rain_forecast_from_csv(text: str, *, where: str = "rain forecast") -> RainForecast:
    r"""Read a table with one row per step.

    ``minutes`` is the end of the step, counted from the issue; a step begins where the one before it ends, the first
    at 0. Then one column of rain, ``rate_mm_h`` or ``depth_mm`` (fallen in the step), or several: ``q10``, ``q50`` …
    (quantiles in percent) or ``member_1``, ``member_2`` …, all in mm/h.

    Raises
    ------
    InvalidInput
        If a column is absent or unknown, or a value is no number; names row and column.

    Examples
    --------
    >>> forecast = rain_forecast_from_csv("minutes,depth_mm\n60,3\n240,6\n")
    >>> forecast.rate_mm_h.ravel().tolist(), forecast.total_mm
    ([3.0, 2.0], 9.0)
    """
    rows = list(itertools.islice(csv.reader(io.StringIO(text)), _MOST_ROWS + 2))
    if len(rows) < 2:
        raise InvalidInput("no steps", where=where, mend="Give a header and one row per step")
    names = [name.strip() for name in rows[0]]
    return _forecast(names, [row for row in rows[1:] if any(cell.strip() for cell in row)], where)


def rain_forecast_from_json(text: str | bytes, *, where: str = "rain forecast") -> RainForecast:
    """Read ``{"steps": [{"minutes": 60, "rate_mm_h": 3.0}, …]}``; the keys of a step are the columns of the CSV.

    Raises
    ------
    InvalidInput
        If it is no such document; names the step.
    """
    try:
        said = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"not JSON: {error}", where=where) from error
    steps = said.get("steps") if isinstance(said, dict) else None
    if not isinstance(steps, list) or not steps or not all(isinstance(s, dict) for s in steps):
        raise InvalidInput("no list of steps", where=f"{where}: steps", mend='Give {"steps": [{"minutes": …}, …]}')
    names = list(steps[0])
    for number, step in enumerate(steps):
        if list(step) != names:
            raise InvalidInput("its keys differ from those of step 0", where=f"{where}: step {number}")
    return _forecast(names, [list(step.values()) for step in steps], where)


def _forecast(names: list[str], rows: Sequence[Sequence[Any]], where: str) -> RainForecast:
    if len(rows) > _MOST_ROWS:
        raise InvalidInput(f"more than {_MOST_ROWS} steps", where=where, mend="Give longer steps")
    if "minutes" not in names:
        raise InvalidInput("no column 'minutes'", where=where, mend=f"There are: {', '.join(names)}")
    value = np.array([_numbers(names, row, number, where) for number, row in enumerate(rows)])
    edges = 60.0 * np.concatenate([[0.0], value[:, names.index("minutes")]])
    columns, levels = _layers([n for n in names if n != "minutes"], where)
    rate = value[:, [names.index(c) for c in columns]].T
    if columns == ["depth_mm"] and (np.diff(edges) > 0.0).all():
        rate = rate * 3600.0 / np.diff(edges)
    return RainForecast(edges_s=edges, rate_mm_h=rate[:, :, None, None].astype(np.float32), levels=levels)


def _numbers(names: list[str], row: Sequence[Any], number: int, where: str) -> list[float]:
    if len(row) != len(names):
        raise InvalidInput(f"{len(row)} values for {len(names)} columns", where=f"{where}, step {number}")
    found = []
    for name, cell in zip(names, row, strict=True):
        try:
            found.append(float(cell))
        except (TypeError, ValueError):
            raise InvalidInput(f"{cell!r} is no number", where=f"{where}, step {number}, column {name}") from None
    return found


def _layers(names: list[str], where: str) -> tuple[list[str], tuple[float, ...]]:
    """Columns of rain in their order, and the probabilities of quantiles."""
    if names in (["rate_mm_h"], ["depth_mm"]):
        return names, ()
    matched = [(name, _LAYER.fullmatch(name)) for name in names]
    kinds = sorted({m["kind"] for _, m in matched if m})
    if not names or len(kinds) != 1 or not all(m for _, m in matched):
        mend = "Use rate_mm_h, depth_mm, or q10, q50 … or member_1, member_2 …"
        raise InvalidInput(f"columns of rain are {', '.join(names) or 'none'}", where=where, mend=mend)
    ordered = sorted((float(m["number"]), name) for name, m in matched if m)
    levels = tuple(number / 100.0 for number, _ in ordered) if kinds == ["q"] else ()
    return [name for _, name in ordered], levels
