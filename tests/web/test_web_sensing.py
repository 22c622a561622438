"""Feeds and sensors over HTTP: what is refused is told and mended; a series is thinned without losing a spike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.console.sensing_city import BUREAU, FEED_FILE, MINUTES, bureau_rows, live_city

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.science.thinning import thinned
from rencheng.sense import RefusalReason
from rencheng.sense.refusal_words import REFUSALS
from rencheng.sense.refused import RefusedQuery
from rencheng.web import create_app


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with live_city(tmp_path_factory.mktemp("sensing")) as session:
        yield session


class Api:
    """Requests to the application in this very process."""

    def __init__(self, session: Session) -> None:
        self._app = create_app(session, console=None)

    def __call__(self, method: str, path: str, **what: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **what)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def api(live: Session) -> Api:
    return Api(live)


def span(days: float) -> dict[str, str]:
    end = datetime.now(UTC)
    return {"quantity": "stage_m", "start": (end - timedelta(days=days)).isoformat(), "end": end.isoformat()}


def test_every_reason_there_is_has_words_in_both_languages(api: Api) -> None:
    every = {value for name, value in vars(RefusalReason).items() if name.isupper()}
    assert set(REFUSALS) == every
    for reason in api("GET", "/api/feeds/reasons").json():
        for text in (reason["name"], reason["why"], reason["mend"]):
            assert text["zh"]
            assert text["en"]


def test_the_way_of_a_refused_row_from_the_page_to_the_ledger(api: Api, live: Session) -> None:
    file: Path = live.city.path / "feeds" / FEED_FILE
    live.offer("bureau", bureau_rows(datetime.now(UTC), count=20))
    page = api("GET", "/api/feeds/bureau/refused", params={"reason": "no_sensor", "top": 5}).json()
    assert page["total"] == 23
    assert len(page["rows"]) == 5
    assert page["reasons"][0]["mend"]["en"].startswith("Check sensor_column")
    some = [row["refused_id"] for row in page["rows"][:2]]
    file.write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
    trial = api("POST", "/api/feeds/bureau/refused/trial", json={"ids": some}).json()
    assert (trial["offered"], trial["taken"], trial["changed"]) == (2, 2, ["sensor_column"])
    answer = api("POST", "/api/feeds/bureau/refused/reoffer", json={"ids": some}, headers={"X-Role": "water_lead"})
    kinds = [fact["kind"] for fact in answer.json()["facts"]]
    assert kinds[:2] == ["FeedReloaded", "RefusedReoffered"]
    assert answer.json()["actor"] == "role:water_lead"
    again = api("POST", "/api/feeds/bureau/refused/reoffer", json={"ids": some})
    assert again.status_code == 409
    rest = api("POST", "/api/orders/ReofferRefused", json={"feed_id": "bureau"}).json()
    body = next(fact["body"] for fact in rest["facts"] if fact["kind"] == "RefusedReoffered")
    assert (body["taken"], sum(body["still"].values())) == (18, 3)
    taken = api("GET", "/api/feeds/bureau/refused", params={"state": "taken", "top": 500}).json()["rows"]
    assert len(taken) == 20
    assert {row["given_by"] for row in taken} == {"role:water_lead", "role:duty_officer"}
    (feed,) = (of for of in api("GET", "/api/readings").json() if of["feed_id"] == "bureau")
    assert feed["health"] == "connected"
    assert len(feed["course"]) == 60


def test_a_file_that_is_wrong_leaves_the_old_one_in_force_and_names_the_line(api: Api, live: Session) -> None:
    file: Path = live.city.path / "feeds" / FEED_FILE
    file.write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
    assert api("POST", "/api/feeds/bureau/reload").status_code == 200
    for text, said, line in (
        (BUREAU.replace("quantity =", "qantity ="), "unknown key 'qantity'", "line 13"),
        (BUREAU.replace('"stage_m"', '"stage"'), "unknown quantity 'stage'", "line 13"),
        (BUREAU.replace('id = "bureau"', 'id = "other"'), "feed 'other' now", "line 2"),
        (BUREAU.replace('"cm"', '"cmm"'), "unit 'cmm' is not legal", "line 14"),
        (BUREAU.replace("[feed]", "[feed"), "not TOML", "line 1"),
    ):
        file.write_text(text, encoding="utf-8")
        answer = api("POST", "/api/feeds/bureau/reload")
        assert answer.status_code == 422
        problem = answer.json()
        assert said in problem["detail"]
        assert line in problem["where"] + problem["detail"]
        assert FEED_FILE in problem["where"]
    at = int((datetime.now(UTC) - timedelta(minutes=90)).timestamp())
    file.write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
    assert live.offer("bureau", b'{"id": "g2", "ts": %d, "lvl": 1}' % at).accepted == 1


@pytest.mark.parametrize(
    ("method", "path", "what", "status"),
    [
        ("GET", "/api/feeds/nobody/refused", {}, 404),
        ("GET", "/api/feeds/%2e%2e%2fetc/refused", {}, 404),
        ("POST", "/api/feeds/nobody/reload", {}, 404),
        ("POST", "/api/feeds/sensorthings/reload", {}, 404),
        ("GET", "/api/feeds/bureau/refused?top=501", {}, 422),
        ("GET", "/api/feeds/bureau/refused?skip=-1", {}, 422),
        ("GET", "/api/feeds/bureau/refused?state=gone", {}, 422),
        ("POST", "/api/feeds/bureau/refused/trial", {"content": b"{"}, 422),
        ("POST", "/api/feeds/bureau/refused/trial", {"json": {"ids": ["x"] * 10_001}}, 422),
        ("POST", "/api/feeds/bureau/refused/reoffer", {"json": {"reason": "'; DROP TABLE refused; --"}}, 409),
        ("POST", "/api/feeds/bureau/refused/reoffer", {"json": {}, "headers": {"X-Role": "king"}}, 422),
        ("POST", "/api/feeds/bureau/reload", {"headers": {"Origin": "http://elsewhere.example"}}, 403),
        ("GET", "/api/sensors/nobody", {}, 404),
        ("GET", "/api/sensors/g1/series?quantity=love", {}, 422),
        ("GET", "/api/sensors/g1/series?quantity=stage_m&start=2024-01-01T00:00:00", {}, 422),
        ("GET", "/api/sensors/g1/series?quantity=stage_m&end=0001-01-01T00:00:00Z", {}, 422),
        ("GET", "/api/sensors/g1/series?quantity=stage_m&hours=99999", {}, 422),
        ("GET", "/api/sensors/g1/series?quantity=stage_m&points=99999", {}, 422),
        ("GET", "/api/sensors/g1/band?quantity=stage_m&start=2024-01-02T00:00:00Z&end=2024-01-01T00:00:00Z", {}, 422),
    ],
)
def test_what_cannot_be_is_refused_plainly(api: Api, method: str, path: str, what: Any, status: int) -> None:
    answer = api(method, path, **what)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_month_is_thinned_without_losing_the_spike_or_what_is_doubted(api: Api) -> None:
    series = api("GET", "/api/sensors/g1/series", params={**span(31), "points": 1000}).json()
    assert series["total"] == MINUTES
    assert len(series["at"]) < 1100
    flagged = [v for v, f in zip(series["value"], series["flags"], strict=True) if f & ~16]
    assert flagged == [250.0]
    good = [v for v, f in zip(series["value"], series["flags"], strict=True) if not f & ~16]
    assert max(good) > 4.1  # the flood
    early = [v for t, v in zip(series["at"], series["value"], strict=True) if t < series["end"] - 12 * 86_400_000]
    assert 3.0 < max(v for v in early if v < 200) < 4.0  # one minute among 43,200


def test_a_band_goes_with_the_course_and_alarms_tell_their_cause(api: Api) -> None:
    band = api("GET", "/api/sensors/g1/band", params=span(31)).json()
    assert band["rule"] == "stage_odd"
    assert len(band["at"]) > 300
    assert all(1.4 < value < 2.8 for value in band["expected"])
    (alarm,) = api("GET", "/api/sensors/g1/alarms", params=span(31)).json()
    assert (alarm["severity"], alarm["cause"], alarm["end_cause"]) == ("blue", "unusual_high", "back")
    assert alarm["window_start"] <= alarm["window_end"] <= alarm["ended_at"]
    assert api("GET", "/api/sensors/g1/alarms", params=span(0.5)).json() == []


def test_amounts_are_summed_and_not_thinned(api: Api) -> None:
    asked = {**span(31), "quantity": "rain_mm", "points": 100}
    series = api("GET", "/api/sensors/r1/series", params=asked).json()
    table = api("GET", "/api/sensors/r1/series.csv", params=asked).text.splitlines()
    good = sum(float(line.split(",")[1]) for line in table[1:] if "stuck" not in line)
    shown = sum(v for v, f in zip(series["value"], series["flags"], strict=True) if not f & ~16)
    assert series["step_ms"] > 0
    assert shown == pytest.approx(good, abs=0.01)


def test_sensors_are_found_by_a_part_of_their_name_only(api: Api) -> None:
    assert [row["sensor_id"] for row in api("GET", "/api/sensors?search=大桥").json()] == ["g2"]
    assert api("GET", "/api/sensors?search=.*").json() == []
    page = api("GET", "/api/sensors/g1").json()
    assert page["channels"][0]["latest"]["value"] == pytest.approx(2.0, abs=0.5)


def test_thinning_keeps_the_height_of_every_stretch() -> None:
    rng = np.random.default_rng(3)
    at = np.sort(rng.integers(0, 1_000_000, 5000))
    value = rng.normal(size=5000)
    keep = thinned(at, value, bins=100, start=0, end=1_000_000)
    of = at * 100 // 1_000_000
    for k in range(100):
        mine = value[of == k]
        kept = value[keep][of[keep] == k]
        assert (kept.min(), kept.max()) == (mine.min(), mine.max())
    assert len(keep) <= 202


def test_an_offer_that_a_kill_kept_from_the_ledger_is_told_at_the_next_start(tmp_path: Path) -> None:
    """Store and ledger are two files: what the first committed, the second must come to know, and only once."""
    with live_city(tmp_path, with_month=False) as session:
        session.offer("bureau", bureau_rows(datetime.now(UTC), count=3))
        (session.city.path / "feeds" / FEED_FILE).write_text(BUREAU.replace('"stn"', '"id"'), encoding="utf-8")
        care = session.feed_care
        assert care is not None
        _, told = care.reoffer(RefusedQuery(feed_id="bureau"), by="role:water_lead")  # and here the run is killed
        assert told.taken == 3
        city = session.city.path
    for _ in range(2):
        again = live_session(city, Settings(home=tmp_path / "home", flood="off"))
        again.start()
        until = again.ledger.head
        while not (found := list(again.ledger.since(0, kinds=("RefusedReoffered",)))):
            until = again.wait(until, 0.2)
        again.close()
        assert [(entry.actor, entry.body.taken) for entry in found] == [("role:water_lead", 3)]
