"""How fast feeds deliver into the store, durably: over HTTP, MQTT and straight from Arrow, and how soon it is stored.

Run with ``python -m benchmarks.sense_feeds``. Every figure ends at the commit: the acknowledgement that a sender gets.
The peers stand in the same table: DuckDB inserting the same rows with no checks and no acknowledgement, and paho-mqtt
reading the same messages and doing nothing with them (where it is installed).
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import pyarrow as pa
import uvicorn
from tests.adapters.mqtt.mosquitto import Broker, Publisher, mosquitto

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.app.live_intake import LiveIntake, spare_collections
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.city import read_city
from rencheng.city.sandbox import make_city
from rencheng.sense import channels_of_city, feed_config_from_dict
from rencheng.web import create_app

RUNS = 3
BEGIN_MS = int(time.time() * 1000) - 3_600_000
LONG = {"quantity_column": "q", "value_column": "v"}
TIME = {"column": "t", "format": "epoch_ms"}
STAGE = [{"column": "v", "quantity": "stage_m", "unit": "m"}]


BOUNDS = """What bounds each: Arrow, the one writer (checks of channels, then the insert; decoding goes on beside it in
the senders' threads); NDJSON, its parser; MQTT with one reading a message, Python's one lock, which holds about 4 µs a
message for cutting and decoding, and the broker, which takes as much processor as we do; SenML, the JSON parser; the
lag, the sync of the log to the disk and what waits behind it."""


class Rows:
    """Readings of gauges in turn, a millisecond apart, never the same twice."""

    def __init__(self, sensors: list[str]) -> None:
        self._sensors, self._next = np.array(sensors, dtype=object), 0

    def take(self, count: int) -> tuple[Any, Any, Any]:
        """Sensors, milliseconds, values."""
        k = np.arange(self._next, self._next + count)
        self._next += count
        return self._sensors[k % len(self._sensors)], BEGIN_MS + k // 4, np.round(2 + np.sin(k / 9e4), 3)

    def arrow(self, count: int) -> bytes:
        """An IPC stream with dictionaries, as a gateway writes it."""
        sensor, at, value = self.take(count)
        table = pa.table(
            {
                "s": pa.array(sensor, pa.string()).dictionary_encode(),
                "q": pa.array(["stage_m"] * count, pa.string()).dictionary_encode(),
                "t": pa.array(at, pa.int64()).cast(pa.timestamp("ms", tz="UTC")),
                "v": value,
            }
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    def ndjson(self, count: int) -> bytes:
        """One object a line."""
        return "\n".join(
            f'{{"s":"{s}","t":{t},"v":{v}}}' for s, t, v in zip(*(x.tolist() for x in self.take(count)), strict=True)
        ).encode()


def rate(work: Callable[[], int]) -> float:
    """Median of things a second, after one run that warms up."""
    work()
    rates = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        count = work()
        rates.append(count / (time.perf_counter() - begun))
    return statistics.median(rates)


@contextmanager
def served(city: Path, home: Path) -> Iterator[tuple[str, Any]]:
    """A live run of a city behind a real server on a loopback port."""
    session = live_session(city, Settings(home=home, flood="off", max_body_mb=256))
    session.start()
    app = create_app(session, console=None, settings=Settings(home=home, max_body_mb=256))
    config = uvicorn.Config(app, port=0, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", session
    app.state.context.hub.stop()
    server.should_exit = True
    thread.join(20)
    session.close()


def over_http(folder: Path, table: list[tuple[str, str, str]]) -> None:
    """NDJSON and Arrow bodies to the whole program."""
    city = folder / "city"
    make_city(10_000, 7, city)
    for old in (city / "feeds").glob("*.toml"):
        old.unlink()
    stage = '[[feed.columns]]\ncolumn = "v"\nquantity = "stage_m"\nunit = "m"\n'
    for name in ("ndjson", "arrow"):
        text = f'[feed]\nid = "{name}"\nformat = "{name}"\nsensor_column = "s"\n[feed.time]\ncolumn = "t"\n'
        text += 'format = "epoch_ms"\n' + stage
        (city / "feeds" / f"{name}.toml").write_text(text, encoding="utf-8")
    sensors = sorted({c.sensor_id for c in channels_of_city(read_city(city)) if c.quantity == "stage_m"})
    rows = Rows(sensors)
    with served(city, folder / "home") as (address, _), httpx.Client(timeout=120) as client:

        def post(feed: str, bodies: list[bytes], count: int) -> int:
            """Three gateways post at a time, each waiting for its answer."""
            with ThreadPoolExecutor(3) as gateways:
                answers = list(gateways.map(lambda b: client.post(f"{address}/api/readings/{feed}", content=b), bodies))
            assert all(answer.json()["accepted"] == count for answer in answers), answers[0].text
            return len(bodies) * count

        for feed, count, make in (("ndjson", 100_000, rows.ndjson), ("arrow", 500_000, rows.arrow)):
            sets = iter([[make(count) for _ in range(9)] for _ in range(RUNS + 1)])
            found = rate(lambda: post(feed, next(sets), count))  # noqa: B023 — called before the loop goes on
            table.append((f"{feed} over HTTP, {count:,} a body", f"{found:,.0f} readings/s", "acknowledged"))


def peer_insert(folder: Path, table: list[tuple[str, str, str]]) -> None:
    """DuckDB alone: the same columns, one transaction per half a million."""
    con = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": 2})
    con.execute("CREATE TABLE readings (channel INTEGER, stamp TIMESTAMP, value DOUBLE, flags USMALLINT)")
    count = 500_000
    channel = pa.array(np.arange(count) % 100, pa.int32())

    def insert() -> int:
        for _ in range(4):
            stamp = pa.array(BEGIN_MS + np.arange(count), pa.int64()).cast(pa.timestamp("ms")).cast(pa.timestamp("us"))
            flags = pa.array(np.zeros(count), pa.uint16())
            new = pa.table(
                {"channel": channel, "stamp": stamp, "value": np.random.default_rng(1).random(count), "f": flags}
            )
            con.register("new", new)
            con.execute("INSERT INTO readings SELECT * FROM new")
            con.unregister("new")
        return 4 * count

    table.append(("peer: DuckDB bare insert of Arrow", f"{rate(insert):,.0f} rows/s", "no checks, no acknowledgement"))
    con.close()


def mqtt_config(broker: Broker, name: str, format_: str) -> Any:
    """A feed that is subscribed to."""
    source = {"kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "topics": [f"{name}/#"], "client_id": name}
    section: dict[str, Any] = {"id": name, "format": format_, "source": source}
    if format_ == "json":
        section |= {"sensor": "{2}", "time": TIME, "columns": STAGE}
    return feed_config_from_dict(section, where="benchmark")


def drained(
    folder: Path, broker: Broker, name: str, format_: str, messages: list[tuple[str, bytes]], each: int
) -> float:
    """Readings a second from a backlog that the broker keeps: it delivers as fast as it is acknowledged."""
    config = mqtt_config(broker, name, format_)
    store = DuckDbReadings(folder / f"{name}.duckdb")

    def intake() -> LiveIntake:
        live = LiveIntake(store, {name: config}, clock=lambda: datetime.now(UTC))
        live.start()
        while live.conditions()[0].state != "connected":
            time.sleep(0.005)
        return live

    intake().close()  # the session is made; what comes now is kept
    publisher = Publisher(broker.port, f"to-{name}")
    publisher.publish(messages)
    publisher.close()
    begun = time.perf_counter()
    live = intake()
    while live.load().rows < len(messages) * (each if format_ == "senml" else 1):
        time.sleep(0.002)
    took_s = time.perf_counter() - begun
    live.close()
    assert store.count() == len(messages) * each
    store.close()
    return len(messages) * each / took_s


def over_mqtt(folder: Path, table: list[tuple[str, str, str]]) -> None:
    """Single readings in JSON, and SenML packs of a hundred."""
    rows = Rows([f"g{k}" for k in range(2000)])
    with mosquitto(folder / "broker") as broker:
        single: list[float] = []
        packed: list[float] = []
        for run in range(RUNS):
            sensor, at, value = rows.take(200_000)
            messages = [
                (f"one{run}/{s}", f'{{"t":{t},"v":{v}}}'.encode()) for s, t, v in zip(sensor, at, value, strict=True)
            ]
            single.append(drained(folder, broker, f"one{run}", "json", messages, 1))
            packs = [(f"pack{run}/gw", senml(rows)) for _ in range(10_000)]
            packed.append(drained(folder, broker, f"pack{run}", "senml", packs, 100))
        table.append(("MQTT, one reading a message, QoS 1", f"{statistics.median(single):,.0f} messages/s", "PUBACK"))
        table.append(("MQTT, SenML packs of 100, QoS 1", f"{statistics.median(packed):,.0f} readings/s", "PUBACK"))
        peer_paho(broker, table)


def senml(rows: Rows) -> bytes:
    """A pack of a hundred gauges."""
    sensor, at, value = rows.take(100)
    start = at[0] / 1000
    records = [
        f'{{"n":"{s}/stage_m","u":"m","t":{(t / 1000 - start):.3f},"v":{v}}}'
        for s, t, v in zip(sensor, at, value, strict=True)
    ]
    return f'[{{"bt":{start:.3f},{records[0][1:]},{",".join(records[1:])}]'.encode()


def peer_paho(broker: Broker, table: list[tuple[str, str, str]]) -> None:
    """paho-mqtt receiving the same kind of backlog, with an empty callback."""
    try:
        from paho.mqtt import client, enums
    except ImportError:
        table.append(("peer: paho-mqtt as reader alone", "not installed", ""))
        return
    count = 50_000
    seen = threading.Semaphore(0)

    def connected() -> Any:
        made = client.Client(enums.CallbackAPIVersion.VERSION2, client_id="paho", clean_session=False)
        made.connect("127.0.0.1", broker.port)
        made.subscribe("paho/#", 1)
        return made

    first = connected()
    for _ in range(20):
        first.loop(0.05)
    first.disconnect()
    publisher = Publisher(broker.port, "to-paho")
    publisher.publish([(f"paho/{k % 2000}", b'{"t":1780000000000,"v":2.0}') for k in range(count)])
    publisher.close()
    reader = connected()
    reader.on_message = lambda *_: seen.release()
    begun = time.perf_counter()
    reader.loop_start()
    for _ in range(count):
        seen.acquire()
    took_s = time.perf_counter() - begun
    reader.loop_stop()
    table.append(("peer: paho-mqtt as reader alone, QoS 1", f"{count / took_s:,.0f} messages/s", "nothing stored"))


def straight(folder: Path, table: list[tuple[str, str, str]]) -> None:
    """Arrow bodies of 20,000 gauges without a server before the intake."""
    section = {"id": "f", "format": "arrow", "sensor_column": "s", "time": TIME, "columns": STAGE}
    store = DuckDbReadings(folder / "straight.duckdb")
    live = LiveIntake(store, {"f": feed_config_from_dict(section, where="benchmark")}, clock=lambda: datetime.now(UTC))
    rows = Rows([f"g{k}" for k in range(20_000)])
    sets = iter([[rows.arrow(500_000) for _ in range(9)] for _ in range(RUNS + 1)])

    def offer() -> int:
        with ThreadPoolExecutor(3) as gateways:
            return sum(intake.accepted for intake in gateways.map(lambda body: live.offer("f", body), next(sets)))

    table.append(("Arrow of 20,000 gauges, without a server", f"{rate(offer):,.0f} readings/s", "acknowledged"))
    live.close()
    store.close()


def soon(folder: Path, table: list[tuple[str, str, str]]) -> None:
    """From the offer to the commit, at 100,000 readings a second in bodies of 2,000."""
    config = feed_config_from_dict(
        {"id": "f", "format": "arrow", "sensor_column": "s", "time": TIME, "long": LONG}, where="benchmark"
    )
    store = DuckDbReadings(folder / "soon.duckdb")
    live = LiveIntake(store, {"f": config}, clock=lambda: datetime.now(UTC))
    rows = Rows([f"g{k}" for k in range(20_000)])
    bodies = [rows.arrow(2000) for _ in range(600)]
    lags: list[float] = []
    begun = time.perf_counter()

    def deliver(mine: list[tuple[int, bytes]]) -> None:
        for number, body in mine:
            due = begun + number * 0.02
            time.sleep(max(0.0, due - time.perf_counter()))
            live.offer("f", body)
            lags.append(time.perf_counter() - due)

    numbered = list(enumerate(bodies))
    threads = [threading.Thread(target=deliver, args=(numbered[k::4],)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    live.close()
    store.close()
    p50, p99 = np.percentile(lags[20:], [50, 99]) * 1000
    table.append(("due to committed at 100,000/s, p50 and p99", f"{p50:.0f} ms, {p99:.0f} ms", "limit 500 ms"))


def main() -> None:
    """Print the table."""
    spare_collections()  # as the program does when it starts
    table: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (over_http, straight, peer_insert, over_mqtt, soon):
            (folder / part.__name__).mkdir()
            part(folder / part.__name__, table)
    print("| what | measured | to |\n|---|---:|---|")
    for row in table:
        print(f"| {' | '.join(row)} |")
    print(f"\n{BOUNDS}")


if __name__ == "__main__":
    main()
