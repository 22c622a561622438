"""How fast this machine takes readings and answers questions about them, beside what bounds it."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.bench_lags import lags_s
from rencheng.kernel import Bilingual, InvalidInput
from rencheng.sense import Decoded, Delivery, FeedConfig, default_detection_rules, feed_config_from_dict
from rencheng.sense.batch import GOOD_SCHEMA
from rencheng.sense.map_box import MapBox, SensorMap
from rencheng.sense.reading_query import ReadingQuery

__all__ = ["Figure", "bench_sense"]

T0 = datetime(2026, 6, 1, tzinfo=UTC)
_FIRST_US = int(T0.timestamp()) * 1_000_000
_MONTH_MIN = 30 * 1440
_MONTH_SENSORS = 240
"""So many sensors for thirty days are 10.4 million readings."""
_FULL_S = 20.0
"""Seconds from which on memory and the month are measured at full size."""
_MOST_ROWS = 500_000
"""Readings of a transaction, as the intake desk gathers them."""

Tell = Callable[[float, str], None]
_NOTHING = Bilingual(zh="", en="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    id : str
        Name that stays.
    name : Bilingual
        What was measured.
    value, unit : float, str
        How much of what.
    bound : Bilingual
        What bounds it, or empty.
    """

    id: str
    name: Bilingual
    value: float
    unit: str
    bound: Bilingual = _NOTHING


def bench_sense(folder: Path, *, sensors: int, seconds: float, tell: Tell = lambda *_: None) -> Iterator[Figure]:
    """Measure in a folder, which needs about half a gigabyte; what is written there stays.

    Parameters
    ----------
    folder : Path
        On the disk that is asked about.
    sensors : int
        Sensors that report once a minute.
    seconds : float
        About how long; from 20 on the month has 10.4 million readings.
    tell : callable
        Told the share done and what is going on.

    Raises
    ------
    InvalidInput
        If there are no sensors or there is no time.
    """
    if sensors < 1 or not seconds > 0:
        raise InvalidInput("nothing to measure", mend="Give at least one sensor and more than 0 seconds")
    tell(0.0, "limits 极限")
    yield Figure(
        id="load",
        name=Bilingual(zh="开始前的系统负载（一分钟）", en="load of the machine before, one minute"),
        value=os.getloadavg()[0],
        unit="",
        bound=Bilingual(zh=f"{os.cpu_count()} 个处理器", en=f"{os.cpu_count()} processors"),
    )
    yield from _limits(folder, seconds)
    tell(0.1, "decoding 解码")
    yield from _decoding(min(sensors, 100_000), seconds)
    tell(0.25, "taking 入库")
    yield from _taking(folder, sensors, seconds)
    tell(0.55, "lag 时延")
    lags = lags_s(folder, min(sensors, 20_000), seconds / 10)
    bound = Bilingual(zh="磁盘同步与排队", en="syncs of the disk and the queue before them")
    for share in (50, 99):
        yield Figure(
            id=f"lag_p{share}",
            name=Bilingual(zh=f"每秒十万条时从到期到落盘，P{share}", en=f"due to committed at 100,000/s, P{share}"),
            value=float(np.percentile(lags, share)) * 1e3,
            unit="ms",
            bound=bound,
        )
    tell(0.7, "a month 一个月")
    yield from _month(folder, seconds)
    tell(1.0, "")


def _limits(folder: Path, seconds: float) -> Iterator[Figure]:
    block = np.ones(max(1 << 20, int(min(1.0, seconds / _FULL_S) * (32 << 20))))
    target = np.empty_like(block)
    copied = 2 * block.nbytes / _best(lambda: np.copyto(target, block), seconds / 40)
    yield Figure(
        id="memory",
        name=Bilingual(zh="内存带宽（拷贝）", en="memory bandwidth (copy)"),
        value=copied / 1e9,
        unit="GB/s",
    )
    with (folder / "sync").open("wb") as file:

        def sync() -> None:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())

        yield Figure(
            id="fsync",
            name=Bilingual(zh="磁盘同步", en="fsync"),
            value=_best(sync, seconds / 40) * 1e3,
            unit="ms",
        )
    lines = [b'{"sensor_id":"g-%07d","t":%d,"v":%.3f}' % (n, 1_780_000_000_000 + n, n / 1e3) for n in range(20_000)]
    decoder = msgspec.json.Decoder()
    parsed = len(lines) / _best(lambda: [decoder.decode(line) for line in lines], seconds / 40)
    yield Figure(
        id="json",
        name=Bilingual(zh="仅解析 JSON（msgspec）", en="JSON parsed and nothing else (msgspec)"),
        value=parsed,
        unit="rows/s",
    )


def _decoding(rows: int, seconds: float) -> Iterator[Figure]:
    table = _minutes(rows, 0, 1)
    arrow, parquet = pa.BufferOutputStream(), pa.BufferOutputStream()
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, parquet)
    columns = (table[name].to_pylist() for name in ("s", "v"))
    text = "\n".join(
        f'{{"s":"{s}","q":"methane_ratio_lel","t":"2026-06-01T00:00:00Z","v":{v}}}'
        for s, v in zip(*columns, strict=True)
    )
    bodies = {
        "ndjson": (text.encode(), Bilingual(zh="JSON 解析", en="JSON parsing")),
        "arrow": (arrow.getvalue().to_pybytes(), Bilingual(zh="内存带宽", en="memory bandwidth")),
        "parquet": (parquet.getvalue().to_pybytes(), Bilingual(zh="解压缩", en="decompression")),
    }
    for name, (body, bound) in bodies.items():
        decode = decoder_of(_feed(name))
        context = Delivery(arrived_at=T0)
        took = _best(lambda: decode.decode_many([(body, context)]), seconds / 30)  # noqa: B023 — called at once
        yield Figure(
            id=f"decode_{name}",
            name=Bilingual(zh=f"解码 {name}", en=f"decode {name}"),
            value=rows / took,
            unit="rows/s",
            bound=bound,
        )


def _feed(format_: str) -> FeedConfig:
    long = {"quantity_column": "q", "value_column": "v"}
    section = {"id": "bench", "format": format_, "sensor_column": "s", "time": {"column": "t"}, "long": long}
    return feed_config_from_dict(section, where="bench")


def _minutes(sensors: int, first: int, minutes: int) -> pa.Table:
    """Readings of sensors, minute after minute."""
    every = np.tile(np.arange(sensors, dtype=np.int32), minutes)
    value = np.round(0.02 + 0.002 * np.sin(np.arange(len(every)) * 1.7 + first), 4)
    at = _FIRST_US + (first + np.repeat(np.arange(minutes), sensors)) * 60_000_000
    kind = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(every), np.int8)), pa.array(["methane_ratio_lel"]))
    return pa.table(
        {
            "s": pa.DictionaryArray.from_arrays(pa.array(every), pa.array([f"g-{n:07d}" for n in range(sensors)])),
            "q": kind,
            "t": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
            "v": value,
        }
    )


def _batch(sensors: int, first: int, minutes: int) -> Decoded:
    table = _minutes(sensors, first, minutes).rename_columns(GOOD_SCHEMA.names)
    return Decoded(good=table, rows=table.num_rows)


def _taking(folder: Path, sensors: int, seconds: float) -> Iterator[Figure]:
    store = DuckDbReadings(folder / "taking.duckdb", detection=default_detection_rules())
    minutes = max(1, min(1000, _MOST_ROWS // sensors))
    spent: list[float] = []
    while sum(spent[1:]) < seconds / 5 or len(spent) < 3:
        first = len(spent) * minutes
        batch, now = _batch(sensors, first, minutes), T0 + timedelta(minutes=first + minutes)
        begun = time.perf_counter()
        store.take("bench", str(first), batch, now=now)
        spent.append(time.perf_counter() - begun)
    yield Figure(
        id="take",
        name=Bilingual(zh="质控、检测、落盘", en="checked, judged by the shipped rules, committed"),
        value=sensors * minutes / statistics.median(spent[1:]),
        unit="readings/s",
        bound=Bilingual(zh="数据库压缩与写列", en="the database writing and compressing columns"),
    )
    yield from _box(store, sensors, seconds)
    store.close()


def _box(store: DuckDbReadings, sensors: int, seconds: float) -> Iterator[Figure]:
    rng = np.random.default_rng(1)
    names = pa.array([f"g-{n:07d}" for n in range(sensors)])
    placed = SensorMap(store, names, rng.uniform(120.9, 122.0, sensors), rng.uniform(30.7, 31.9, sensors))
    city = MapBox(west=120.9, south=30.7, east=122.0, north=31.9)
    took = _best(lambda: placed.latest("methane_ratio_lel", city), seconds / 40)
    yield Figure(
        id="latest",
        name=Bilingual(zh=f"地图框内 {sensors:,} 个传感器的最新值", en=f"last value of {sensors:,} sensors by map box"),
        value=took * 1e3,
        unit="ms",
        bound=Bilingual(zh="内存带宽", en="memory bandwidth"),
    )


def _month(folder: Path, seconds: float) -> Iterator[Figure]:
    sensors = max(2, int(_MONTH_SENSORS * min(1.0, seconds / _FULL_S)))
    store = DuckDbReadings(folder / "month.duckdb")
    step = 4320
    for first in range(0, _MONTH_MIN, step):
        now = T0 + timedelta(minutes=first + step)
        store.take("bench", str(first), _batch(sensors, first, step), now=now)
    store.compact()
    n, end = sensors * _MONTH_MIN, T0 + timedelta(days=30)
    took = _best(lambda: store.hourly("methane_ratio_lel", start=T0, end=end), seconds / 20)
    yield Figure(
        id="hourly",
        name=Bilingual(zh=f"{n:,} 条按传感器、按小时汇总", en=f"hours of {n:,} readings by sensor"),
        value=took * 1e3,
        unit="ms",
        bound=Bilingual(zh="读小时文件", en="reading the hours' files"),
    )
    one = ReadingQuery(channels=((f"g-{sensors // 2:07d}", "methane_ratio_lel"),), order=(("at", False),), top=10**6)
    yield Figure(
        id="one_sensor",
        name=Bilingual(zh=f"一个传感器 30 天（{_MONTH_MIN:,} 条）", en=f"30 days of one sensor ({_MONTH_MIN:,} rows)"),
        value=_best(lambda: store.select(one), seconds / 20) * 1e3,
        unit="ms",
        bound=Bilingual(zh="每个文件一个行组", en="one row group of each file"),
    )
    store.close()


def _best(work: Callable[[], object], seconds: float) -> float:
    """Median seconds of a piece of work, run for about so long and three times at least, after one that warms up."""
    work()
    spent: list[float] = []
    while len(spent) < 3 or (sum(spent) < seconds and len(spent) < 100):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)
