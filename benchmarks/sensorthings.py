"""How fast the SensorThings service takes Observations and answers: ``python -m benchmarks.sensorthings [ROWS]``.

A live run of a sandbox city; every Observation is committed to disk before its answer. Data arrays and queries are
asked in this process as the HTTP route asks them. Single POSTs come over real connections that are kept alive, from
gateways in a process of their own on the same cores, each waiting for its answer before it sends the next. Peer: FROST,
about 5,000 inserts a second (published).
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from benchmarks.sense_feeds import served

from rencheng.adapters.sensorthings import Asked, answer
from rencheng.app.session import Session
from rencheng.city.sandbox import make_city

BASE = "http://localhost/sensorthings/v1.1"
_PACK = 10_000
_AFTER = 20_000_000
"""Seconds after the start from which single Observations are stamped: newer than all before, as they come in life."""
_START = datetime(2026, 1, 1, tzinfo=UTC)


def _ask(session: Session, method: str, path: str, query: str = "", body: object = None) -> object:
    data = b"" if body is None else json.dumps(body).encode()
    asked = Asked(method=method, path=path, query=query, base=BASE, actor="benchmark", body=data)
    found = answer(session.sensorthings, asked)
    if found.status >= 400:
        raise SystemExit(found.body.decode())
    return json.loads(found.body)


def _stamp(second: int) -> str:
    return (_START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _arrays(session: Session, key: str, rows: int) -> float:
    """Seconds for so many rows in data arrays of ten thousand."""
    packs = [
        [[_stamp(n), 2.0 + n % 100 / 100] for n in range(first, min(first + _PACK, rows))]
        for first in range(0, rows, _PACK)
    ]
    begun = time.perf_counter()
    for pack in packs:
        group = {"Datastream": {"@iot.id": key}, "components": ["phenomenonTime", "result"], "dataArray": pack}
        _ask(session, "POST", "CreateObservations", body=[group])
    return time.perf_counter() - begun


def _request(key: str, second: int) -> bytes:
    body = b'{"phenomenonTime":"%s","result":1.0}' % _stamp(second).encode()
    head = f"POST /sensorthings/v1.1/Datastreams('{key}')/Observations HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _gateway(port: int, requests: Sequence[bytes]) -> None:
    """One client with one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 201"), head
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.close()


def _gateways(port: int, keys: Sequence[str], clients: int, each: int, first: int) -> float:
    """Seconds that several gateways take for their single POSTs, each for a Datastream of its own."""

    async def all_of_them() -> float:
        mine = [[_request(keys[client], first + n) for n in range(each)] for client in range(clients)]
        begun = time.perf_counter()
        await asyncio.gather(*(_gateway(port, requests) for requests in mine))
        return time.perf_counter() - begun

    return asyncio.run(all_of_them())


def _singles(port: int, keys: Sequence[str]) -> None:
    """Rows of the table for single POSTs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        first = _AFTER
        for clients, each in ((1, 100), (16, 100), (32, 200)):
            took = []
            for _ in range(4):  # the first warms up
                took.append(elsewhere.submit(_gateways, port, keys, clients, each, first).result())
                first += each
            rates = [clients * each / seconds for seconds in took[1:]]
            print(f"| single POSTs, {clients} gateways | {median(rates):,.0f} ({max(rates):,.0f}) Observations/s |")


def _latency_ms(asked: Callable[[], object], runs: int = 7) -> float:
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        asked()
        took.append(1000 * (time.perf_counter() - begun))
    return median(took)


def main(rows: int = 1_000_000) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        make_city(10_000, 7, city)
        with served(city, Path(folder) / "home") as (address, session):
            _table(session, int(address.rpartition(":")[2]), rows)


def _table(session: Session, port: int, rows: int) -> None:
    found = _ask(session, "GET", "Datastreams", "$select=id&$top=32")
    keys = [one["@iot.id"] for one in found["value"]]  # type: ignore[index]  # JSON of the standard
    key = next(one for one in keys if one.endswith(":stage_m"))
    print("| what | median (best) |\n|---|---|")
    print(f"| data arrays of {_PACK:,}, one client | {rows / _arrays(session, key, rows):,.0f} Observations/s |")
    _singles(port, keys)
    stream = f"Datastreams('{key}')/Observations"
    queries = {
        "latest": "$orderby=phenomenonTime desc&$top=1",
        "a page of 100": "$top=100",
        "result gt 2.9, 100 of them": "$filter=result gt 2.9&$top=100",
        "an hour by phenomenonTime": f"$filter=phenomenonTime gt {_stamp(3600)} and phenomenonTime le {_stamp(7200)}",
        "count of result gt 2.5": "$filter=result gt 2.5&$count=true&$top=0",
        "page 9,000 of 100": "$skip=900000&$top=100",
        "minute() eq 7 (row by row), 100": "$filter=minute(phenomenonTime) eq 7&$top=100",
    }
    for name, query in queries.items():
        took_ms = _latency_ms(lambda query=query: _ask(session, "GET", stream, query))  # type: ignore[misc]  # bound now
        print(f"| {name}, of {rows:,} | {took_ms:.0f} ms |")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
