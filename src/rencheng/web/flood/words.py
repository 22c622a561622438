"""Words of the flood papers in both languages."""

from __future__ import annotations

from typing import Literal

__all__ = ["Language", "glyph", "say", "term"]

Language = Literal["zh", "en"]

_WORDS: dict[str, tuple[str, str]] = {
    "depth": ("水深（m）", "Water depth (m)"),
    "percent": ("水深 ≥ {depth} m 的概率", "Probability of ≥ {depth} m"),
    "title": ("洪涝预报", "Flood forecast"),
    "brief": ("洪涝预报简报", "Flood forecast brief"),
    "valid": ("预报时刻", "valid"),
    "based": ("起报 {at}", "based at {at}"),
    "lead": ("+{n} 分钟", "+{n} min"),
    "members": ("{n} 个成员", "{n} members"),
    "live": ("实况", "LIVE"),
    "replay": ("回放", "REPLAY"),
    "rehearsal": ("演练", "REHEARSAL"),
    "published": ("发布", "published"),
    "until": ("有效至 {at}", "valid until {at}"),
    "dry": ("预计未来 {h} 小时无明显积水。", "No notable water is expected in the next {h} hours."),
    "summary": (
        "预计 {at} 前后积水最重：积水 {area} km²，受影响居民约 {residents} 人，房屋 {buildings} 栋，道路 {road} km，下穿通道 {under} 处，重点设施 {facilities} 处。",  # noqa: E501 - one sentence of the brief
        "Worst about {at}: {area} km² under water, about {residents} residents and {buildings} buildings affected, {road} km of road, {under} underpasses and {facilities} facilities in water.",  # noqa: E501 - one sentence of the brief
    ),
    "meaning": (
        "“在水中”指水深 ≥ 0.15 m 的概率不低于 50%；面积与居民为期望值。",
        "“In water” means at least 0.15 m with a probability of 50 % or more; area and residents are expected values.",
    ),
    "area": ("积水面积", "Area"),
    "residents": ("受影响居民", "Residents"),
    "buildings": ("房屋", "Buildings"),
    "road": ("道路", "Roads"),
    "underpasses": ("下穿通道", "Underpasses"),
    "facilities": ("重点设施", "Facilities"),
    "where": ("在哪里：{at} 的水深", "Where: depth at {at}"),
    "when": ("何时：积水面积随时间", "When: area under water over time"),
    "who": ("影响谁", "Who is affected"),
    "roads": ("积水道路（最深的 {n} 条）", "Streets in water (the {n} deepest)"),
    "do": ("建议行动", "What to do"),
    "closed": ("已封闭道路", "Roads closed now"),
    "none_closed": ("目前没有封闭的道路。", "No road is closed now."),
    "skill": ("预报检验", "Skill so far"),
    "unscored": (
        "尚未检验：还没有可与积水传感器或上报对比的时刻。",
        "Not yet scored: no forecast time could be compared with sensors or reports.",
    ),
    "crps": (
        "CRPS {crps} cm（维持不变法 {other} cm），{pairs} 对样本。",
        "CRPS {crps} cm (persistence {other} cm), {pairs} pairs.",
    ),
    "column_place": ("地点", "Place"),
    "column_kind": ("类别", "Kind"),
    "column_depth": ("水深（90%）", "Depth (90 %)"),
    "column_prob": ("概率", "Prob."),
    "column_first": ("起于", "From"),
    "column_worst": ("最深", "Worst"),
    "column_people": ("人数", "People"),
    "nobody": ("没有重点设施或下穿通道预计积水。", "No underpass or facility is expected to stand in water."),
    "advice": (
        "模型试算：{kind}（{detail}）可使受影响居民减少约 {residents} 人、下穿减少 {under} 处。仅供参考，未下达指令不会动作。",  # noqa: E501 - one sentence of the brief
        "Tried in the model: {kind} ({detail}) spares about {residents} residents and {under} underpasses. Advice only; nothing moves without an order.",  # noqa: E501 - one sentence of the brief
    ),
    "do_underpass": (
        "下穿通道：{when}在 {n} 处设卡值守，准备封闭；首先是{first}。",
        "Underpasses: {when} man {n} of them and be ready to close; first {first}.",
    ),
    "do_health": (
        "医疗：{when}确认 {n} 处的通道、备用电源与转运方案：{first}。",
        "Health: {when} check access, standby power and transfer of {n}: {first}.",
    ),
    "do_care": (
        "养老与学校：{when}通知 {n} 处，低层人员上移：{first}。",
        "Care and schools: {when} tell {n} of them to move people off the ground floor: {first}.",
    ),
    "do_utility": (
        "水电设施：{when}为 {n} 处备好沙袋与排水：{first}。",
        "Utilities: {when} bring sandbags and pumps to {n}: {first}.",
    ),
    "do_metro": (
        "地铁口：{when}为 {n} 处备好挡水板：{first}。",
        "Metro entrances: {when} set flood boards at {n}: {first}.",
    ),
    "do_road": (
        "道路：{n} 个路段水深将达 0.3 m（小型车不可通行），{at} 起安排绕行。",
        "Roads: {n} links will stand 0.3 m deep (cars stop); divert from {at} on.",
    ),
    "do_residents": (
        "居民：提醒约 {n} 名居民不涉水、转移地下车库车辆。",
        "Residents: warn about {n} people to keep out of the water and move cars from basements.",
    ),
    "when_by": ("{at} 前", "by {at}"),
    "when_now": ("立即", "now"),
    "do_nothing": ("继续监视；下一次预报见控制台。", "Keep watching; the next forecast is on the page."),
    "engine": (
        "引擎 {scheme}，网格 {cell} m，水量误差 {error}；预报 {id}，数据 {hash}",
        "Engine {scheme}, {cell} m cells, volume error {error}; forecast {id}, data {hash}",
    ),
    "list_and": ("、", ", "),
    "made": ("韧城 Rencheng 自动生成", "made by Rencheng 韧城"),
}

_TERMS: dict[str, tuple[str, str]] = {
    "radar": ("雷达", "radar"),
    "gauges": ("雨量站", "rain gauges"),
    "design": ("设计暴雨", "design storm"),
    "forecast": ("降雨预报", "rain forecast"),
    "river": ("河道预报", "river forecast"),
    "underpass": ("下穿通道", "Underpass"),
    "hospital": ("医院", "Hospital"),
    "clinic": ("诊所", "Clinic"),
    "ambulance_station": ("急救站", "Ambulance station"),
    "school": ("学校", "School"),
    "kindergarten": ("幼儿园", "Kindergarten"),
    "shelter": ("避难场所", "Shelter"),
    "fire_station": ("消防站", "Fire station"),
    "police_station": ("派出所", "Police station"),
    "hydrant": ("消火栓", "Hydrant"),
    "bus_terminal": ("公交场站", "Bus terminal"),
    "depot": ("物资库", "Depot"),
    "pumping_station": ("泵站", "Pumping station"),
    "substation": ("变电站", "Substation"),
    "waterworks": ("水厂", "Waterworks"),
    "care_home": ("养老院", "Care home"),
    "government": ("政府机关", "Government"),
    "metro_entrance": ("地铁口", "Metro entrance"),
    "other": ("其他设施", "Facility"),
    "motorway": ("高速公路", "Motorway"),
    "trunk": ("快速路", "Trunk road"),
    "primary": ("主干路", "Primary road"),
    "secondary": ("次干路", "Secondary road"),
    "tertiary": ("支路", "Tertiary road"),
    "residential": ("居住区道路", "Residential street"),
    "mobile_pump": ("移动泵车", "mobile pumps"),
    "clear_inlets": ("清掏雨水口", "cleared inlets"),
    "building": ("房屋", "building"),
    "gate": ("闸门", "gate"),
    "drain_down": ("预降水位", "drain down first"),
    "shallow_water": ("浅水方程", "shallow water"),
    "local_inertial": ("局部惯性", "local inertia"),
}


_GLYPHS: dict[str, tuple[str, str]] = {
    "underpass": ("隧", "U"),
    "health": ("医", "H"),
    "care": ("养", "C"),
    "school": ("校", "S"),
    "utility": ("电", "E"),
    "metro": ("铁", "M"),
    "shelter": ("避", "R"),
    "other_facility": ("施", "F"),
}


def glyph(group: str, language: Language) -> str:
    """The one letter by which a group of places is marked on a map.

    Examples
    --------
    >>> glyph("health", "zh")
    '医'
    """
    return _GLYPHS.get(group, ("·", "·"))[language == "en"]


def say(key: str, language: Language, **values: object) -> str:
    """A phrase of the papers with its values filled in.

    Examples
    --------
    >>> say("lead", "en", n=30)
    '+30 min'
    """
    return _WORDS[key][language == "en"].format(**values)


def term(word: str, language: Language) -> str:
    """A word of the data in a language, or itself in plain words where the papers have none.

    Examples
    --------
    >>> term("metro_entrance", "zh"), term("moat_gate", "en")
    ('地铁口', 'moat gate')
    """
    found = _TERMS.get(word.removesuffix("_link"))
    return found[language == "en"] if found else word.replace("_", " ")
