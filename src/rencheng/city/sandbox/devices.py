"""Devices of the sandbox city: one that carries each sensor, and gateways through which those on batteries speak."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from rencheng.city.sandbox.frame import Frame

__all__ = ["device_rows"]

_SURVEYED = date(2025, 12, 31)
"""Day of the register: installations, calibrations and batteries lie before it by a part of their period."""
_PER_GATEWAY = 40
_ORGANISATION = {"气象局": "city-emergency"}
"""Who maintains the devices of an operator; the water bureau the others."""
_MODELS: Mapping[str, tuple[str, int, int | None, int | None]] = {
    # kind: model, design life, calibration, battery (months); None where nothing falls due
    "rain_gauge": ("TB-0.2", 120, 12, None),
    "river_gauge": ("RL-26G", 120, 12, None),
    "street_depth": ("UD-50", 72, 24, 36),
    "weather_station": ("WS-6", 120, 12, None),
    "manhole": ("MH-LoRa", 60, 24, 36),
    "pipe_pressure": ("PP-1.6", 96, 12, 60),
}
_OTHER = ("generic", 96, 24, None)
_GATEWAY = ("GW-8", 96, None, 48)


def device_rows(frame: Frame, sensors: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``devices``; every sensor row gets the id of the device that carries it.

    Parameters
    ----------
    sensors : iterable of dict
        Rows of ``sensors``; changed in place.
    """
    rng = frame.rng("devices")
    rows: list[dict[str, Any]] = []
    on_battery: list[dict[str, Any]] = []
    for sensor in sensors:
        sensor["device_id"] = f"device-{sensor['sensor_id']}"
        spec = _MODELS.get(sensor["kind"], _OTHER)
        row = _row(rng, sensor["device_id"], "sensor", spec)
        row |= {"name": f"{sensor['name']}设备", "org_id": _ORGANISATION.get(sensor.get("operator", ""), "city-water")}
        rows.append(row)
        if spec[3] is not None:
            on_battery.append(row)
    gateways = []
    for place in range(0, len(on_battery), _PER_GATEWAY):
        gateway = _row(rng, f"gateway-{place // _PER_GATEWAY + 1}", "gateway", _GATEWAY)
        gateways.append(gateway | {"name": f"第{place // _PER_GATEWAY + 1}网关", "org_id": "city-water"})
        for row in on_battery[place : place + _PER_GATEWAY]:
            row["gateway_id"] = gateway["device_id"]
    return [*gateways, *rows]


def _row(
    rng: np.random.Generator, device_id: str, kind: str, spec: tuple[str, int, int | None, int | None]
) -> dict[str, Any]:
    model, life, calibration, battery = spec
    installed, calibrated, renewed = (
        _SURVEYED - timedelta(days=int(rng.uniform() * 30 * (months or life)))
        for months in (life, calibration, battery)
    )
    return {
        "device_id": device_id,
        "kind": kind,
        "state": "in_service",
        "model": model,
        "maker": "sandbox design",
        "installed_on": installed.isoformat(),
        "design_life_months": life,
        "calibrated_on": max(installed, calibrated).isoformat() if calibration else None,
        "calibration_months": calibration,
        "battery_on": max(installed, renewed).isoformat() if battery else None,
        "battery_months": battery,
    }
