"""The catalogue of interface classes: what each is for, which way it goes, and the types that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import rencheng.app.stages  # noqa: F401 — registers the orders of every room
from rencheng.adapters.senml.records import PACK
from rencheng.app.city_import.sections import CityImport
from rencheng.app.connectors import FeedCondition
from rencheng.assess.flood.extent_config import ExtentConfig
from rencheng.assess.indicator_tree import IndicatorTree
from rencheng.assess.risk_index import RiskIndexRules
from rencheng.assess.river.river_file import RiverFile
from rencheng.city import Manifest
from rencheng.evaluate import Report
from rencheng.evaluate.faults import FaultFigures
from rencheng.kernel import Bilingual, NotFound, order_type
from rencheng.rehearse.scenario import Scenario
from rencheng.rehearse.study import Study
from rencheng.respond.edge import EDGE_ENTRIES
from rencheng.respond.plans import Plan
from rencheng.sense import FeedConfig
from rencheng.sense.source import SOURCES
from rencheng.warn.rules import RuleFile

__all__ = ["INTERFACES", "InterfaceClass", "interface"]

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceClass:
    """One class of messages or files.

    Parameters
    ----------
    id : str
        Name in addresses.
    version : int
        Raised whenever its schema changes.
    name : Bilingual
        What people call it.
    direction : str
        ``in``: the house takes it; ``out``: the house gives it.
    carried : str
        Where it travels: an address, a file of the city package, a command.
    messages : mapping
        Name of a message → type that reads it.
    """

    id: str
    version: int
    name: Bilingual
    direction: Direction
    carried: str
    messages: Mapping[str, Any]


def _of(id_: str, zh: str, en: str, carried: str, messages: Mapping[str, Any], **more: Any) -> InterfaceClass:
    values: dict[str, Any] = {"version": 1, "direction": "in", **more}
    return InterfaceClass(id=id_, name=Bilingual(zh=zh, en=en), carried=carried, messages=messages, **values)


def _orders(id_: str, zh: str, en: str, *names: str, **more: Any) -> InterfaceClass:
    return _of(id_, zh, en, "POST /api/orders/{message}", {name: order_type(name) for name in names}, **more)


_CITY = "city package: "

INTERFACES: tuple[InterfaceClass, ...] = (
    _of("senml-pack", "SenML 观测包", "SenML pack of readings", "feed of format senml (RFC 8428)", {"Pack": PACK}),
    _orders("public-report", "公众与多源上报", "Report of people, cameras, drones", "SubmitReport"),
    _orders(
        "rain-field",
        "雨量场与降雨预报入库",
        "Rain picture or forecast laid in the field store",
        "TakeRainPicture",
        "TakeRainForecast",
    ),
    _orders("device-register", "设备登记", "Register of devices", "RegisterDevices"),
    _orders(
        "device-life",
        "设备生命周期",
        "Life of a device",
        "InstallDevice",
        "PutDeviceInService",
        "TakeDeviceToMaintenance",
        "ReportDeviceFault",
        "CalibrateDevice",
        "ReplaceBattery",
        "RetireDevice",
    ),
    _orders("feed-tending", "数据源维护", "Tending of a feed", "ReloadFeed", "ReofferRefused"),
    _orders("edge-log", "边缘节点日志", "Log of an edge agent", "TakeEdgeRecord"),
    _of("edge-entry", "边缘节点日志条目", "Entry of an edge agent's log", "body of TakeEdgeRecord", EDGE_ENTRIES),
    _orders("warning-decision", "预警决定", "Decision on a warning", "IssueWarning", "ExtendWarning", "CancelWarning"),
    _orders(
        "task-receipt",
        "任务签收与回执",
        "Receipt of a task",
        "AcknowledgeTask",
        "CompleteTask",
        "ReassignTask",
        "ReopenTask",
    ),
    _orders("call-for-help", "求助与需求", "Call for help", "RaiseNeed", "WithdrawNeed", "MeetNeed"),
    _orders("unit-movement", "力量调度", "Movement of a unit", "ConfirmArrival", "ReleaseUnit", "RecallUnit"),
    _orders("road-closure", "道路封闭与恢复", "Closure of a road", "CloseRoad", "ReopenRoad"),
    _orders(
        "incident-command",
        "事件指挥",
        "Command of an incident",
        "AcceptFloodAdvice",
        "ConfirmNode",
        "EndResponse",
        "CloseIncident",
    ),
    _orders("rectification", "整改与复盘", "Rectification and review", "CompleteRectification", "RecordReview"),
    _orders("flood-point-remediation", "易涝点整治", "Remediation of a flood-prone point", "ReviseRemediation"),
    _orders("household-visit", "重点人群走访", "Visit to people who need help", "RecordVisit"),
    _orders("index-weights", "指数权重修订", "Revision of an index's weights", "ReviseWeights"),
    _of(
        "city-manifest", "城市数据包清单", "Manifest of a city package", f"{_CITY}city.toml, [city]", {"city": Manifest}
    ),
    _of(
        "feed-configuration",
        "数据源配置",
        "Configuration of a feed",
        f"{_CITY}feeds/*.toml, [feed]",
        {"feed": FeedConfig},
    ),
    _of("feed-source", "数据源接入方式", "Where a feed comes from", f"{_CITY}feeds/*.toml, [feed.source]", SOURCES),
    _of("warning-rulebook", "预警规则", "Rulebook of warnings", f"{_CITY}rules/*.yaml", {"rulebook": RuleFile}),
    _of("emergency-plan", "应急预案", "Emergency plan", f"{_CITY}plans/*.yaml", {"plan": Plan}),
    _of("river-description", "河流预报模型", "River above the city", f"{_CITY}river/river.toml", {"river": RiverFile}),
    _of(
        "flood-extent",
        "洪水淹没范围设置",
        "Settings of flood extents",
        f"{_CITY}flood/extent.toml",
        {"extent": ExtentConfig},
    ),
    _of(
        "city-import", "城市数据导入", "Import of public files", "file of rencheng city import", {"import": CityImport}
    ),
    _of(
        "rehearsal-scenario", "推演情景", "Scenario of a rehearsal", "file of rencheng rehearse", {"scenario": Scenario}
    ),
    _of("measure-study", "方案比选研究", "Study of measures", "file of rencheng rehearse study", {"study": Study}),
    _of("indicator-tree", "指标体系", "Indicator tree", "file of the evaluation", {"tree": IndicatorTree}),
    _of("risk-index", "风险指数", "Risk index", "file of the assessment", {"index": RiskIndexRules}),
    _of(
        "after-action-report",
        "事后评估报告",
        "After-action report",
        "GET /api/report.json",
        {"report": Report},
        direction="out",
    ),
    _of(
        "feed-condition",
        "数据源状态",
        "Condition of a feed",
        "GET /api/readings",
        {"feed": FeedCondition},
        version=2,
        direction="out",
    ),
    _of(
        "fault-figures",
        "设备可靠性指标",
        "Dependability of a group",
        "rencheng devices faults --json",
        {"group": FaultFigures},
        direction="out",
    ),
)
"""Every class, those that come in first."""


def interface(name: str) -> InterfaceClass:
    """Look a class up.

    Raises
    ------
    NotFound
        If there is none of this name.
    """
    for known in INTERFACES:
        if known.id == name:
            return known
    mend = f"Use one of: {', '.join(known.id for known in INTERFACES)}"
    raise NotFound(f"unknown interface class {name!r}", mend=mend)
