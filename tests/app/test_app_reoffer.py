"""Refused rows offered again: what is right by now is taken once, what is not stays with its reason."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.regulator import session_of
from rencheng.adapters.regulator.hj212_packet import Hj212Packet, hj212_packet_bytes
from rencheng.app.connectors.inlet import joined_batches
from rencheng.app.live_intake import LiveIntake
from rencheng.app.reoffer import NOT_KEPT, NOTHING_TO_TAKE, decoded_again
from rencheng.kernel import InvalidConfig, NotFound
from rencheng.sense import Channel, Delivery, FeedConfig, QualityFlag, feed_config_from_dict
from rencheng.sense.refused import REOFFER, RefusedQuery, Reoffer, Reoffered

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = int((NOW - timedelta(minutes=10)).timestamp())
CHANNELS = [Channel(sensor_id=name, quantity="stage_m") for name in ("g1", "g2")]
Open = Callable[[], DuckDbReadings]


def feed(**section: Any) -> FeedConfig:
    plain = {
        "id": "f",
        "format": "ndjson",
        "sensor_column": "stn",
        "time": {"column": "ts", "format": "epoch_s"},
        "columns": [{"column": "lvl", "quantity": "stage_m", "unit": "m"}],
    }
    return feed_config_from_dict({**plain, **section}, where="test")


def take(store: DuckDbReadings, config: FeedConfig, *bodies: bytes, topic: str = "", at: datetime = NOW) -> None:
    parts = [(body, Delivery(arrived_at=at, topic=topic)) for body in bodies]
    store.take(config.id, f"p{store.count()}-{hash(bodies) & 0xFFFF}", decoder_of(config).decode_many(parts), now=at)


def reoffer(
    store: DuckDbReadings, config: FeedConfig, *, now: datetime = NOW, position: str = "1", **query: Any
) -> Reoffered:
    rows = store.refused_rows(RefusedQuery(feed_id="f", top=100_000, **query))
    found = decoded_again(config, rows, store)
    offer = Reoffer(
        feed_id="f",
        position=f"{REOFFER}{position}",
        by="role:officer",
        reason=query.get("reason", ""),
        ids=[row.refused_id for row in rows],
        batches=found.batches,
        still=found.still,
    )
    return store.reoffer(offer, now=now)


def readings(store: DuckDbReadings) -> list[tuple[str, int, float]]:
    table = store.window("stage_m", start=NOW - timedelta(days=9), end=NOW + timedelta(days=9), good_only=False)
    return [(row["sensor_id"], int(row["at"].timestamp()), row["value"]) for row in table.to_pylist()]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the same store again and again, closing the one before."""
    stores: list[DuckDbReadings] = []

    def again() -> DuckDbReadings:
        if stores:
            stores.pop().close()
        stores.append(DuckDbReadings(tmp_path / "readings.duckdb", channels=CHANNELS))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def test_rows_that_the_new_configuration_reads_are_taken_and_leave_the_list(opened: Open) -> None:
    store = opened()
    take(
        store,
        feed(),
        lines(
            {"stn": "g1", "ts": AT, "lvl": 1.0},
            {"id": "g1", "ts": AT + 60, "lvl": 2.0},
            {"id": "g2", "ts": AT + 60, "lvl": "x"},
            {"id": "nobody", "ts": AT + 60, "lvl": 3.0},
        ),
    )
    assert store.refused_counts("f") == {"no_sensor": 3}
    mended = feed(sensor_column="id")
    told = reoffer(opened(), mended)  # what was kept survives a new start
    assert (told.offered, told.taken, told.accepted) == (3, 1, 1)
    assert told.still == {"bad_number": 1, "unknown_sensor": 1}
    store = opened()
    assert readings(store) == [("g1", AT, 1.0), ("g1", AT + 60, 2.0)]
    assert store.refused_counts("f") == {"bad_number": 1, "unknown_sensor": 1}
    (taken,) = store.refused_page(RefusedQuery(feed_id="f", taken=True)).to_pylist()
    assert (taken["given_by"], taken["given_at"]) == ("role:officer", NOW)
    assert store.reoffers() == [replace(told, intakes=())]


def test_an_offer_given_twice_takes_nothing_twice_and_moves_no_feed(opened: Open) -> None:
    store = opened()
    take(store, feed(), lines({"stn": "g1", "ts": AT, "lvl": 1.0}, {"stn": "nobody", "ts": AT, "lvl": 2.0}))
    before = store.position("f")
    mended = feed(columns=[{"column": "lvl", "quantity": "stage_m", "unit": "m"}])
    rows = store.refused_rows(RefusedQuery(feed_id="f"))
    store.admit([Channel(sensor_id="nobody", quantity="stage_m")])
    found = decoded_again(mended, rows, store)
    ids = [row.refused_id for row in rows]
    offer = Reoffer(feed_id="f", position=f"{REOFFER}1", by="a", reason="", ids=ids, batches=found.batches)
    assert store.reoffer(offer, now=NOW).taken == 1
    again = store.reoffer(replace(offer, position=f"{REOFFER}2"), now=NOW)
    assert (again.offered, again.taken, again.accepted, again.repeated) == (0, 0, 0, 0)
    assert store.position("f") == before
    assert [row["position"] for row in store.feeds().to_pylist()] == [before]


CSV = b"stn;ts;lvl\ng1;%d;1,5\ng2;%d;9999999999999999999e999\ng1;nonsense;3\ng1;%d;2\n" % (AT, AT, AT + 60)


@pytest.mark.parametrize("parts", [1, 3])
def test_lines_of_csv_keep_their_header(opened: Open, parts: int) -> None:
    store = opened()
    wrong = feed(format="csv", delimiter=";")
    take(store, wrong, *([b"stn;ts;lvl\ng1;%d;7\n" % (AT - 60)] * (parts - 1)), CSV)
    assert store.refused_counts("f") == {"bad_number": 1, "bad_time": 1, "not_finite": 1}
    told = reoffer(store, replace(wrong, missing=("", "1,5", "nonsense")))
    assert told.taken == 0
    details = {row["detail"] for row in store.refused(feed_id="f").to_pylist()}
    assert NOTHING_TO_TAKE in details  # "not measured" is no reading; the row is not forgotten for that


def test_lines_in_the_wrong_encoding_keep_their_bytes(opened: Open) -> None:
    store = opened()
    wrong = feed(format="csv")
    body = f"stn,ts,lvl,name\ng1,{AT},1.5,\ng2,{AT},2.5,临江\n".encode("gb18030")
    take(store, wrong, body)
    assert store.refused_counts("f") == {"bad_encoding": 1}
    (row,) = store.refused_rows(RefusedQuery(feed_id="f"))
    assert row.origin is not None
    assert "临江".encode("gb18030") in row.origin.body
    assert reoffer(store, replace(wrong, encoding="gb18030")).taken == 1
    assert ("g2", AT, 2.5) in readings(store)


def test_rows_of_arrow_tables_are_kept_as_they_were(opened: Open) -> None:
    store = opened()
    table = pa.table({"stn": ["g1", "nobody", "g2"], "ts": [AT, AT, AT], "lvl": [1.0, 2.0, float("nan")]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    config = feed(format="arrow")
    take(store, config, sink.getvalue())
    assert store.refused_counts("f") == {"not_finite": 1, "unknown_sensor": 1}
    store.admit([Channel(sensor_id="nobody", quantity="stage_m")])
    told = reoffer(store, config)
    assert (told.taken, told.still) == (1, {"not_finite": 1})
    assert ("nobody", AT, 2.0) in readings(store)


JSON: dict[str, Any] = {
    "format": "json",
    "sensor_column": "",
    "sensor": "{2}",
    "json": {"records": "rows[*]"},
    "columns": [
        {"column": "a", "quantity": "stage_m", "unit": "m"},
        {"column": "b", "quantity": "air_temperature_c", "unit": "degC"},
    ],
}


def test_messages_keep_their_topic_and_arrival_and_each_field_its_own_verdict(opened: Open) -> None:
    store = opened()
    config = feed(**JSON, time={"column": ""})
    body = json.dumps({"rows": [{"a": "1,5", "b": "x"}, {"a": 2.0, "b": 20.0}]}).encode()
    take(store, config, b"{oops", body, topic="city/g1/up")
    assert store.refused_counts("f") == {"bad_number": 1, "bad_row": 1}  # both fields of one row are one row
    mended = replace(config, missing=("", "x"))
    told = reoffer(store, mended, now=NOW + timedelta(hours=3))
    assert told.still == {"bad_number": 1, "bad_row": 1}
    take(store, config, json.dumps({"rows": [{"a": 4.0}]}).encode(), topic="city/g9/up", at=NOW + timedelta(hours=4))
    assert store.refused_counts("f")["unknown_sensor"] == 1
    moved = replace(config, sensor="g1")
    told = reoffer(store, moved, now=NOW + timedelta(hours=5), position="2", reason="unknown_sensor")
    assert (told.taken, told.accepted) == (1, 1)
    assert ("g1", int((NOW + timedelta(hours=4)).timestamp()), 4.0) in readings(
        store
    )  # stamped with its arrival, not now


def test_a_wrong_clock_stays_wrong_however_late_the_row_is_offered(opened: Open) -> None:
    store = opened()
    ahead = int((NOW + timedelta(days=2)).timestamp())
    early = int((NOW + timedelta(hours=1)).timestamp())
    take(store, feed(), lines({"stn": "g1", "ts": ahead, "lvl": 1.0}, {"id": "g1", "ts": early, "lvl": 2.0}))
    told = reoffer(store, feed(), now=NOW + timedelta(days=5))
    assert told.still == {"future_time": 1, "no_sensor": 1}
    told = reoffer(store, feed(sensor_column="id"), now=NOW + timedelta(days=5), position="2", reason="no_sensor")
    assert told.taken == 1
    table = store.window("stage_m", start=NOW, end=NOW + timedelta(days=9), good_only=False)
    assert table["flags"].to_pylist()[0] & QualityFlag.FUTURE


def test_what_no_configuration_mends_is_never_taken(opened: Open) -> None:
    store = opened()
    frame = b"##0050QN=1;ST=32;CN=2011;PW=1;MN=g1;CP=&&a=1&&0000\r\n"
    config = feed(
        format="hj212",
        sensor="{mn}",
        sensor_column="",
        time={"timezone": "Asia/Shanghai"},
        columns=[{"column": "a34004", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}],
    )
    take(store, config, frame)
    counts = store.refused_counts("f")
    assert sum(counts.values()) >= 1
    assert reoffer(store, config).taken == 0
    assert store.refused_counts("f") == counts


def test_a_row_of_which_only_the_text_is_left_says_so(opened: Open) -> None:
    store = opened()
    config = feed(format="csv")
    decoded = replace(decoder_of(config).decode(b"stn,ts,lvl\ng1,x,1\n", Delivery(arrived_at=NOW)), origins=None)
    store.take("f", "p", decoded, now=NOW)
    rows = store.refused_rows(RefusedQuery(feed_id="f"))
    assert decoded_again(config, rows, store).still == {0: ("bad_time", NOT_KEPT)}


KILLED = """
import os, signal, sys
from pathlib import Path
from datetime import UTC, datetime
from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.duckdb import readings as module
from tests.app.test_app_reoffer import CHANNELS, NOW, feed, reoffer
store = DuckDbReadings(Path(sys.argv[1]), channels=CHANNELS)
if sys.argv[2] == "before":
    settle = module.settle
    def dies(*given):
        settle(*given)
        os.kill(os.getpid(), signal.SIGKILL)
    module.settle = dies
reoffer(store, feed(sensor_column="id"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_around_the_commit_takes_all_or_nothing_and_once(tmp_path: Path, when: str) -> None:
    path = tmp_path / "readings.duckdb"
    rows = [{"id": "g1", "ts": AT + n, "lvl": 1.0 + n} for n in range(300)]
    store = DuckDbReadings(path, channels=CHANNELS)
    take(store, feed(), lines({"stn": "g1", "ts": AT - 5, "lvl": 0.5}, *rows))
    store.close()
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path), when], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    store = DuckDbReadings(path, channels=CHANNELS)
    assert store.count() == (1 if when == "before" else 301)
    assert sum(store.refused_counts("f").values()) == (300 if when == "before" else 0)
    assert len(store.reoffers()) == (0 if when == "before" else 1)
    if when == "before":
        assert reoffer(store, feed(sensor_column="id"), position="2").taken == 300
    assert store.count() == 301
    store.close()


def test_frames_of_a_line_and_packs_keep_what_they_came_in(opened: Open) -> None:
    store = opened()
    pack = b'[{"bn":"nobody/","bt":%d,"n":"stage_m","u":"m","v":3.5},{"n":"stage_m","v":4.5,"t":60}]' % AT
    senml = feed(format="senml", sensor_column="", time={}, columns=[])
    take(store, senml, pack)
    assert [row.place for row in store.refused_rows(RefusedQuery(feed_id="f"))] == [1, 2]
    moved = replace(senml, sensor="g1")
    assert reoffer(store, moved).accepted == 2
    session = session_of(HJ)
    batches = [session.feed(packet("nobody", 40 + n), NOW).decoded for n in range(2)]
    store.take("f", "line", joined_batches(batches, HJ), now=NOW)
    (first, second) = store.refused_rows(RefusedQuery(feed_id="f"))
    assert first.origin is not None
    assert {row.origin.body for row in (first, second) if row.origin} == {packet("nobody", 40), packet("nobody", 41)}
    told = reoffer(store, replace(HJ, sensor="g2"), position="2")
    assert (told.taken, told.accepted) == (2, 2)


HJ = feed(
    format="hj212",
    sensor="{mn}",
    sensor_column="",
    time={"timezone": "Asia/Shanghai"},
    columns=[{"column": "a34004", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}],
)


def packet(mn: str, value: int) -> bytes:
    at = (NOW + timedelta(hours=8, minutes=value - 60)).strftime("%Y%m%d%H%M%S")
    data = ({"DataTime": at}, {"a34004-Rtd": str(value), "a34004-Flag": "N"})
    return hj212_packet_bytes(Hj212Packet(qn=f"{at}000", st="22", cn="2011", pw="1", mn=mn, cp=data))


def test_a_feed_reloaded_goes_on_at_its_new_place_and_one_that_cannot_be_stays(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.ndjson").write_bytes(lines({"stn": "g1", "ts": AT + ord(name[0]), "lvl": 1.0}))
    (tmp_path / "new" / "b.ndjson").write_bytes(lines({"stn": "g1", "ts": AT + 99, "lvl": 2.0}))
    source = {"kind": "folder", "path": str(tmp_path / "old"), "poll_s": 0.05, "settle_s": 0}
    store = DuckDbReadings(channels=CHANNELS)
    intake = LiveIntake(store, {"f": feed(source=source)}, clock=lambda: NOW)
    try:
        intake.start()
        waited(lambda: store.count() == 1)
        intake.reload("f", feed(source={**source, "path": str(tmp_path / "new")}))
        waited(lambda: store.count() == 3)
        with pytest.raises(InvalidConfig):
            intake.reload("f", feed(source={"kind": "tcp", "port": 0}))
        assert intake.config("f").source.kind == "folder"
        with pytest.raises(NotFound):
            intake.reload("nobody", feed())
    finally:
        intake.close()
        store.close()


def waited(until: Callable[[], bool]) -> None:
    """Look again and again, for ten seconds at most."""
    stop = threading.Event()
    for _ in range(500):
        if until():
            return
        stop.wait(0.02)
    raise AssertionError("it never came")
