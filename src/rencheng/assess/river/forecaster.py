"""Forecasting every gauge of a basin by routing, from what the readings say at an hour."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from rencheng.assess.frame import GaugeFrame
from rencheng.assess.river.outlook import GaugeOutlook, RiverForecast
from rencheng.assess.river.record import base_flow_m3_s, basin_record, whole_hour
from rencheng.assess.river.river_file import RiverFile
from rencheng.kernel import MissingData, format_instant
from rencheng.science.rain_scenarios import rain_scenarios
from rencheng.science.river_basin import draw_members
from rencheng.science.river_outlook import BasinOutlook, BasinRecord, forecast_basin
from rencheng.sense.ports import Readings

__all__ = ["MODEL", "RiverForecaster"]

MODEL = "river-basin/1"
MEMBERS = 1000
LEAST_RECORD_H = 72
SHOWN_H = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class RiverForecaster:
    """Forecasts a basin.

    Parameters
    ----------
    readings : Readings
        Where readings are read.
    gauges : GaugeFrame
        The gauges of the city.
    file : RiverFile
        The basin.
    members : int
        Size of the ensemble; the same members are drawn at every hour, so that a forecast changes with the river alone.
    """

    readings: Readings
    gauges: GaugeFrame
    file: RiverFile
    members: int = MEMBERS

    def forecast(self, now: datetime, *, horizon_h: int = 72) -> RiverForecast:
        """Forecast from what was measured up to the last whole hour; nothing later is read.

        Raises
        ------
        MissingData
            If the target is silent, or less than three days are on record.
        """
        based_at = whole_hour(now)
        record = basin_record(self.readings, self.gauges, self.file, based_at)
        target = self.file.ids[-1]
        if not np.isfinite(record.stage_m[-24:, -1]).any():
            raise MissingData(
                f"gauge {target} has told no stage in the 24 h before {format_instant(based_at)}",
                mend="Forecast at a time when it spoke",
            )
        if len(record.stage_m) < LEAST_RECORD_H:
            raise MissingData(
                f"{len(record.stage_m)} h are on record before {format_instant(based_at)}, {LEAST_RECORD_H} are needed",
                mend="Give the time before with: rencheng replay --history FILE",
            )
        basin = self.file.basin(base_flow_m3_s(self.file, record.discharge_m3_s))
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(target.encode()).digest()[:8], "big"))
        members = draw_members(basin, self.members, rng)
        ahead = rain_scenarios(record.rain_mm, horizon_h, self.members, rng)
        outlook = forecast_basin(basin, members, record, ahead, rng)
        return RiverForecast(
            based_at=based_at,
            model=MODEL,
            target=target,
            gauges=self._outlooks(record, outlook),
            members=self.members,
            effective_members=float(1.0 / np.sum(outlook.weight**2)),
            notes=self._notes(record),
        )

    def _outlooks(self, record: BasinRecord, outlook: BasinOutlook) -> tuple[GaugeOutlook, ...]:
        found = []
        for n, sensor in enumerate(self.file.ids):
            own = record.stage_m[:, n]
            heard = np.flatnonzero(np.isfinite(own))
            if len(heard) == 0 or not np.isfinite(outlook.stage_m[:, :, n]).all():
                continue
            found.append(
                GaugeOutlook(
                    sensor_id=sensor,
                    name=self.gauges.name[self.gauges.index[sensor]],
                    observed_m=float(own[heard[-1]]),
                    past_m=own[-SHOWN_H:],
                    stage_m=outlook.stage_m[:, :, n],
                    discharge_m3_s=outlook.discharge_m3_s[:, :, n],
                )
            )
        return tuple(found)

    def _notes(self, record: BasinRecord) -> tuple[str, ...]:
        """What was missing."""
        ids = np.array(self.file.ids)
        flows, stages = record.discharge_m3_s, record.stage_m
        silent = ids[~np.isfinite(flows[-6:]).any(axis=0) & ~np.isfinite(stages[-6:]).any(axis=0)].tolist()
        unrated = ids[~np.isfinite(flows).any(axis=0)][:-1].tolist()
        notes = []
        if silent:
            notes.append(f"silent for 6 h or more, computed instead: {', '.join(silent)}")
        if unrated:
            notes.append(f"without discharge, taken as computed: {', '.join(unrated)}")
        beside = [p.sensor_id for p in self.file.pool[1:] if p.sensor_id]
        if self.file.pool and not np.isfinite(record.pool_m[-24:, 1:]).any():
            notes.append(f"no stage of the waters below ({', '.join(beside) or 'ungauged'}): members are not weighed")
        notes.append("no rain forecast is read: what falls after now is drawn from scenarios")
        return tuple(notes)
