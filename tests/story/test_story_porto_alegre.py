"""The main job on real input: the Guaíba basin from 15 April to 1 May 2024, as the platform would have known it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rencheng.adapters.files import FileFieldStore
from rencheng.app.city_import import import_city
from rencheng.app.open_run import open_ledger, write_report
from rencheng.app.replay import replay
from rencheng.app.run_folder import RunFolder
from rencheng.app.settings import Settings
from rencheng.ledger import Entry

pytestmark = pytest.mark.real

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "porto-alegre"
RECORD = "telemetry_20240415_20240501.csv.gz"
CITY_GAUGE = "87450004"
"""Cais Mauá, the gauge of the city."""
REST_ENDS = datetime(2024, 4, 27, 3, tzinfo=UTC)
"""Midnight after 26 April by the city's clock."""
FLOOD_BEGINS = datetime(2024, 4, 29, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Played:
    """The replay that is over."""

    folder: Path
    entries: tuple[Entry, ...]
    took_s: float

    def where(self, kind: str, holds: Callable[[Entry], bool] = lambda _: True) -> list[Entry]:
        """Facts of a kind for which something holds."""
        return [entry for entry in self.entries if entry.kind == kind and holds(entry)]


@pytest.fixture(scope="module")
def played(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The city imported from public files, and its recorded telemetry replayed through the loop."""
    base = tmp_path_factory.mktemp("porto-alegre")
    data = shared_data / "porto_alegre"
    imported = import_city(TUTORIAL / "city.toml", base / "city", data_dirs=[data])
    assert not imported.report.failures
    begun = time.process_time()
    replay(base / "city", data / RECORD, base / "run", feed=TUTORIAL / "feed.toml", settings=Settings())
    took_s = time.process_time() - begun
    ledger = open_ledger(base / "run")
    try:
        return Played(base / "run", tuple(ledger.since(0)), took_s)
    finally:
        ledger.close()


def test_no_flood_warning_while_the_river_was_at_rest(played: Played) -> None:
    """A platform that cries wolf for twelve quiet days is switched off before the flood."""
    early = [e for e in played.entries if hasattr(e.body, "notice") and e.occurred_at < REST_ENDS]
    assert [e.body.notice.headline.en for e in early if e.body.notice.hazard == "river_flood"] == []
    at_gauge = played.where("SignalRaised", lambda e: e.body.sensor_id == CITY_GAUGE and e.occurred_at < REST_ENDS)
    assert [e.body.name for e in at_gauge if e.body.name == "stage_above_threshold"] == []


def test_upstream_floods_are_recognised_as_they_come(played: Played) -> None:
    """The water stood upstream two days before it reached the city: who does not see it there has no lead time."""
    upstream = played.where(
        "SignalRaised",
        lambda e: e.body.hazard == "river_flood" and not e.body.in_city and e.occurred_at >= FLOOD_BEGINS,
    )
    assert len({e.body.sensor_id for e in upstream}) >= 3
    assert {e.body.name for e in upstream} & {"rapid_rise", "stage_above_usual", "stage_above_threshold"}
    assert all(e.body.evidence for e in upstream)
    for day in (29, 30):
        assert any(e.occurred_at.day == day for e in upstream), f"nothing was seen upstream on {day} April"


def test_the_city_gauge_has_a_forecast_with_an_interval_at_the_end(played: Played) -> None:
    """What the mayor asks on the evening of 1 May: how high, by when, and how sure."""
    end = played.entries[-1].occurred_at
    forecasts = played.where("ForecastPublished", lambda e: e.body.sensor_id == CITY_GAUGE)
    assert forecasts
    last = forecasts[-1]
    assert (end - last.occurred_at).total_seconds() <= 6 * 3600
    assert {6.0, 12.0, 24.0} <= {h.lead_h for h in last.body.horizons}
    assert all(h.low <= h.median <= h.high for h in last.body.horizons)
    widths = [h.high - h.low for h in last.body.horizons]
    assert widths == sorted(widths)
    assert widths[0] > 0.0


def test_the_end_leaves_a_risk_table_warnings_tasks_and_people(played: Played) -> None:
    """At the end of the record a duty officer takes over: warnings, tasks and the exposed must be on the desk."""
    risk = played.where("RiskAssessed")
    fields = FileFieldStore(RunFolder(played.folder).fields)
    assert any(len(fields.get(e.body.field)) for e in risk)
    late = [e for e in risk if e.occurred_at >= FLOOD_BEGINS]
    assert max(t.residents_exposed for e in late for t in e.body.totals) > 0.0
    warnings = played.where("WarningIssued", lambda e: e.occurred_at >= FLOOD_BEGINS)
    assert warnings
    assert all(e.body.notice.reasons and e.body.notice.mode == "Test" for e in warnings)
    incidents = {e.body.incident_id: e.body.warning_id for e in played.where("IncidentOpened")}
    assert {e.body.warning_id for e in warnings} <= set(incidents.values())
    assert {e.body.incident_id for e in played.where("TaskCreated")} == set(incidents)


def test_every_row_of_the_record_is_accounted_for(played: Played) -> None:
    """Readings may be flagged or refused with a reason, but none may vanish."""
    taken = [e.body for e in played.where("BatchTaken")]
    assert sum(b.accepted for b in taken) == played.entries[-1].body.readings > 90_000
    assert played.took_s <= 60.0, f"the replay took {played.took_s:.0f} s of processor time"


def test_the_report_of_a_real_run_can_be_written(played: Played, tmp_path: Path) -> None:
    """A replay without a single rehearsal fact must still end in a report."""
    html, data = write_report(played.folder, tmp_path)
    assert "回放 Replay" in html.read_text(encoding="utf-8")
    assert data.stat().st_size > 10_000


def test_no_name_of_this_city_stands_in_the_code() -> None:
    """What works for one city only by naming it works for no other; a model card may say where it was measured."""
    source = Path(__file__).resolve().parents[2] / "src"
    for path in sorted(source.rglob("*")):
        if path.suffix in {".py", ".yaml", ".toml", ".csv"}:
            text = path.read_text(encoding="utf-8").lower()
            assert not any(name in text for name in ("porto_alegre", "porto-alegre", CITY_GAUGE)), path
