"""Times of SCADA tables: ISO 8601, or day, month and year as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rencheng.kernel import InvalidInput

__all__ = ["scada_times"]

Stamps = NDArray[np.int64]

MEND = "Write 2018-01-01 00:05"
ORDERS = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M")


def scada_times(texts: list[str], path: Path) -> Stamps:
    """Microseconds since 1970 of each text, as if the clock were UTC, shape (n,).

    Where day and month could be either, the order counts by which the rows are nearer to each other.

    Raises
    ------
    InvalidInput
        Names file and line of a time that is missing or cannot be read.

    Examples
    --------
    >>> scada_times(["1970-01-01 00:05"], Path("a.csv")).tolist()
    [300000000]
    >>> (scada_times(["30/01/2019 00:00", "31/01/2019 00:00"], Path("a.csv")) // 86_400_000_000).tolist()
    [17926, 17927]
    """
    if not texts:
        raise InvalidInput("the table has no rows", where=str(path), mend="Give at least two weeks of readings")
    missing = next((row for row, text in enumerate(texts) if not text.strip()), None)
    if missing is not None:
        raise InvalidInput("a time is missing", where=f"{path}: line {missing + 2}", mend=MEND)
    first = texts[0].strip()
    if first.replace(".", "", 1).isdigit():
        raise InvalidInput(f"a time cannot be read ({first} is a number)", where=f"{path}: line 2", mend=MEND)
    if "-" not in first[:5]:
        found = [at for order in ORDERS if (at := _by_order(texts, order)) is not None]
        if found:
            return min(found, key=lambda at: (int(np.abs(np.diff(at)).sum()), int(at[0])))
    return _iso(texts, path)


def _iso(texts: list[str], path: Path) -> Stamps:
    plain = [text.strip().replace(" ", "T").removesuffix("Z") for text in texts]
    try:
        at = np.array(plain, dtype="datetime64[us]")
    except ValueError:
        at = None
    if at is None or np.isnat(at).any():
        row = next(row for row, text in enumerate(plain) if not _reads(text))
        raise InvalidInput(
            f"a time cannot be read ({texts[row].strip()[:40]!r})", where=f"{path}: line {row + 2}", mend=MEND
        )
    out: Stamps = at.astype(np.int64)
    return out


def _reads(text: str) -> bool:
    try:
        return not np.isnat(np.datetime64(text, "us"))
    except ValueError:
        return False


def _by_order(texts: list[str], order: str) -> Stamps | None:
    """All times by one order of day, month and year; seconds may follow."""
    if _moment(texts[0], order) is None:
        return None
    moments = [_moment(text, order) for text in texts]
    good = [moment for moment in moments if moment is not None]
    return np.array(good, np.int64) if len(good) == len(texts) else None


def _moment(text: str, order: str) -> int | None:
    for ending in ("", ":%S"):
        try:
            at = datetime.strptime(text.strip(), order + ending).replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(at.timestamp()) * 1_000_000
    return None
