"""What happens in the scripted storm: three hours from the first rain to the close, as facts of every room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from tests.web.web_city import NX, SOUTH, STEP, WEST, river_lat
from tests.web.web_flood import flood_published, flood_scored, flood_superseded

from rencheng.adapters.memory import MemoryFieldStore
from rencheng.app.facts import RunStarted
from rencheng.assess.facts import (
    Evidence,
    ForecastHorizon,
    ForecastPublished,
    RiskAssessed,
    RiskTotal,
    SignalRaised,
)
from rencheng.city import City
from rencheng.community.facts import VisitRecorded, VisitRequested
from rencheng.evaluate.facts import IndicatorMeasured, LessonRecorded
from rencheng.kernel import Bilingual, Draft
from rencheng.recover.facts import DamageAssessed, RectificationOpened, ResourceGap
from rencheng.rehearse.facts import ScenarioStarted
from rencheng.respond import facts as respond
from rencheng.sense import facts as sense
from rencheng.warn import facts as warn

START = datetime(2026, 6, 12, 6, 0, tzinfo=UTC)
LEADS = (0.0, 1.0, 3.0, 6.0)
NODES = (
    "warning_received",
    "situation_verified",
    "plan_activated",
    "command_established",
    "tasks_issued",
    "tasks_acknowledged",
    "forces_deployed",
    "on_site_disposal",
    "situation_controlled",
    "response_ended",
    "damage_assessed",
    "reviewed",
)


@dataclass(frozen=True, slots=True)
class Cue:
    """Facts recorded together at a time after the start."""

    at: timedelta
    drafts: list[Draft]


def stage_at(sensor_id: str, at: datetime) -> float:
    """River stage or street depth in metres, or rain in millimetres per ten minutes, by formula."""
    h = (at - START).total_seconds() / 3600
    if sensor_id.startswith("d"):
        return round(float(max(0.0, 0.5 * np.exp(-(((h - 0.4) / 0.5) ** 2)) - 0.05)), 2)
    if sensor_id.startswith("r"):
        n = int(sensor_id[1:])
        return round(float(14 * np.exp(-(((h - 0.9 - n * 0.05) / 0.55) ** 2))), 2)
    lag = int(sensor_id[1:]) * 0.35
    return round(2.1 + 0.05 * float(np.sin(h)) + 3.1 / (1 + float(np.exp(-(h - 1.1 - lag) * 3))), 3)


def script(city: City, fields: MemoryFieldStore) -> list[Cue]:
    """All cues in order."""
    cues = [*_opening(city), *_sensing(), *_risk(city, fields), *_warnings(city), *_response(), *_ground(), *_after()]
    cues += _flood(city, fields)
    return sorted(cues, key=lambda cue: cue.at)


def _cue(minutes: float, *bodies: tuple[str, Any], actor: str = "rule:test") -> Cue:
    at = START + timedelta(minutes=minutes)
    drafts = [Draft(stream=stream, body=body, occurred_at=at, actor=actor) for stream, body in bodies]
    return Cue(timedelta(minutes=minutes), drafts)


def _two(zh: str, en: str) -> Bilingual:
    return Bilingual(zh=zh, en=en)


def _opening(city: City) -> Iterator[Cue]:
    run = RunStarted(
        mode="rehearsal", city_id=city.manifest.id, city_digest=city.digest, seed=1, rules={}, version="0.1.0"
    )
    scene = ScenarioStarted(
        scenario="rainstorm",
        seed=1,
        title=_two("五十年一遇暴雨", "Storm of fifty years"),
        parameters={"rain_mm": 180.0},
    )
    yield _cue(0, ("run", run), ("scenario", scene))


def _sensing() -> Iterator[Cue]:
    for minute in range(0, 181, 10):
        at = START + timedelta(minutes=minute)
        yield _cue(
            minute,
            (
                "feed/gauges",
                sense.BatchTaken(
                    feed_id="gauges",
                    position=str(minute),
                    accepted=9,
                    repeated=0,
                    refused=0,
                    flagged={},
                    first_at=at,
                    last_at=at,
                ),
            ),
        )
    silent = sense.SensorSilent(
        sensor_id="r4", quantity="rain_mm", last_at=START, expected_interval_s=300, missed_intervals=4
    )
    yield _cue(25, ("sensor/r4", silent))
    doubt = sense.SensorSuspected(sensor_id="r6", quantity="rain_mm", flag="STUCK", detail="12 readings alike")
    yield _cue(40, ("sensor/r6", doubt))
    for n, minute in enumerate((48, 55, 63)):
        lon = WEST + (9 + n * 4) * STEP
        report = sense.ReportReceived(
            report_id=f"rep{n}",
            source="hotline",
            hazard="waterlogging",
            category="water_on_road",
            lon=lon,
            lat=river_lat(lon) + 0.003,
            cell=0,
            text="路面积水及膝",
            depth_m=0.4,
            people=3,
            event_id=f"e{n}",
        )
        yield _cue(minute, (f"report/rep{n}", report), actor="person:hotline")


def _risk(city: City, fields: MemoryFieldStore) -> Iterator[Cue]:
    lon, lat = city.column("cells", "lon"), city.column("cells", "lat")
    cell, residents = city.column("cells", "cell"), city.column("cells", "residents")
    vulnerable = city.column("cells", "vulnerable_residents")
    away = np.abs(lat - np.array([river_lat(x) for x in lon.tolist()]))
    for minute in range(20, 181, 20):
        swell = min(1.0, minute / 90) * (1.0 if minute < 140 else 0.6)
        parts, totals = [], []
        for lead in LEADS:
            prob = np.clip(swell * (1 + 0.12 * lead) * np.exp(-((away / 0.0075) ** 2)), 0, 0.99)
            keep = prob > 0.08
            colour = np.array(["", "blue", "yellow", "orange", "red"])[np.digitize(prob, [0.15, 0.35, 0.55, 0.78])]
            parts.append(
                pa.table(
                    {
                        "cell": cell[keep],
                        "lead_h": np.full(keep.sum(), lead),
                        "probability": prob[keep],
                        "intensity": prob[keep] * 1.2,
                        "residents": residents[keep],
                        "vulnerable_residents": vulnerable[keep],
                        "facilities": np.zeros(keep.sum()),
                        "risk": prob[keep] * residents[keep],
                        "colour": colour[keep].astype(str),
                    }
                )
            )
            at_risk = prob > 0.35
            totals.append(
                RiskTotal(
                    lead_h=lead,
                    colour=str(colour[np.argmax(prob)]),
                    cells_at_risk=int(at_risk.sum()),
                    residents_exposed=float(residents[at_risk].sum()),
                    vulnerable_exposed=float(vulnerable[at_risk].sum()),
                    facilities_exposed={"hospital": 1, "school": 1},
                )
            )
        body = RiskAssessed(
            assessment_id=f"a{minute}",
            hazard="waterlogging",
            model="terrain_susceptibility",
            field=fields.put(pa.concat_tables(parts)),
            totals=tuple(totals),
            evidence=(Evidence(kind="accumulation", sensor_id="r1", quantity="rain_mm", value=61.0, unit="mm"),),
        )
        yield _cue(minute, ("risk/waterlogging", body), _forecast(minute), actor="model:test")


def _flood(city: City, fields: MemoryFieldStore) -> Iterator[Cue]:
    for number, (minute, swell) in enumerate(((22, 0.8), (52, 1.05), (72, 1.2)), start=1):
        at = START + timedelta(minutes=minute)
        yield _cue(minute, *flood_published(city, fields, at, swell=swell, number=number), actor="model:flood")
    yield _cue(62, ("flood/linjiang", flood_superseded(START + timedelta(minutes=58))), actor="model:flood")
    yield _cue(70, ("flood/linjiang", flood_scored()), actor="model:flood")


def _forecast(minute: float) -> tuple[str, Any]:
    at = START + timedelta(minutes=minute)
    now = stage_at("g2", at)
    horizons = tuple(
        ForecastHorizon(
            lead_h=h,
            median=now + 0.25 * h**0.8,
            low=now + 0.05 * h**0.8,
            high=now + 0.55 * h**0.8,
            exceed_prob={"orange": 0.7, "red": 0.4},
        )
        for h in (1.0, 3.0, 6.0, 12.0)
    )
    body = ForecastPublished(
        forecast_id=f"f{minute}",
        model="linear_reservoir",
        sensor_id="g2",
        quantity="stage_m",
        observed=now,
        observed_at=at,
        rate_per_h=0.6,
        horizons=horizons,
    )
    return "forecast/g2", body


def _reference(number: int, minute: float) -> str:
    sent = (START + timedelta(minutes=minute)).isoformat(timespec="seconds")
    return f"linjiang.example,linjiang-rain-{number},{sent}"


def _notice(city: City, number: int, minute: float, colour: str, refs: tuple[str, ...]) -> warn.Notice:
    names = {"yellow": ("黄色", "yellow"), "orange": ("橙色", "orange"), "red": ("红色", "red")}
    zh, en = names[colour]
    sent = START + timedelta(minutes=minute)
    rain = {"yellow": 52.4, "orange": 71.8, "red": 103.6}[colour]
    west, east = WEST + 2 * STEP, WEST + (NX - 4) * STEP
    top = [(x, river_lat(x) + 0.008) for x in np.linspace(west, east, 24)]
    bottom = [(x, river_lat(x) - 0.008) for x in np.linspace(east, west, 24)]
    ring = tuple((float(x), float(y)) for x, y in [*top, *bottom, top[0]])
    lat = city.column("cells", "lat")
    lon = city.column("cells", "lon")
    near = np.abs(lat - np.array([river_lat(x) for x in lon.tolist()])) < 0.008
    return warn.Notice(
        notice_id=f"linjiang-rain-{number}",
        hazard="rainstorm",
        rule="CN-2007/0203",
        colour=colour,
        headline=_two(f"临江市暴雨{zh}预警", f"Rainstorm {en} warning for Linjiang"),
        description=_two(f"过去三小时降雨量已达{rain}毫米, 且降雨将持续。", f"{rain} mm fell in 3 hours; it goes on."),
        advice=_two("低洼地带人员立即转移, 避免涉水行车。", "Leave low ground now; do not drive through water."),
        impact=_two("沿江低洼街区可能内涝。", "Low streets along the river may flood."),
        reasons=(
            warn.Reason(
                text=_two(f"3小时雨量 {rain} mm 达到{zh}标准", f"3 h rain {rain} mm reaches the {en} signal"),
                evidence=(
                    Evidence(
                        kind="accumulation",
                        sensor_id="r1",
                        quantity="rain_mm",
                        value=rain,
                        unit="mm",
                        at=sent,
                        threshold=50.0,
                        note="3 h",
                    ),
                ),
            ),
            warn.Reason(
                text=_two("临江大桥站水位上涨 0.6 m/h", "Linjiang bridge gauge rises 0.6 m/h"),
                evidence=(
                    Evidence(
                        kind="reading", sensor_id="g2", quantity="stage_m", value=4.31, unit="m", at=sent, threshold=4.2
                    ),
                ),
            ),
        ),
        cells=tuple(int(c) for c in city.column("cells", "cell")[near]),
        polygon=(ring,),
        area_ids=("d1", "d2"),
        area_text=_two("河西区、河东区沿江地带", "Riverside of Hexi and Hedong"),
        audience=("public", "duty"),
        residents=float(city.column("cells", "residents")[near].sum()),
        vulnerable_residents=float(city.column("cells", "vulnerable_residents")[near].sum()),
        sent_at=sent,
        onset_at=sent,
        expires_at=sent + timedelta(hours=3),
        certainty="Observed",
        references=refs,
        mode="Exercise",
    )


def _warnings(city: City) -> Iterator[Cue]:
    signal = SignalRaised(
        signal_id="s1",
        hazard="rainstorm",
        name="rain_accumulation",
        colour="yellow",
        sensor_id="r1",
        lon=WEST + 4 * STEP,
        lat=SOUTH + 4 * STEP,
        in_city=True,
        evidence=(Evidence(kind="accumulation", sensor_id="r1", quantity="rain_mm", value=52.4, unit="mm"),),
    )
    yield _cue(30, ("signal/s1", signal), actor="rule:rain")
    yellow = _notice(city, 1, 31, "yellow", ())
    yield _cue(31, ("warning/w1", warn.WarningIssued(warning_id="w1", notice=yellow)), *_message(1, "w1"))
    orange = _notice(city, 2, 46, "orange", (_reference(1, 31),))
    up = warn.WarningUpgraded(warning_id="w1", from_colour="yellow", notice=orange)
    yield _cue(46, ("warning/w1", up), *_message(2, "w1"))
    red = _notice(city, 3, 70, "red", (_reference(2, 46),))
    up = warn.WarningUpgraded(warning_id="w1", from_colour="orange", notice=red)
    yield _cue(70, ("warning/w1", up), *_message(3, "w1"))


def _message(number: int, warning_id: str) -> tuple[tuple[str, Any], ...]:
    name = f"m{number}"
    queued = warn.MessageQueued(
        message_id=name, warning_id=warning_id, notice_id=f"linjiang-rain-{number}", channel="file"
    )
    sent = warn.MessageDelivered(message_id=name, channel="file", attempt=1, receipt="ok")
    return (f"message/{name}", queued), (f"message/{name}", sent)


def _response() -> Iterator[Cue]:
    opened = respond.IncidentOpened(
        incident_id="i1",
        hazard="rainstorm",
        title=_two("临江市暴雨内涝", "Rainstorm flooding in Linjiang"),
        response_level="II",
        event_grade="larger",
        warning_id="w1",
        cells=(),
        area_ids=("d1", "d2"),
    )
    yield _cue(47, ("incident/i1", opened))
    plan = respond.PlanActivated(
        incident_id="i1", plan_id="rainstorm-city", plan_version="1", response_level="II", why="orange rainstorm"
    )
    yield _cue(48, ("incident/i1", plan))
    for number, minute in enumerate((47, 47.5, 48, 49, 49.5, 72, 78, 84, 150, 165, 172, 178), start=1):
        node = respond.IncidentNodeReached(incident_id="i1", node=NODES[number - 1], number=number)
        yield _cue(minute, ("incident/i1", node))
    yield from _tasks()
    yield _cue(180, ("incident/i1", respond.IncidentClosed(incident_id="i1")))


def _tasks() -> Iterator[Cue]:
    steps = [
        ("开设防汛指挥部", "Set up flood command", "commander", 10, 30),
        ("封闭下穿隧道", "Close the underpasses", "traffic_lead", 10, 40),
        ("预置排涝泵车", "Pre-position pump trucks", "water_lead", 15, 60),
        ("转移低洼地带居民", "Move residents of low ground", "grid_officer", 15, 90),
        ("水上救援力量待命", "Stand water rescue by", "fire_lead", 60, 120),
        ("核查排水泵站", "Check pumping stations", "water_lead", 60, 150),
    ]
    for n, (zh, en, role, answer, due) in enumerate(steps):
        at = START + timedelta(minutes=49)
        body = respond.TaskCreated(
            task_id=f"t{n}",
            incident_id="i1",
            step_id=f"s{n}",
            title=_two(zh, en),
            role_id=role,
            acknowledge_by=at + timedelta(minutes=answer),
            due_at=at + timedelta(minutes=due),
            receipt="text",
            measure="",
        )
        yield _cue(49, (f"task/t{n}", body))
    yield _cue(51, ("task/t0", respond.TaskAcknowledged(task_id="t0", role_id="commander")), actor="role:commander")
    done = respond.TaskCompleted(task_id="t0", role_id="commander", receipt="指挥部已开设")
    yield _cue(66, ("task/t0", done), actor="role:commander")
    higher = respond.TaskEscalated(
        task_id="t1",
        from_role_id="traffic_lead",
        to_role_id="commander",
        step=1,
        acknowledge_by=START + timedelta(minutes=75),
    )
    yield _cue(59, ("task/t1", higher))
    yield _cue(64, ("task/t2", respond.TaskAcknowledged(task_id="t2", role_id="water_lead")), actor="role:water_lead")
    yield _cue(110, ("task/t2", respond.TaskOverdue(task_id="t2")))


def _ground() -> Iterator[Cue]:
    for n, (i, minute) in enumerate(((6, 52), (12, 58), (18, 67))):
        lon = WEST + (i + 0.5) * STEP
        closed = respond.RoadClosed(
            link_id=i * 4 + 1, reason="flooded", depth_m=0.3 + 0.1 * n, lon=lon, lat=river_lat(lon) + 0.002
        )
        yield _cue(minute, (f"road/{i * 4 + 1}", closed))
    kinds = [("rescue", ("water_rescue",), 1), ("pumping", ("pumping",), 3), ("medical", ("medical",), 1)]
    for n in range(7):
        kind, skills, priority = kinds[n % 3]
        lon = WEST + (5 + n * 3) * STEP
        lat = river_lat(lon) + 0.002 * (1 if n % 2 else -1)
        minute = 56 + n * 6
        need = respond.NeedRaised(
            need_id=f"n{n}",
            incident_id="i1",
            kind=kind,
            skills=skills,
            lon=lon,
            lat=lat,
            cell=0,
            people=2 + n,
            priority=priority,
            report_id="",
        )
        yield _cue(minute, (f"need/n{n}", need))
        if n == 6:
            unmet = respond.NeedUnmet(
                need_id="n6", reason="all_units_busy", detail=_two("救援艇全部出动", "All rescue boats are out")
            )
            yield _cue(minute + 1, ("need/n6", unmet))
            continue
        yield from _sent(n, {"rescue": 4, "pumping": 3, "medical": 2}[kind] + 6 * (n // 3), lon, lat, minute + 1)


def _sent(n: int, unit: int, lon: float, lat: float, minute: float) -> Iterator[Cue]:
    arrive = minute + 14
    start = (WEST + (8 + 3 * n) % NX * STEP, SOUTH + 18 * STEP)
    body = respond.UnitAssigned(
        need_id=f"n{n}",
        unit_id=f"u{unit}",
        travel_s=14 * 60.0,
        arrive_at=START + timedelta(minutes=arrive),
        route=(start, (lon, start[1]), (lon, lat)),
        why="nearest with the skill",
    )
    yield _cue(minute, (f"need/n{n}", body), actor="model:dispatch")
    yield _cue(arrive, (f"unit/u{unit}", respond.UnitArrived(need_id=f"n{n}", unit_id=f"u{unit}")))
    yield _cue(arrive + 45, (f"need/n{n}", respond.NeedMet(need_id=f"n{n}", unit_id=f"u{unit}")))
    free = respond.UnitReleased(unit_id=f"u{unit}", lon=lon, lat=lat)
    yield _cue(arrive + 46, (f"unit/u{unit}", free))


def _after() -> Iterator[Cue]:
    damage = DamageAssessed(
        incident_id="i1",
        method="hazus-flood",
        buildings_field="",
        cells_field="",
        buildings_damaged=42,
        residents_affected=3100,
        loss_cny=18_400_000,
        gaps=(ResourceGap(area_id="d1", item="pump", needed=9, available=6, unit="台"),),
    )
    yield _cue(171, ("incident/i1", damage))
    asked = VisitRequested(
        visit_id="v1",
        warning_id="w1",
        area_id="d1",
        cells=(),
        vulnerable_residents=210.0,
        role_id="grid_officer",
        due_at=START + timedelta(minutes=160),
    )
    yield _cue(75, ("visit/v1", asked))
    yield _cue(140, ("visit/v1", VisitRecorded(visit_id="v1", by="grid_officer", reached=198, need_help=4)))
    hazard = RectificationOpened(
        rectification_id="x1",
        incident_id="i1",
        title=_two("滨江路雨水口堵塞", "Blocked street inlets on Riverside Road"),
        role_id="water_lead",
        lon=WEST + 6.5 * STEP,
        lat=SOUTH + 9 * STEP,
        due_at=START + timedelta(days=3),
    )
    yield _cue(173, ("incident/i1", hazard))
    closed_loop = IndicatorMeasured(indicator="closed_loop", value=0.86, unit="ratio", colour="red")
    yield _cue(176, ("indicator/closed_loop", closed_loop))
    said = _two("泵车应提前一小时预置", "Pump trucks should stand ready an hour earlier")
    lesson = LessonRecorded(lesson_id="l1", incident_id="i1", text=said, changes="rainstorm-city")
    yield _cue(179, ("incident/i1", lesson))
