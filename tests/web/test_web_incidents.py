"""The command's board: an incident is named after its warning as that rises, and no fact goes without a name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.web.web_session import ScriptedSession

from rencheng.adapters.memory import MemoryLedger
from rencheng.city import City
from rencheng.kernel import Bilingual, Draft, fact_types
from rencheng.respond.facts import IncidentOpened, IncidentWarned, PlanActivated
from rencheng.web.picture import PictureKeeper
from rencheng.web.picture.incidents import IncidentView

START = datetime(2026, 6, 12, 6, 0, tzinfo=UTC)
WORDS = Path(__file__).parents[2] / "console" / "src" / "i18n"


def _incident(city: City, *bodies: Any) -> IncidentView:
    ledger = MemoryLedger()
    told = [Draft(stream="incident/i1", body=body, occurred_at=START, actor="rule:test") for body in bodies]
    ledger.append(told, now=START)
    keeper = PictureKeeper(city, ledger)
    keeper.catch_up()
    return keeper.incidents.incidents["i1"]


def test_a_warning_that_joins_reports_leads_their_incident(small_city: City) -> None:
    shown = _incident(
        small_city,
        IncidentOpened(
            incident_id="i1",
            hazard="river_flood",
            title=Bilingual(zh="群众上报洪水", en="Reports of flooding"),
            response_level="IV",
            event_grade="general",
            warning_id="",
            cells=(1,),
            area_ids=("d1",),
        ),
        IncidentWarned(
            incident_id="i1",
            warning_id="w9",
            title=Bilingual(zh="发布洪水红色预警", en="Red flood warning"),
            cells=(1, 2),
            area_ids=("d1", "d2"),
        ),
        PlanActivated(incident_id="i1", plan_id="flood", plan_version="1", response_level="I", why="red river flood"),
    )
    assert (shown.warning_id, shown.title.zh, shown.response_level) == ("w9", "发布洪水红色预警", "I")
    assert shown.area_ids == ["d1", "d2"]


def test_an_incident_is_named_after_the_highest_notice_of_its_warning(small_city: City) -> None:
    played = ScriptedSession(small_city)
    keeper = PictureKeeper(small_city, played.ledger)
    played.advance(timedelta(minutes=60))
    keeper.catch_up()
    assert keeper.incidents.incidents["i1"].title.zh == "临江市暴雨内涝"
    played.advance(timedelta(minutes=80))
    keeper.catch_up()
    assert keeper.incidents.incidents["i1"].title.zh == "临江市暴雨红色预警"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_fact_has_a_name_in_the_console(language: str) -> None:
    import_module("rencheng.app.stages")
    text = (WORDS / f"{language}.ts").read_text(encoding="utf-8")
    group = re.search(r"^  fact: \{\n(.*?)^  \},", text, re.MULTILINE | re.DOTALL)
    assert group is not None
    named = set(re.findall(r"^    (\w+): '.+',$", group.group(1), re.MULTILINE))
    assert set(fact_types()) - named == set(), f"facts without a name in {language}.ts"
