"""How fast deliveries of every format become readings in SI units, on one core and without storing them.

Run with ``python -m benchmarks.decoders``. Processor time, best of five, so that other work on the machine counts
little. The peer decodes the same NDJSON line by line with the standard library and makes the same columns.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rencheng.adapters.decoding import decoder_of
from rencheng.adapters.regulator import Hj212Packet, Hj212Session, Sl651Session, hj212_packet_bytes
from rencheng.adapters.signing import DeviceKeys, Verifier, document_message
from rencheng.adapters.sparkplug import Metric, Payload, SparkplugDecoder, payload_bytes
from rencheng.sense import Delivery, FeedConfig, feed_config_from_dict

NOON = datetime(2024, 4, 15, 12, tzinfo=UTC)
NOON_MS = 1_713_182_400_000
RUNS = 5
STAGE = [{"column": "v", "quantity": "stage_m", "unit": "m"}]
TIMED = bytes.fromhex(
    "7E7E05001122334403E832002B020034170718110016F1F1001122334448F0F01707181100201900004026190000403923000104903812"
    "109903A421"
)


def feed(format_: str, **section: Any) -> FeedConfig:
    return feed_config_from_dict({"id": "bench", "format": format_, **section}, where="bench")


def cpu_s(work: Callable[[], object]) -> float:
    """Least processor time of several runs."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def table(rows: int) -> pa.Table:
    rng = np.random.default_rng(1)
    sensor = pa.array([f"gauge-{n:05d}" for n in range(1000)]).take(pa.array(rng.integers(0, 1000, rows)))
    stamp = pa.array(NOON_MS * 1000 + 100 * np.arange(rows)).cast(pa.timestamp("us", tz="UTC"))
    return pa.table({"s": sensor, "t": stamp, "v": np.round(rng.normal(2.0, 1.0, rows), 3)})


def with_stdlib(body: bytes) -> pa.Table:
    """The peer: one line after the other with the standard library."""
    rows = [json.loads(line) for line in body.splitlines()]
    at = [round(datetime.fromisoformat(row["t"]).timestamp() * 1e6) for row in rows]
    return pa.table([[row["s"] for row in rows], at, [float(row["v"]) for row in rows]], names=["s", "t", "v"])


def bulk_rows() -> list[tuple[str, float, str]]:
    columns = {"sensor_column": "s", "time": {"column": "t"}, "columns": STAGE}
    big = table(1_000_000)
    stream, parquet = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, big.schema) as writer:
        writer.write_table(big, max_chunksize=100_000)
    pq.write_table(big, parquet)
    small = big.slice(0, 200_000).to_pylist()
    lines = "".join(
        f'{{"s":"{r["s"]}","t":"{r["t"].isoformat().replace("+00:00", "Z")}","v":{r["v"]}}}\n' for r in small
    ).encode()
    now = Delivery(arrived_at=NOON)
    found = []
    for name, form, body, count in (
        ("Arrow IPC, 1 M rows", "arrow", stream.getvalue(), 1_000_000),
        ("Parquet, 1 M rows", "parquet", parquet.getvalue(), 1_000_000),
        ("NDJSON, 200,000 lines", "ndjson", lines, 200_000),
        ("NDJSON, one line of them broken", "ndjson", lines + b"{\n", 200_000),
    ):
        decoder = decoder_of(feed(form, **columns))
        found.append((name, count / cpu_s(partial(decoder.decode, body, now)), "readings/s"))
    found.append(
        ("the same NDJSON by the standard library (peer)", 200_000 / cpu_s(lambda: with_stdlib(lines)), "readings/s")
    )
    return found


def message_rows() -> list[tuple[str, float, str]]:
    now = Delivery(arrived_at=NOON, topic="city/17/up")
    one = decoder_of(feed("json", sensor="g-{2}", time={"column": "t", "format": "epoch_ms"}, columns=STAGE))
    message = b'{"t":1713182400000,"v":2.503,"battery":88}'
    singles = [(message, now)] * 20_000
    records = [{"bn": "urn:dev:g17/", "bt": NOON_MS / 1000, "n": "v", "u": "m", "v": 2.5}]
    records += [{"n": "v", "t": -i, "v": 2.5 + i / 100} for i in range(99)]
    packs = [(json.dumps(records).encode(), now)] * 1000
    senml = decoder_of(feed("senml", columns=STAGE))
    return [
        ("mapped JSON, one reading a message", 20_000 / cpu_s(lambda: one.decode_many(singles)), "messages/s"),
        ("SenML, packs of 100", 100_000 / cpu_s(lambda: senml.decode_many(packs)), "readings/s"),
        ("Sparkplug B, ten metrics by alias", _sparkplug(), "readings/s"),
        ("SL 651 frames of one stage", _line(lambda: Sl651Session(feed("sl651")), TIMED), "frames/s"),
        ("HJ 212 packets of one factor", _line(lambda: Hj212Session(HJ212), PACKET), "packets/s"),
        ("Ed25519 check of a signed message", _signed(), "messages/s"),
    ]


HJ212 = feed("hj212", columns=[{"column": "a34004", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}])
PACKET = hj212_packet_bytes(
    Hj212Packet(qn="1", st="22", cn="2011", mn="M1", flag=5, cp=({"DataTime": "20220513162600"}, {"a34004-Rtd": "14"}))
)


def _sparkplug() -> float:
    names = [f"m{n}" for n in range(10)]
    words = [{"column": name, "quantity": "stage_m"} for name in names]
    born = [Metric(name=name, alias=n, datatype=10, value=1.0) for n, name in enumerate(names)]
    data = [Metric(alias=n, value=2.5) for n in range(10)]
    decoder = SparkplugDecoder(feed("sparkplug", columns=words))
    parts = [(payload_bytes(Payload(at_ms=NOON_MS, seq=0, metrics=[])), "NBIRTH/n")]
    parts += [(payload_bytes(Payload(at_ms=NOON_MS, seq=1, metrics=born)), "DBIRTH/n/d")]
    parts += [(payload_bytes(Payload(at_ms=NOON_MS, seq=n % 256, metrics=data)), "DDATA/n/d") for n in range(2, 2002)]
    deliveries = [(body, Delivery(arrived_at=NOON, topic=f"spBv1.0/g/{topic}")) for body, topic in parts]
    return 20_010 / cpu_s(lambda: decoder.decode_many(deliveries))


def _line(opened: Callable[[], Any], frame: bytes) -> float:
    line = frame * 2000
    return 2000 / cpu_s(lambda: opened().feed(line, NOON))


def _signed() -> float:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    verifier = Verifier(DeviceKeys({"d": (key.public_key().public_bytes_raw(),)}), required=True)
    document = {"t": NOON_MS, "v": 2.503, "battery": 88}
    value = base64.b64encode(key.sign(document_message("d", 1, document))).decode()
    signed = {**document, "signature": {"device": "d", "counter": 1, "value": value}}

    def work() -> None:
        for _ in range(1000):
            verifier.document(signed)

    return 1000 / cpu_s(work)


def main() -> None:
    print("| what | on one core |\n|---|---|")
    for what, rate, unit in [*bulk_rows(), *message_rows()]:
        print(f"| {what} | {rate:,.0f} {unit} |")


if __name__ == "__main__":
    main()
