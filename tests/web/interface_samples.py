"""One message of every interface class that comes in, and how the house itself reads what has its form."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rencheng.app.city_import.config import read_import_config
from rencheng.app.interfaces import INTERFACES, InterfaceClass, read_message
from rencheng.assess.flood.extent_config import read_extent_config
from rencheng.assess.indicator_tree import tree_from_dict
from rencheng.assess.risk_index import risk_index_from_dict
from rencheng.assess.river.river_file import read_river_file
from rencheng.city import City, Manifest, read_city
from rencheng.rehearse.scenario import read_scenario
from rencheng.rehearse.study import study_from_plain
from rencheng.respond.plans import read_plans
from rencheng.sense import feed_config_from_dict
from rencheng.sense.source import source_from_dict
from rencheng.warn.rule_files import load_terms, rule_book_from_yaml

__all__ = ["INBOUND", "Sample", "samples"]

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "porto-alegre"
INBOUND = tuple(of for of in INTERFACES if of.direction == "in")
Reader = Callable[[Any, Path], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A message that conforms, and what reads its like."""

    of: InterfaceClass
    message: str
    document: Any
    read: Reader


def samples(of: InterfaceClass) -> list[Sample]:
    """A sample of every message of a class."""
    if of.id in _FILES:
        make, read = _FILES[of.id]
        return [Sample(of=of, message=name, document=document, read=read) for name, document in make().items()]
    if of.id == "feed-source":
        return [Sample(of=of, message=name, document=_SOURCES[name], read=_source_reader(name)) for name in of.messages]
    return [Sample(of=of, message=name, document=_MESSAGES[name], read=_json_reader(of, name)) for name in of.messages]


def _json_reader(of: InterfaceClass, name: str) -> Reader:
    return lambda document, _folder: read_message(of, name, json.dumps(document).encode())


def _source_reader(kind: str) -> Reader:
    return lambda document, _folder: source_from_dict({**document, "kind": kind}, where="feed.toml")


_DEVICE = {"device_id": "post-7", "reason": "yearly work"}
_REASON = {"reason": "as seen on site"}
_MESSAGES: dict[str, Any] = {
    "Pack": [{"bn": "urn:dev:mac:1;", "bt": 1.7e9, "n": "stage", "u": "m", "v": 2.1}, {"n": "wet", "vb": True}],
    "SubmitReport": {
        "source": "citizen",
        "hazard": "waterlogging",
        "category": "water_on_road",
        "lon": 121.5,
        "lat": 31.2,
        "text": "to the knees",
        "depth_m": 0.5,
        "people": 2,
        "seen_at": "2026-06-01T08:00:00Z",
    },
    "TakeRainPicture": {
        "source": "radar",
        "at": "2026-06-01T08:00:00Z",
        "field": "ab12",
        "cell_m": 1000.0,
        "mean_mm_h": 3.5,
        "highest_mm_h": 41.0,
        "missing_ratio": 0.0,
    },
    "TakeRainForecast": {
        "source": "nwp",
        "issued_at": "2026-06-01T08:00:00Z",
        "field": "ab12",
        "kind": "best",
        "layers": 1,
        "steps": 24,
        "horizon_h": 24.0,
        "total_mm": 55.0,
        "highest_mm_h": 12.0,
    },
    "RegisterDevices": {
        "devices": [
            {"device_id": "d", "kind": "sensor", "state": "planned", "sensor_ids": ["a"], "battery_months": 36}
        ],
        "reason": "tender 7",
    },
    "InstallDevice": {**_DEVICE, "on": "2026-05-01"},
    "PutDeviceInService": _DEVICE,
    "TakeDeviceToMaintenance": _DEVICE,
    "ReportDeviceFault": _DEVICE,
    "CalibrateDevice": {**_DEVICE, "on": "2026-05-01"},
    "ReplaceBattery": {**_DEVICE, "on": "2026-05-01"},
    "RetireDevice": _DEVICE,
    "TakeEdgeRecord": {
        "edge_id": "gate-1",
        "log_seq": 1,
        "at": "2026-06-01T08:00:00Z",
        "kind": "alarm",
        "body": "{}",
        "previous": "",
        "digest": "00",
        "clock_ahead_s": 0.5,
    },
    "IssueWarning": {
        "hazard": "rainstorm",
        "colour": "yellow",
        "area_id": "district-1",
        "reason": {"zh": "会商", "en": "agreed"},
        "expires_at": "2026-06-01T12:00:00Z",
    },
    "ExtendWarning": {"warning_id": "warning-1", "expires_at": "2026-06-01T14:00:00Z", **_REASON},
    "CancelWarning": {"warning_id": "warning-1", **_REASON},
    "CompleteRectification": {"rectification_id": "rectification-1", "receipt": "fenced"},
    "RecordReview": {"incident_id": "incident-1", "findings": [{"zh": "泵晚到", "en": "pump came late"}]},
    "ReviseRemediation": {"point_id": "point-1", "status": "done", "why": "new pipe", "done_on": "2026-05-01"},
    "RecordVisit": {"visit_id": "visit-1", "reached": 3, "need_help": 1},
    "ReviseWeights": {"weights": {"a": 0.5, "b": 0.5}, "why": "flood season"},
    "ReloadFeed": {"feed_id": "hydro"},
    "ReofferRefused": {"feed_id": "hydro", "ids": ["row-1"], **_REASON},
    "alarm": {
        "alarm_id": "alarm-1",
        "sensor_id": "s-1",
        "quantity": "smoke_db_m",
        "rule": "smoke",
        "hazard": "fire",
        "name": {"zh": "烟", "en": "smoke"},
        "state": "raised",
        "severity": "red",
        "begun_at": 1,
        "at": 2,
        "value": 2.5,
        "limit": 2.0,
        "confidence": 0.9,
    },
    "order": {
        "what": "evacuate",
        "by": "rule:fire",
        "reason": "smoke",
        "order": {
            "order_id": "order-1",
            "rule": "fire",
            "action": "evacuate",
            "hazard": "fire",
            "severity": "red",
            "text": {"zh": "疏散", "en": "leave"},
            "channels": ["siren"],
            "sensor_id": "s-1",
            "alarm_ids": ["alarm-1"],
        },
    },
    "sent": {"order_id": "order-1", "what": "evacuate", "channel": "siren", "tries": 1, "error": ""},
    "unsent": {"order_id": "order-1", "what": "evacuate", "channel": "siren", "tries": 3, "error": "no line"},
    "AcknowledgeTask": {"task_id": "task-1", "role_id": "duty_officer"},
    "CompleteTask": {"task_id": "task-1", "receipt": "pumped dry"},
    "ReassignTask": {"task_id": "task-1", "role_id": "water_lead", **_REASON},
    "ReopenTask": {"task_id": "task-1", **_REASON},
    "RaiseNeed": {"kind": "pumping", "lon": 121.5, "lat": 31.2, "people": 3, "priority": 1},
    "WithdrawNeed": {"need_id": "need-1", **_REASON},
    "MeetNeed": {"need_id": "need-1"},
    "ConfirmArrival": {"unit_id": "pump-1"},
    "ReleaseUnit": {"unit_id": "pump-1"},
    "RecallUnit": {"unit_id": "pump-1"},
    "CloseRoad": {"link_id": 7, "depth_m": 0.4, **_REASON},
    "ReopenRoad": {"link_id": 7},
    "AcceptFloodAdvice": {"option_id": "option-1"},
    "ConfirmNode": {"incident_id": "incident-1", "node": "response_ended"},
    "EndResponse": {"incident_id": "incident-1"},
    "CloseIncident": {"incident_id": "incident-1"},
}


def _blocks(page: str) -> list[Any]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)]


def _shipped(room: str, *path: str) -> Any:
    return yaml.safe_load(files(f"rencheng.{room}").joinpath("data", *path).read_text(encoding="utf-8"))


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _plain(document: Any) -> Any:
    """Days as text, as YAML and TOML give them and JSON does not."""
    return json.loads(msgspec.json.encode(document))


def _written(folder: Path, name: str, document: Any) -> Path:
    """A file that a reader of TOML or YAML takes: JSON is YAML, and this is TOML enough for any document."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, ensure_ascii=False) if path.suffix == ".yaml" else _toml_text(document)
    path.write_text(text, encoding="utf-8")
    return path


def _toml_text(document: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {_toml_value(value)}\n" for key, value in document.items())


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _plan(document: Any, folder: Path) -> object:
    """The plans of a city that has this one of its own."""
    _written(folder, "plans/own.yaml", document)
    return read_plans(folder)


def _extent(document: Any, folder: Path) -> object:
    _written(folder, "flood/extent.toml", document)
    return read_extent_config(City(path=folder, manifest=_MANIFEST))


def _import(document: Any, folder: Path) -> object:
    for name in ("monaco.osm.gz", "N43E007.hgt.zip"):
        (folder / name).touch()
    return read_import_config(_written(folder, "import.toml", document))


def _manifest(document: Any, folder: Path) -> object:
    _written(folder, "city.toml", {"city": document})
    return read_city(folder)


_MANIFEST = Manifest(
    id="t", name="T", name_en="T", metric_crs="EPSG:32651", timezone="Asia/Shanghai", jurisdiction="CN"
)
_SOURCES = {
    "http": {},
    "mqtt": {"host": "broker.example", "topics": ["city/#"]},
    "tcp": {"port": 9000},
    "folder": {"path": "in"},
    "poll": {"url": "https://station.example/now.json", "every_s": 60},
    "sensorthings": {},
}
_FILES: dict[str, tuple[Callable[[], dict[str, Any]], Reader]] = {
    "city-manifest": (lambda: {"city": msgspec.to_builtins(_MANIFEST)}, _manifest),
    "feed-configuration": (
        lambda: {"feed": _toml(TUTORIAL / "feed.toml")["feed"]},
        lambda document, _: feed_config_from_dict(document, where="feed.toml"),
    ),
    "warning-rulebook": (
        lambda: {"rulebook": _plain(_shipped("warn", "waterlogging.yaml"))},
        lambda document, _: rule_book_from_yaml(json.dumps(document), "own.yaml", load_terms()),
    ),
    "emergency-plan": (lambda: {"plan": _plain(_shipped("respond", "plans", "rainstorm-II.yaml"))}, _plan),
    "river-description": (
        lambda: {"river": _toml(TUTORIAL / "river.toml")},
        lambda document, folder: read_river_file(_written(folder, "river.toml", document)),
    ),
    "flood-extent": (lambda: {"extent": _toml(TUTORIAL / "flood" / "extent.toml")}, _extent),
    "city-import": (
        lambda: {"import": _toml(ROOT / "tests" / "city" / "configs" / "monaco.toml")},
        _import,
    ),
    "rehearsal-scenario": (
        lambda: {"scenario": _plain(_shipped("rehearse", "rainstorm.yaml"))},
        lambda document, folder: read_scenario(str(_written(folder, "scenario.yaml", document))),
    ),
    "measure-study": (
        lambda: {"study": _plain(_blocks("how-to/run-a-study.md")[0])},
        lambda document, _: study_from_plain(document),
    ),
    "indicator-tree": (
        lambda: {"tree": _plain(_shipped("evaluate", "resilience.yaml"))},
        lambda document, _: tree_from_dict(document, where="tree.yaml"),
    ),
    "risk-index": (
        lambda: {"index": _plain(_shipped("assess", "risk_index_cn.yaml"))},
        lambda document, _: risk_index_from_dict(document, where="index.yaml"),
    ),
}
