"""A live run of the small river city with a month of one gauge in it, and a bureau's feed that is read wrongly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.web.web_city import web_city

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.sense import decoded_from_arrays

__all__ = ["BUREAU", "MINUTES", "bureau_rows", "live_city", "month"]

MINUTES = 43_200
BUREAU = """[feed]
id = "bureau"
name = "水务局遥测"
format = "ndjson"
sensor_column = "stn"

[feed.time]
column = "ts"
format = "epoch_s"

[[feed.columns]]
column = "lvl"
quantity = "stage_m"
unit = "cm"
"""
FEED_FILE = "bureau.toml"
READINGS = """[feed]
id = "gauges"
name = "城市感知网"
format = "ndjson"
sensor_column = "sensor_id"
time = { column = "at" }
long = { quantity_column = "quantity", value_column = "value" }
"""


def month(until: datetime) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """A stage of one minute's readings over thirty days: a daily course, a flood of four hours, a spike, an outlier."""
    last = np.datetime64(until.replace(tzinfo=None), "m").astype("datetime64[us]")
    at = last - np.arange(MINUTES)[::-1] * np.timedelta64(60, "s")
    minute = np.arange(MINUTES)
    noise = np.random.default_rng(7).normal(0.0, 0.012, MINUTES)
    value = 2.0 + 0.35 * np.sin(2 * np.pi * minute / 1440.0) + noise
    rise = np.clip((minute - 37_500) / 90.0, 0.0, 1.0) - np.clip((minute - 37_740) / 200.0, 0.0, 1.0)
    value += 1.9 * rise
    value[20_000] += 1.4  # one minute that must not vanish among 43,200
    value[30_000] = 250.0  # higher than a river can be
    return at, value.round(3)


def bureau_rows(until: datetime, count: int = 60) -> bytes:
    """Rows whose station stands in another column than the configuration says; one as it says, two beyond mending."""
    first = int((until - timedelta(minutes=count)).timestamp())
    rows: list[dict[str, object]] = [{"id": "g2", "ts": first + 60 * n, "lvl": 210.0 + n / 10} for n in range(count)]
    rows.append({"stn": "g2", "ts": first - 60, "lvl": 209.9})
    rows += [{"id": "g2", "ts": "yesterday", "lvl": 211.0}, {"id": "nobody-knows", "ts": first, "lvl": 1.0}]
    return "\n".join(json.dumps(row) for row in rows).encode()


@contextmanager
def live_city(folder: Path, *, with_month: bool = True) -> Iterator[Session]:
    """A live run whose clock nobody started; ``folder/city/feeds`` has the configurations."""
    city = web_city(folder / "city")
    feeds = city.path / "feeds"
    feeds.mkdir()
    (feeds / FEED_FILE).write_text(BUREAU, encoding="utf-8")
    (feeds / "gauges.toml").write_text(READINGS, encoding="utf-8")
    session = live_session(city.path, Settings(home=folder / "home", flood="off"))
    if with_month:
        at, value = month(datetime.now(UTC))
        rows = (
            {"sensor_id": "g1", "quantity": "stage_m", "at": f"{t}Z", "value": v}
            for t, v in zip(at.astype(str), value.tolist(), strict=True)
        )
        session.offer("gauges", "\n".join(map(json.dumps, rows)).encode())
        rain = decoded_from_arrays(["r1"] * 600, "rain_mm", at[-6000::10], np.full(600, 0.2))
        assert session._intake is not None
        session._intake.take("gauges", "rain", rain)
        session._turn_if_still()
    yield session
    session.close()
