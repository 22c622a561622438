"""The event stream: nothing missed, nothing twice, whatever breaks in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
from tests.web.web_server import running
from tests.web.web_session import ScriptedSession

from rencheng.web import create_app


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in lines:
        if not line:
            if "data" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


def _take(address: str, count: int, headers: dict[str, str] | None = None, **params: Any) -> list[dict[str, Any]]:
    """Read so many facts from the stream, then hang up."""
    taken: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{address}/api/events", params=params, headers=headers, timeout=20) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in _events(response.iter_lines()):
            if "id" in event:
                taken.append(event)
                if len(taken) == count:
                    break
    return taken


def test_facts_stream_with_their_sequence_number_and_kind(address: str, session: ScriptedSession) -> None:
    events = _take(address, session.ledger.head)
    assert [int(event["id"]) for event in events] == list(range(1, session.ledger.head + 1))
    assert events[0]["event"] == "RunStarted"
    fact = json.loads(events[0]["data"])
    assert (fact["seq"], fact["body"]["city_id"]) == (1, "linjiang")


def test_a_client_resumes_where_it_was_cut_off(address: str, session: ScriptedSession) -> None:
    first = _take(address, 10)
    rest = _take(address, session.ledger.head - 10, {"Last-Event-ID": first[-1]["id"]})
    seen = [int(event["id"]) for event in [*first, *rest]]
    assert seen == list(range(1, session.ledger.head + 1))
    assert int(_take(address, 1, since=20)[0]["id"]) == 21


def test_a_new_fact_arrives_while_listening(address: str, session: ScriptedSession) -> None:
    head = session.ledger.head
    got: list[dict[str, Any]] = []
    listener = threading.Thread(target=lambda: got.extend(_take(address, 1, since=head)))
    listener.start()
    session.advance(timedelta(minutes=79))
    listener.join(timeout=20)
    assert int(got[0]["id"]) == head + 1


def test_the_clock_speaks_when_it_is_changed_and_a_new_run_resets(address: str, session: ScriptedSession) -> None:
    url = f"{address}/api/events"
    with httpx.stream("GET", url, params={"since": session.ledger.head}, timeout=20) as response:
        events = _events(response.iter_lines())
        assert json.loads(next(events)["data"])["phase"] == "running"
        session.control(phase="paused")
        paused = next(events)
        assert (paused["event"], json.loads(paused["data"])["phase"]) == ("clock", "paused")
        session.control(restart=True)
        assert next(events)["event"] == "reset"
    with httpx.stream("GET", url, params={"since": 5, "run": "run-1"}, timeout=20) as response:
        assert next(_events(response.iter_lines()))["event"] == "reset"


def test_streams_end_when_the_server_stops(session: ScriptedSession) -> None:
    app = create_app(session, console=None)
    with running(app) as address, httpx.stream("GET", f"{address}/api/events", timeout=20) as response:
        events = _events(response.iter_lines())
        next(events)
        app.state.context.hub.close()
        assert sum(1 for _ in events) <= session.ledger.head + 1
    assert app.state.context.hub.clients == 0
