"""What crosses the border to shards and back keeps its value: stamps, numbers, names, whatever type they come in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rencheng.adapters.spark.earlier import EarlierReadings, file_of
from rencheng.adapters.spark.files import write_whole
from rencheng.adapters.spark.keeper import READINGS_SCHEMA, ShardKeeper
from rencheng.adapters.spark.parcels import decoded_file, pack, parcels_of, unpack
from rencheng.adapters.spark.plan import QUANTITY_NAMES, make_plan
from rencheng.app.scale_out import plain_feed
from rencheng.sense import Channel
from rencheng.sense.batch import NO_LIMITS, TimingLimits
from rencheng.sense.channels import ChannelTable
from rencheng.sense.detection_rules import default_detection_rules

AT = 1_780_272_000_123_456
"""2026-06-01T00:00:00.123456Z in microseconds."""


def written(folder: Path, **columns: Any) -> str:
    path = folder / "in put" / "r 1.parquet"  # a name that a URI must escape
    path.parent.mkdir(exist_ok=True)
    given = {
        "sensor_id": pa.array(["s1"]),
        "quantity": pa.array(["stage_m"]),
        "at": pa.array([AT]).cast(pa.timestamp("us", tz="UTC")),
        "value": pa.array([1.5]),
    }
    pq.write_table(pa.table(given | columns), path)
    return path.as_uri()


@pytest.mark.parametrize(
    ("at", "us"),
    [
        (pa.array([AT * 1000 + 789]).cast(pa.timestamp("ns", tz="UTC")), AT),
        (pa.array([AT // 1000]).cast(pa.timestamp("ms", tz="UTC")), AT // 1000 * 1000),
        (pa.array([AT // 1_000_000]).cast(pa.timestamp("s", tz="UTC")), AT // 1_000_000 * 1_000_000),
        (pa.array([AT]).cast(pa.timestamp("us", tz="Asia/Shanghai")), AT),
    ],
    ids=["ns", "ms", "s", "shanghai"],
)
def test_stamps_of_every_grain_arrive_as_microseconds(tmp_path: Path, at: pa.Array, us: int) -> None:
    decoded, detail = decoded_file(plain_feed(), written(tmp_path, at=at))
    assert detail == ""
    assert decoded.good["at"].cast(pa.int64()).to_pylist() == [us]


def test_stamps_without_a_zone_are_kept_aside_not_guessed(tmp_path: Path) -> None:
    decoded, _ = decoded_file(plain_feed(), written(tmp_path, at=pa.array([AT]).cast(pa.timestamp("us"))))
    assert decoded.good.num_rows == 0
    assert decoded.refused["reason"].to_pylist() == ["naive_time"]


@pytest.mark.parametrize(
    ("value", "si"),
    [
        (pa.array([7], pa.uint16()), 7.0),
        (pa.array([7], pa.int64()), 7.0),
        (pa.array([1.5], pa.float32()), 1.5),
        (pa.array([Decimal("1.25")], pa.decimal128(6, 2)), 1.25),
    ],
    ids=["uint16", "int64", "float32", "decimal"],
)
def test_numbers_of_every_kind_arrive_as_doubles(tmp_path: Path, value: pa.Array, si: float) -> None:
    decoded, _ = decoded_file(plain_feed(), written(tmp_path, value=value))
    assert decoded.good["value"].to_pylist() == [si]
    assert decoded.good["value"].type == pa.float64()


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.string()], ids=str)
def test_names_of_every_kind_reach_their_shard(tmp_path: Path, kind: pa.DataType) -> None:
    names = {"sensor_id": pa.array(["s1"]).cast(kind), "quantity": pa.array(["stage_m"]).cast(kind)}
    decoded, _ = decoded_file(plain_feed(), written(tmp_path, **names))
    plan = make_plan(tmp_path / "plan", CITY, default_detection_rules(), 3)
    parcels = dict(parcels_of(plan, decoded, path="f", arrived_us=AT))
    assert [len(parcels[k].at) for k in sorted(parcels)].count(1) == 1


CITY = ChannelTable.of([Channel(sensor_id="s1", quantity="stage_m", lon=121.0, lat=31.0)])


def test_a_file_that_cannot_be_read_stops_nothing_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 is not enough")
    decoded, detail = decoded_file(plain_feed(), path.as_uri())
    plan = make_plan(tmp_path / "plan", CITY, default_detection_rules(), 2)
    parcels = [parcel for _, parcel in parcels_of(plan, decoded, path="broken", arrived_us=AT, detail=detail)]
    assert detail
    assert [parcel.note.detail for parcel in parcels if parcel.note] == [detail]
    assert sum(len(parcel.at) for parcel in parcels) == 0


def test_parcels_are_read_back_as_they_were(tmp_path: Path) -> None:
    decoded, _ = decoded_file(replace(plain_feed(), limits=TimingLimits()), written(tmp_path))
    plan = make_plan(tmp_path / "plan", CITY, default_detection_rules(), 2)
    for _, parcel in parcels_of(plan, decoded, path="f", arrived_us=AT + 5):
        again = unpack(pack(parcel))
        for name in ("sensor", "quantity", "at", "value"):
            np.testing.assert_array_equal(getattr(again, name), getattr(parcel, name))
        assert (again.arrived_us, again.late_us, again.ahead_us) == (AT + 5, AT + 5 - 21_600_000_000, AT + 300_000_005)
        assert again.note == parcel.note


def test_written_readings_have_only_types_that_spark_has(tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "plan", CITY, default_detection_rules(), 1)
    decoded, _ = decoded_file(replace(plain_feed(), limits=NO_LIMITS), written(tmp_path, value=pa.array([900.0])))
    keeper = ShardKeeper(plan, 0, default_detection_rules())
    turn = keeper.step(
        [p for _, p in parcels_of(plan, decoded, path="f", arrived_us=0)], EarlierReadings(tmp_path, 0, 0)
    )
    assert turn.readings.schema == READINGS_SCHEMA
    assert not [f for f in READINGS_SCHEMA if pa.types.is_unsigned_integer(f.type) or "ns" in str(f.type)]
    assert turn.readings["flags"].to_pylist() == [1]  # out of range
    path = file_of(tmp_path, 0, 3, AT, AT)
    write_whole(path, turn.readings)
    named = ([("s1", "stage_m")], AT - 1, AT + 1)
    assert EarlierReadings(tmp_path, 0, 4)(*named)[2].tolist() == [900.0]
    assert EarlierReadings(tmp_path, 0, 3)(*named)[2].tolist() == []  # what the turn itself wrote does not count
    assert "stage_m" in QUANTITY_NAMES
