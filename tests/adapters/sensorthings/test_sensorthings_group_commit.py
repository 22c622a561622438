"""Single Observations of many clients: one commit for all that wait, and to each its own answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from tests.adapters.sensorthings.sensorthings_city import Client, new_stream

from rencheng.adapters.duckdb import DuckDbReadings
from rencheng.adapters.sensorthings import Answer, Entity, Outcome, Post
from rencheng.adapters.sensorthings.group_commit import GroupCommit
from rencheng.kernel import RenchengError, StorageFailed
from rencheng.sense.reading_query import ReadingQuery


def posts(*paths: str) -> list[Post]:
    return [Post(path, {}, "test") for path in paths]


def test_whoever_comes_while_a_commit_is_under_way_shares_the_next() -> None:
    groups: list[list[str]] = []
    under_way, go_on = threading.Event(), threading.Event()

    def create(group: Sequence[Post]) -> list[Outcome]:
        groups.append([post.path for post in group])
        under_way.set()
        assert go_on.wait(20)
        return [Entity("Observations", post.path) for post in group]

    commits = GroupCommit(create)
    first = commits.offer(posts("a"))
    assert under_way.wait(20)
    rest = [commits.offer(posts(f"{n}", f"{n}'")) for n in range(20)]
    go_on.set()
    second = [one.result(20)[1] for one in rest]
    assert [one.key for one in second if isinstance(one, Entity)] == [f"{n}'" for n in range(20)]
    assert len(first.result(20)) == 1
    assert [len(group) for group in groups] == [1, 40]


def test_a_post_that_breaks_the_service_takes_no_other_with_it() -> None:
    def create(group: Sequence[Post]) -> list[Outcome]:
        if any(post.path == "bad" for post in group):
            raise ZeroDivisionError("ours")
        return [Entity("Observations", post.path) for post in group]

    outcomes = GroupCommit(create).offer(posts("a", "bad", "b")).result(20)
    assert [isinstance(outcome, Entity) for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1], StorageFailed)


def test_a_disk_that_refuses_is_told_to_everybody() -> None:
    def create(_: Sequence[Post]) -> list[Outcome]:
        raise StorageFailed("no space left on device")

    commits = GroupCommit(create)
    assert all(isinstance(outcome, RenchengError) for outcome in commits.offer(posts("a", "b")).result(20))
    assert all(isinstance(outcome, RenchengError) for outcome in commits.offer(posts("c")).result(20))


def test_many_clients_share_commits_and_each_gets_its_own_answer(client: Client) -> None:
    keys = [new_stream(client, name=f"shared {n}")["@iot.id"] for n in range(4)]
    before = _commits(client)

    def post(n: int) -> Answer:
        if n % 20 == 7:
            return client.ask("POST", f"Datastreams({keys[n % 4]})/Observations", {"result": "seven"})
        body = {"phenomenonTime": f"2026-05-02T00:{n // 60:02}:{n % 60:02}Z", "result": n}
        return client.ask("POST", f"Datastreams({keys[n % 4]})/Observations", body)

    with ThreadPoolExecutor(32) as gateways:
        answers = list(gateways.map(post, range(200)))
    assert [answer.status for answer in answers] == [400 if n % 20 == 7 else 201 for n in range(200)]
    assert [json.loads(a.body)["result"] for a in answers if a.status == 201] == [n for n in range(200) if n % 20 != 7]
    assert sum(client.get(f"Datastreams({key})/Observations?$count=true&$top=0")["@iot.count"] for key in keys) == 190
    assert _commits(client) - before < 100


def _commits(client: Client) -> int:
    table = client.session.readings.feeds()  # type: ignore[attr-defined]  # the store behind the port
    return sum(row["batches"] for row in table.to_pylist())


def test_one_that_is_sent_again_among_others_is_the_same_one(client: Client) -> None:
    key = new_stream(client, name="again", unit="m")["@iot.id"]
    path = f"Datastreams({key})/Observations"
    old = client.post(path, {"phenomenonTime": "2026-05-03T00:00:00Z", "result": 1.0})["@iot.id"]
    bodies = [
        {"phenomenonTime": "2026-05-03T00:00:00Z", "result": 1.0},
        {"phenomenonTime": "2026-05-03T00:00:00Z", "result": 2.0},
        {"phenomenonTime": "2026-05-03T01:00:00Z", "result": 3.0, "parameters": {"by": "hand"}},
        {"phenomenonTime": "2026-05-03T02:00:00Z", "result": 4.0},
    ]
    outcomes = client.service.offer([Post(path, body, f"test:{n}") for n, body in enumerate(bodies)]).result(20)
    found = [outcome.key for outcome in outcomes if isinstance(outcome, Entity)]
    assert found[0] == old
    assert found[1] == f"{old}~2.0"
    assert client.get(f"Observations('{found[2]}')")["parameters"] == {"by": "hand"}
    assert client.get(f"Observations('{found[3]}')")["result"] == 4.0
    assert client.get(f"{path}?$count=true")["@iot.count"] == 4


def test_a_datastream_that_is_not_there_is_refused_alone(client: Client) -> None:
    key = new_stream(client, name="alone")["@iot.id"]
    bodies = [{"result": 1}, {"result": 1}, {"result": 1, "Datastream": {"@iot.id": key}}]
    paths = ["Datastreams(999999)/Observations", "Observations", "Observations"]
    sent = [Post(path, body, "a") for path, body in zip(paths, bodies, strict=True)]
    outcomes = client.service.offer(sent).result(20)
    assert isinstance(outcomes[0], RenchengError)
    assert isinstance(outcomes[1], RenchengError)
    assert isinstance(outcomes[2], Entity)


def test_thousands_that_a_broker_sends_again_cost_a_few_questions_and_not_thousands(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A core that is killed gets its backlog again: asked for one by one, it were not through before the next kill."""
    keys = [new_stream(client, name=f"redelivered {n}", unit="m")["@iot.id"] for n in range(2)]
    bodies = [{"phenomenonTime": f"2026-05-04T{n // 60:02}:{n % 60:02}:00Z", "result": n / 4} for n in range(1000)]
    sent = [Post(f"Datastreams({keys[n % 2]})/Observations", body, "broker") for n, body in enumerate(bodies)]
    first = [found.key for found in client.service.offer(sent).result(60) if isinstance(found, Entity)]
    assert len(first) == len(sent)
    asked = 0
    select = DuckDbReadings.select

    def counted(store: DuckDbReadings, query: ReadingQuery) -> pa.Table:
        nonlocal asked
        asked += 1
        return select(store, query)

    monkeypatch.setattr(DuckDbReadings, "select", counted)
    other = Post(sent[0].path, bodies[0] | {"result": 99.5}, "broker")
    again = client.service.offer([*sent, other]).result(60)
    keys_again = [found.key for found in again if isinstance(found, Entity)]
    assert keys_again == [*first, f"{first[0]}~99.5"]
    shown = [found.row.properties["result"] for found in again[:3] if isinstance(found, Entity) and found.row]
    assert shown == [0, 0.25, 0.5]
    assert asked < 40
