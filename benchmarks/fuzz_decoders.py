"""Hostile input for every decoder: mutated true messages, watched for crashes, hangs and growth of memory.

Run with ``python -m benchmarks.fuzz_decoders [--minutes 10] [DECODER …]``; the minutes are for each decoder. Where
``atheris`` is installed (``pip install atheris``), ``--atheris DECODER`` lets libFuzzer steer by coverage instead.

A run ends with status 1 if a decoder raised anything but its own refusal, took longer than a second of processor time
for one body, took a value that is not finite or a stamp beyond the year 9999, or if the process grew by more than
64 MiB once warm. ``mqtt`` are the packets of a broker, cut at random places, and the user properties in them.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rencheng.adapters.decoding import Decoder, decoder_of
from rencheng.adapters.mqtt.packets import (
    PacketKind,
    PacketReader,
    Publish,
    ids_bytes,
    publish_bytes,
    user_properties,
)
from rencheng.adapters.regulator import Hj212Packet, crc16_hj212, crc16_modbus, hj212_packet_bytes
from rencheng.adapters.sparkplug import Metric, Payload, payload_bytes
from rencheng.kernel import InvalidInput, InvalidReading
from rencheng.sense import Decoded, Delivery, FeedConfig, feed_config_from_dict

NOON = datetime(2024, 4, 15, 12, tzinfo=UTC)
FURTHEST_US = 253_402_300_800_000_000
SLOWEST_S = 1.0
MOST_GROWTH_KIB = 64 * 1024
TOPICS = [f"spBv1.0/g/{kind}/n" for kind in ("NBIRTH", "NDATA", "NDEATH")]
TOPICS += [f"spBv1.0/g/{kind}/n/d" for kind in ("DBIRTH", "DDATA", "DDEATH")]


def feed(format_: str, **section: Any) -> FeedConfig:
    return feed_config_from_dict({"id": "fuzz", "format": format_, **section}, where="fuzz")


STAGE = [{"column": "v", "quantity": "stage_m", "unit": "cm"}, {"column": "temp", "quantity": "air_temperature_c"}]
TABLE = {
    "sensor_column": "s",
    "time": {"column": "t"},
    "columns": STAGE[:1],
    "max_body_bytes": 1 << 20,
    "max_decoded_bytes": 16 << 20,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A decoder, true messages to begin from, and how to mend a checksum after a mutation."""

    config: FeedConfig
    seeds: list[bytes]
    mend: Callable[[bytes], bytes] = bytes
    take: Callable[[Decoder, bytes, str], int] | None = None
    """Takes a body in place of the decoder; tells how much came of it."""


def tables() -> dict[str, bytes]:
    of = pa.table({"s": ["A", "B"], "t": ["2024-04-15T12:00:00Z"] * 2, "v": [250.0, 300.0]})
    stream, parquet = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, of.schema) as writer:
        writer.write_table(of)
    pq.write_table(of, parquet)
    return {"arrow": stream.getvalue(), "parquet": parquet.getvalue()}


def mended_sl651(body: bytes) -> bytes:
    """Give the frame that begins the body the checksum of its bytes, so that its text is looked at."""
    if len(body) < 20 or body[:2] != b"\x7e\x7e":
        return body
    end = 14 + (int.from_bytes(body[11:13], "big") & 0xFFF)
    if end + 3 > len(body):
        return body
    return body[: end + 1] + crc16_modbus(body[: end + 1]).to_bytes(2, "big") + body[end + 3 :]


def mended_hj212(body: bytes) -> bytes:
    """Frame whatever stands behind the head as a packet."""
    segment = body[6:-6]
    return b"##%04d%b%04X\r\n" % (len(segment), segment, crc16_hj212(segment)) if len(segment) < 10_000 else body


def broker_bytes() -> list[bytes]:
    """What a broker says: messages with and without user properties, pings, releases."""
    pairs = b"".join(b"\x26" + len(k).to_bytes(2, "big") + k + len(v).to_bytes(2, "big") + v for k, v in USER)
    topic = b"\x00\x06city/1"
    signed = topic + b"\x00\x07" + bytes([len(pairs)]) + pairs + b'{"v":2.5}'
    plain = [
        publish_bytes("city/1", b'{"v":1}', version=v, qos=q, packet_id=9) for v in ("5", "3.1.1") for q in (0, 1, 2)
    ]
    return [
        b"\x32" + bytes([len(signed)]) + signed,
        b"".join(plain),
        ids_bytes(PacketKind.PUBREL, [1, 2]) + b"\xd0\x00",
    ]


USER = [(b"Rencheng-Device", b"g1"), (b"Rencheng-Counter", b"12")]


def targets() -> dict[str, Target]:
    pack = [{"bn": "urn:dev:g1/", "bt": 1713182400, "n": "v", "u": "m", "v": 2.5}, {"n": "temp", "u": "Cel", "v": 20}]
    metrics = [Metric(name="v", alias=4, datatype=3, value=250), Metric(name="temp", alias=5, value=20.0, unit="°C")]
    payload = payload_bytes(Payload(at_ms=1713182400000, seq=1, metrics=metrics))
    frame = bytes.fromhex(
        "7E7E010012345678123430002B020003591011154947F1F1001234567848F0F0591011154920190000052619000005392300000127"
        "381211150320FA"
    )
    minute = Hj212Packet(
        qn="20220513162608370",
        st="22",
        cn="2051",
        mn="M1",
        flag=5,
        cp=({"DataTime": "20220513162600"}, {"v-Avg": "14"}),
    )
    cbor = bytes.fromhex("82a5216367312f22fb41d987455400000000617601616d02f94100a200617602f93c00")
    bulk = tables()
    line = b'{"s":"A","t":"2024-04-15T12:00:00Z","v":250}\n'
    message = feed("json", sensor_column="s", time={"column": "t"}, columns=STAGE, json={"records": "r[*]"})
    return {
        "json": Target(config=message, seeds=[b'{"r":[' + line.strip() + b',{"s":"B","v":"x","t":0}]}']),
        "senml": Target(config=feed("senml", columns=STAGE), seeds=[json.dumps(pack).encode(), cbor]),
        "sparkplug": Target(config=feed("sparkplug", columns=STAGE), seeds=[payload]),
        "sl651": Target(config=feed("sl651"), seeds=[frame], mend=mended_sl651),
        "hj212": Target(
            config=feed("hj212", columns=[{"column": "v", "quantity": "pm2_5_ug_m3", "unit": "ug/m3"}]),
            seeds=[hj212_packet_bytes(minute)],
            mend=mended_hj212,
        ),
        "mqtt": Target(config=feed("sl651"), seeds=broker_bytes(), take=cut_packets),
        "csv": Target(config=feed("csv", **TABLE), seeds=[b"s,t,v\nA,2024-04-15T12:00:00Z,250\n"]),
        "ndjson": Target(config=feed("ndjson", **TABLE), seeds=[line * 3, line + b"{\n" + line]),
        "arrow": Target(config=feed("arrow", **TABLE), seeds=[bulk["arrow"]]),
        "parquet": Target(config=feed("parquet", **TABLE), seeds=[bulk["parquet"]]),
    }


def cut_packets(_: Decoder, body: bytes, topic: str) -> int:
    """Cut what a broker says into packets, in pieces whose length the body itself tells."""
    found = 0
    for version in ("5", "3.1.1"):
        reader = PacketReader(version=version, largest=1 << 16)
        step = 1 + zlib.crc32(body + topic.encode()) % (len(body) + 1)
        try:
            for first in range(0, len(body), step):
                for packet in reader.feed(body[first : first + step]):
                    found += 1
                    if isinstance(packet, Publish) and packet.properties:
                        user_properties(packet.properties)
        except InvalidInput:
            continue
    return found


HOSTILE = [
    b"\xff" * 9,
    b"\x00" * 5,
    b"[" * 5000,
    b'{"a":' * 3000,
    b"9" * 5000,
    b"1e999",
    b"\xed\xa0\x80",
    b"\x81" * 900,
]
HOSTILE += [b"\\ud800", b"-0", b"NaN", b'"', b"\x1f\x8b\x08\x00", b"&&", b"##9999", b"\x7e\x7e", b"\x9b" + b"\xff" * 8]
HOSTILE += [zlib.compress(bytes(1 << 20)), b"\x1a" + b"\xff\xff\xff\xff\x0f", b"_", b";", b"="]


def mutated(seed: bytes, rng: np.random.Generator) -> bytes:
    """One to six changes: bits, bytes, cuts, copies, hostile pieces."""
    body = bytearray(seed)
    for _ in range(int(rng.integers(1, 7))):
        at = int(rng.integers(0, len(body) + 1))
        match int(rng.integers(0, 6)):
            case 0 if body:
                body[at % len(body)] ^= 1 << int(rng.integers(0, 8))
            case 1 if body:
                body[at % len(body)] = int(rng.integers(0, 256))
            case 2:
                del body[at : at + int(rng.integers(1, 20))]
            case 3:
                body[at:at] = body[int(rng.integers(0, len(body) + 1)) :][: int(rng.integers(1, 40))]
            case 4:
                body[at:at] = HOSTILE[int(rng.integers(0, len(HOSTILE)))]
            case _:
                body[at : at + 4] = rng.bytes(4)
    return bytes(body)


def bodies(target: Target, rng: np.random.Generator) -> Iterator[tuple[bytes, str]]:
    while True:
        body = mutated(target.seeds[int(rng.integers(0, len(target.seeds)))], rng)
        yield (target.mend(body) if rng.random() < 0.7 else body), TOPICS[int(rng.integers(0, len(TOPICS)))]


def judge(decoded: Decoded) -> None:
    """What no decoder may give, whatever it was sent."""
    value = np.asarray(decoded.good["value"].to_numpy())
    at = np.asarray(decoded.good["at"].cast(pa.int64()).to_numpy())
    if not np.isfinite(value).all() or (np.abs(at) > FURTHEST_US).any():
        raise AssertionError("a value that is not finite, or a stamp beyond the year 9999, was taken")
    if decoded.refused.num_rows and not all(decoded.refused["reason"].to_pylist()):
        raise AssertionError("a refusal without a reason")


def decode_one(decoder: Decoder, body: bytes, topic: str) -> int:
    try:
        decoded = decoder.decode(body, Delivery(arrived_at=NOON, topic=topic))
    except InvalidReading:
        return 0
    judge(decoded)
    return int(decoded.good.num_rows)


def rss_kib() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() // 1024


def fuzz(name: str, target: Target, seconds: float) -> str:
    """Fuzz one decoder; give a row of the table, or raise with the body that broke it in hexadecimal."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    decoder = decoder_of(target.config)
    count = taken = 0
    slowest, warm, peak = 0.0, 0, 0
    take = target.take or decode_one
    begun = time.monotonic()
    for body, topic in bodies(target, rng):
        started = time.process_time()
        try:
            taken += take(decoder, body, topic)
        except Exception as error:
            raise AssertionError(f"{name}, topic {topic}, body {body.hex()}") from error
        slowest = max(slowest, time.process_time() - started)
        count += 1
        if count % 1000 == 0:
            peak = max(peak, rss_kib())
        if slowest > SLOWEST_S:
            raise AssertionError(f"{name} took {slowest:.2f} s for {body[:2000].hex()}")
        elapsed = time.monotonic() - begun
        if not warm and elapsed > min(10.0, seconds / 3):
            warm = rss_kib()
        if elapsed >= seconds:
            break
    growth = rss_kib() - warm
    if growth > MOST_GROWTH_KIB:
        raise AssertionError(f"{name} grew by {growth} KiB in {count} bodies")
    memory = f"{growth / 1024:+.1f} MiB | {peak / 1024:.0f} MiB"
    return f"| {name} | {count:,} | {taken:,} | {1e3 * slowest:.1f} ms | {memory} |"


def with_atheris(name: str, target: Target, arguments: list[str]) -> None:
    """Let libFuzzer steer by what the bodies make the decoders do."""
    atheris = importlib.import_module("atheris")  # not among our dependencies
    for module in [module for module in sys.modules if module.startswith("rencheng.adapters")]:
        del sys.modules[module]  # to be imported again, instrumented
    with atheris.instrument_imports(include=["rencheng.adapters"]):
        decoder = importlib.import_module("rencheng.adapters.decoding").decoder_of(target.config)

    def one(body: bytes) -> None:
        topic = TOPICS[body[0] % len(TOPICS)] if body else ""
        (target.take or decode_one)(decoder, target.mend(body[1:]), topic)

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(b"\0" + seed)
        atheris.Setup([f"fuzz-{name}", *arguments, corpus], one)
        atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoder", nargs="*", help="by default all")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--atheris", metavar="DECODER")
    asked, rest = parser.parse_known_args()
    all_of = targets()
    if asked.atheris:
        with_atheris(asked.atheris, all_of[asked.atheris], rest)
        return
    print("| decoder | bodies | readings taken | slowest body | growth once warm | peak |\n|---|---|---|---|---|---|")
    failed = False
    for name in asked.decoder or all_of:
        try:
            print(fuzz(name, all_of[name], 60.0 * asked.minutes), flush=True)
        except AssertionError as error:
            failed = True
            print(f"| {name} | FAILED: {error} ({error.__cause__!r}) | | | | |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
