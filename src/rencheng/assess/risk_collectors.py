"""What a run can say of each indicator of the risk-warning index; what nothing collects yet is left out and named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import pyarrow.compute as pc

from rencheng.assess.decide import Inputs
from rencheng.assess.indicator_tree import Measurement
from rencheng.assess.model import State
from rencheng.assess.risk_index import RiskIndex, RiskIndexRules, default_risk_index, evaluate_risk_index
from rencheng.assess.windows import RAIN_WINDOWS_H, rain_state
from rencheng.city import City
from rencheng.city.provision import CITY_MEASURES
from rencheng.kernel import Colour, Hazard, MissingData, hours
from rencheng.sense.read import coverage

__all__ = ["read_risk_index", "risk_measurements"]

FRESH_H, DAY_H = 3.0, 24.0
"""A wind reading older than the first tells nothing of now; reports and silence are counted over the second."""


def read_risk_index(
    state: State,
    inputs: Inputs,
    now: datetime,
    *,
    rules: RiskIndexRules | None = None,
    weights: Mapping[str, float] | None = None,
) -> RiskIndex:
    """Compute the risk-warning index from what the run has.

    Parameters
    ----------
    state : State
        Standing signals, risk and reports.
    inputs : Inputs
        City and readings.
    now : datetime
        The run's clock; its month by the city's clock gives the season's weights.
    rules : RiskIndexRules, optional
        The shipped ones unless given.
    weights : mapping of str to float, optional
        Dimension → weight that people decided on.
    """
    rules = default_risk_index() if rules is None else rules
    month = now.astimezone(inputs.city.zone).month
    return evaluate_risk_index(risk_measurements(state, inputs, now, rules), month=month, rules=rules, weights=weights)


def risk_measurements(state: State, inputs: Inputs, now: datetime, rules: RiskIndexRules) -> dict[str, Measurement]:
    """Value of every indicator that has a collector, or why it has none; the others are not in the mapping."""
    rain = _rain(inputs, now)
    found: dict[str, Measurement] = {}
    for indicator in (i for d in rules.tree.dimensions for i in d.indicators):
        try:
            if indicator.id in rain:
                found[indicator.id] = rain[indicator.id]
            elif indicator.id in CITY_MEASURES:
                found[indicator.id] = Measurement(value=CITY_MEASURES[indicator.id](inputs.city))
            elif indicator.id in _COLLECTORS:
                found[indicator.id] = Measurement(value=_COLLECTORS[indicator.id](state, inputs, now))
        except MissingData as error:
            found[indicator.id] = Measurement(value=None, missing=str(error))
    return found


def _rain(inputs: Inputs, now: datetime) -> dict[str, Measurement]:
    """Heaviest rain over any cell of the city, by window."""
    cell_mm = rain_state(inputs.readings, inputs.frame, now, reach_m=inputs.rules.rain.reach_m).cell_mm
    heard = np.isfinite(cell_mm)
    return {
        f"rain_{window:g}h_mm": Measurement(value=float(np.max(cell_mm[heard[:, k], k])))
        if heard[:, k].any()
        else Measurement(value=None, missing=f"no rain gauge near the city observed {window:g} h")
        for k, window in enumerate(RAIN_WINDOWS_H)
    }


def _residents(city: City) -> float:
    residents = float(np.nansum(city.column("cells", "residents").astype(np.float64)))
    if residents <= 0.0:
        raise MissingData(f"no cell of city {city.manifest.id!r} has residents", mend="Give residents per cell")
    return residents


def _wind(_: State, inputs: Inputs, now: datetime) -> float:
    table = inputs.readings.latest(at=now, quantity="wind_speed_m_s")
    fresh = table.filter(pc.greater(table.column("at"), now - hours(FRESH_H))).column("value").to_pylist()
    if not fresh:
        raise MissingData(f"no wind was measured in the last {FRESH_H:g} h")
    return float(max(fresh))


def _river(state: State, inputs: Inputs, _: datetime) -> float:
    if not inputs.city.rows_where("channels", "quantity", ["stage_m"]):
        raise MissingData(f"city {inputs.city.manifest.id!r} has no river gauge")
    standing = [s.body for s in state.signals.values() if s.body.hazard == Hazard.RIVER_FLOOD and s.body.in_city]
    return float(max((Colour(body.colour).rank for body in standing if body.colour), default=0))


def _exposed(hazard: Hazard) -> Callable[[State, Inputs, datetime], float]:
    def collect(state: State, inputs: Inputs, _: datetime) -> float:
        """The most residents exposed at any horizon, by any model of the hazard."""
        totals = [t.residents_exposed for r in state.risks.values() if r.body.hazard == hazard for t in r.body.totals]
        if not totals:
            raise MissingData(f"no risk of {hazard} was assessed")
        return max(totals) / _residents(inputs.city)

    return collect


def _reports(state: State, inputs: Inputs, now: datetime) -> float:
    recent = [r for r in state.reports if r.at > now - hours(DAY_H)]
    return 1e5 * len(recent) / _residents(inputs.city)


def _reported_people(state: State, _: Inputs, now: datetime) -> float:
    """Reports of one event speak of the same people: the largest number of each event counts."""
    people: dict[str, int] = {}
    for report in state.reports:
        if report.at > now - hours(DAY_H):
            people[report.body.event_id] = max(people.get(report.body.event_id, 0), report.body.people)
    return float(sum(people.values()))


def _unheard(_: State, inputs: Inputs, now: datetime) -> float:
    known = [(row["sensor_id"], row["quantity"]) for row in inputs.city.rows("channels")]
    if not known:
        raise MissingData(f"city {inputs.city.manifest.id!r} has no channels", mend="Add channels to the package")
    table = inputs.readings.latest(at=now)
    table = table.filter(pc.greater(table.column("at"), now - hours(DAY_H)))
    heard = dict.fromkeys(zip(table.column("sensor_id").to_pylist(), table.column("quantity").to_pylist(), strict=True))
    return sum(channel not in heard for channel in known) / len(known)


def _sensed(_: State, inputs: Inputs, __: datetime) -> float:
    found = coverage(inputs.city) if inputs.city.has("sensors") else None
    if found is None or found.area_kind != "community":
        raise MissingData(f"city {inputs.city.manifest.id!r} has no sensors or no community polygons")
    return found.ratio


_COLLECTORS: Mapping[str, Callable[[State, Inputs, datetime], float]] = {
    "wind_m_s": _wind,
    "river_signal_rank": _river,
    "flood_exposed_ratio": _exposed(Hazard.RIVER_FLOOD),
    "waterlogged_exposed_ratio": _exposed(Hazard.WATERLOGGING),
    "reports_per_100k_24h": _reports,
    "reported_people": _reported_people,
    "unheard_channels_ratio": _unheard,
    "sensed_communities_ratio": _sensed,
}
