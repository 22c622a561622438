"""How fast the SensorThings service takes Observations and answers: ``python -m benchmarks.sensorthings [ROWS]``.

A live run of a sandbox city, the service asked in this process as its HTTP route asks it (JSON in, JSON out, committed
to disk before each answer), so the figures leave out the socket. Peer: FROST, about 5,000 inserts a second (published).
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from rencheng.adapters.sensorthings import Asked, answer
from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
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


def _singles(session: Session, key: str, *, clients: int, each: int) -> float:
    """Seconds for single POSTs by several clients at once."""

    def post(client: int) -> None:
        for n in range(each):
            body = {"phenomenonTime": _stamp(_AFTER + client * each + n), "result": 1.0}
            _ask(session, "POST", f"Datastreams('{key}')/Observations", body=body)

    threads = [threading.Thread(target=post, args=(client,)) for client in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun


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
        session = live_session(city, Settings(home=Path(folder) / "home", flood="off"))
        session.start()
        try:
            _table(session, rows)
        finally:
            session.close()


def _table(session: Session, rows: int) -> None:
    first = _ask(session, "GET", "Datastreams", "$filter=ObservedProperty/id eq 'stage_m'&$top=1")
    key = str(first["value"][0]["@iot.id"])  # type: ignore[index]  # JSON of the standard
    print("| what | figure |\n|---|---|")
    print(f"| data arrays of {_PACK:,}, one client | {rows / _arrays(session, key, rows):,.0f} Observations/s |")
    for clients in (1, 16):
        each = 400 // clients
        took = _singles(session, key, clients=clients, each=each)
        print(f"| single POSTs, {clients} at once | {clients * each / took:,.0f} Observations/s |")
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
