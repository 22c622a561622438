"""``rencheng detect FILE.csv``: a file's series through the univariate detector, row by row as a stream would come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from rencheng.adapters.tabular import SeriesBlock, read_series
from rencheng.kernel import StorageFailed
from rencheng.science.detection.univariate import UnivariateState, detect_step

__all__ = ["detect_file"]

Tell = Callable[[float, str], None]
PIPE = Path("-")
_SPECIAL = r'[,"\r\n]'


def detect_file(file: Path, time: str, value: str, out: Path, *, tell: Tell = lambda _share, _text: None) -> str:
    """Score the rows of a CSV file and write ``timestamp,value,score,alarm``, one line for each row that came.

    ``timestamp`` and ``value`` are the texts of the file. A row whose value is missing has an empty score and the
    alarm of the row before it. The file appears whole under its name once the input is read to its end; an input
    that is refused half-way leaves an earlier ``out`` as it was.

    Parameters
    ----------
    file : Path
        CSV with a header, plain or gzipped; ``-`` reads standard input.
    time, value : str
        Columns.
    out : Path
        File to write; ``-`` writes to standard output as the rows come.
    tell : callable
        Is told the share done and the rows so far.

    Returns
    -------
    str
        One line: rows, missing values, alarms.
    """
    state = UnivariateState()
    rows = missing = alarms = 0
    sounding = False
    with _sink(out) as sink:
        sink.write(b"timestamp,value,score,alarm\n")
        for block in read_series(None if file == PIPE else file, time, value):
            score, alarm = detect_step(state, block.at_us, block.value)
            sink.write(_lines(block, score, alarm))
            rows += len(score)
            missing += int(np.isnan(score).sum())
            before = np.concatenate(([sounding], alarm[:-1]))
            alarms += int((alarm & ~before).sum())
            sounding = bool(alarm[-1]) if len(alarm) else sounding
            tell(block.share, f"{rows:,} rows")
    return f"{rows:,} rows, {missing:,} without a value, {alarms:,} alarms"


def _lines(block: SeriesBlock, score: np.ndarray, alarm: np.ndarray) -> bytes:
    text = pc.cast(pa.array(np.round(score, 6), from_pandas=True), pa.string())
    table = pa.table(
        {
            "timestamp": block.time_text,
            "value": block.value_text,
            "score": pc.fill_null(text, ""),
            "alarm": pa.array(alarm.astype(np.int8)),
        }
    )
    plain = not any(pc.any(pc.match_substring_regex(table[name], _SPECIAL)).as_py() for name in ("timestamp", "value"))
    buffer = pa.BufferOutputStream()
    options = pa_csv.WriteOptions(include_header=False, quoting_style="none" if plain else "needed")
    pa_csv.write_csv(table, buffer, options)
    return bytes(buffer.getvalue())


@contextmanager
def _sink(out: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is complete, or the pipe."""
    if out == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = out.with_name(f".{out.name}.part")
    try:
        with unfinished.open("wb") as opened:
            yield opened
        unfinished.replace(out)
    except OSError as error:
        raise StorageFailed(f"cannot write: {error.strerror or error}", where=str(out)) from error
    finally:
        if unfinished.exists():
            unfinished.unlink()
