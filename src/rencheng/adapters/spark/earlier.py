"""Readings of a shard that earlier turns wrote, for finding repeats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["EarlierReadings", "file_of", "shard_folder"]


def shard_folder(out: Path, shard: int) -> Path:
    """Where the readings of a shard lie."""
    return out / "readings" / f"shard={shard:04d}"


def file_of(out: Path, shard: int, batch: int, first_us: int, last_us: int) -> Path:
    """File of a turn's readings; its name tells which stamps it has, so that it need not be opened to know."""
    return shard_folder(out, shard) / f"batch-{batch:09d}_{first_us}_{last_us}.parquet"


class EarlierReadings:
    """Looks stored readings up in the files of the turns before one.

    Parameters
    ----------
    out : Path
        Folder of the output.
    shard, batch : int
        Whose, and the turn that asks: what it wrote itself before it was broken off does not count.
    """

    def __init__(self, out: Path, shard: int, batch: int) -> None:
        self._folder = shard_folder(out, shard)
        self._batch = batch

    def __call__(
        self, names: Sequence[tuple[str, str]], first_us: int, last_us: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Give place of the name, stamp and value of stored readings within a span of stamps."""
        found = [self._read(path, names, first_us, last_us) for path in self._files(first_us, last_us)]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        of, at, value = zip(*found, strict=True)
        return np.concatenate(of), np.concatenate(at), np.concatenate(value)

    def _files(self, first_us: int, last_us: int) -> list[Path]:
        chosen = []
        for path in sorted(self._folder.glob("batch-*.parquet")):
            number, first, last = path.stem.removeprefix("batch-").split("_")
            if int(number) < self._batch and int(first) <= last_us and int(last) >= first_us:
                chosen.append(path)
        return chosen

    @staticmethod
    def _read(
        path: Path, names: Sequence[tuple[str, str]], first_us: int, last_us: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        span = [pa.scalar(us, pa.timestamp("us", tz="UTC")) for us in (first_us, last_us)]
        within = (pc.field("at") >= span[0]) & (pc.field("at") <= span[1])
        sensors = pa.array(sorted({sensor for sensor, _ in names}), pa.string())
        table = pq.ParquetFile(path).read(columns=["sensor_id", "quantity", "at", "value"])
        table = table.filter(within)
        table = table.filter(pc.is_in(table["sensor_id"].cast(pa.string()), value_set=sensors))
        place = {name: k for k, name in enumerate(names)}
        pairs = zip(table["sensor_id"].to_pylist(), table["quantity"].to_pylist(), strict=True)
        of = np.array([place.get(pair, -1) for pair in pairs], dtype=np.int64)
        at = np.asarray(table["at"].cast(pa.int64()).to_numpy(), dtype=np.int64)
        value = np.asarray(table["value"].to_numpy(), dtype=np.float64)
        return of[of >= 0], at[of >= 0], value[of >= 0]
