"""Devices over HTTP in a live run: listed by CSV, led on by order, what falls due, how often they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from rencheng.app.session import Session
from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings
from rencheng.web import create_app

Ask = Callable[..., httpx.Response]
CSV = "device_id,kind,state,installed_on,design_life_months,sensor_ids\n"


@pytest.fixture
def ask(sandbox_city: Path, tmp_path: Path) -> Iterator[Ask]:
    """Requests to a live run of the sandbox city whose clock nobody started."""
    live: Session = live_session(sandbox_city, Settings(home=tmp_path / "home"))
    app = create_app(live, console=None)

    def request(method: str, path: str, **what: Any) -> httpx.Response:
        async def one() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **what)

        return asyncio.run(one())

    yield request
    live.close()


def test_the_packages_devices_are_there_and_new_ones_join_them(ask: Ask) -> None:
    before = ask("GET", "/api/devices").json()
    assert before["by_state"]["in_service"] == before["total"] > 30
    body = CSV + "cam-1,camera,planned,,96,\nold-1,other,in_service,2010-03-31,60,\n"
    taken = ask("POST", "/api/devices?reason=tender+7", content=body.encode())
    assert taken.json() == {"listed": 2}
    after = ask("GET", "/api/devices?due_days=0").json()
    assert ("old-1", "2015-03-31") in [(d["device_id"], d["end_of_life"]) for d in after["devices"]]
    assert ask("GET", "/api/devices?state=planned").json()["devices"][0]["device_id"] == "cam-1"
    assert "cam-1,camera,planned" in ask("GET", "/api/devices.csv").text


def test_a_list_with_one_device_that_is_wrong_is_refused_whole(ask: Ask) -> None:
    body = CSV + "ok-1,camera,planned,,,\nbad-1,camera,planned,2020-01-01,,\n"
    refused = ask("POST", "/api/devices?reason=r", content=body.encode())
    assert refused.status_code == 409
    assert refused.json()["where"] == "devices[1].installed_on"
    assert ask("GET", "/api/devices?state=planned").json()["total"] == 0
    assert ask("POST", "/api/devices?reason=r", content=b"\xff\xfe").status_code == 422


def test_a_life_goes_on_by_order_and_not_otherwise(ask: Ask) -> None:
    name = ask("GET", "/api/devices").json()["devices"][0]["device_id"]
    order = {"device_id": name, "reason": "yearly work"}
    said = ask("POST", "/api/orders/TakeDeviceToMaintenance", json=order).json()
    assert said["facts"][0]["kind"] == "DeviceStateChanged"
    again = ask("POST", "/api/orders/TakeDeviceToMaintenance", json=order)
    assert again.status_code == 409
    assert again.json()["mend"] == "From maintenance it may become: in_service, retired"
    found = ask("GET", "/api/devices?state=maintenance").json()["devices"]
    assert [device["device_id"] for device in found] == [name]


def test_how_often_things_fail_is_told_by_group(ask: Ask) -> None:
    ask("POST", "/api/orders/ReportDeviceFault", json={"device_id": "device-rain-1", "reason": "tipped over"})
    found = ask("GET", "/api/devices/faults").json()
    rain = next(g for g in found["groups"] if g["group"] == "sensor TB-0.2")
    assert rain["failures"] == 1
    assert {g["of"] for g in found["groups"]} >= {"sensor", "device"}
    (task,) = [d for d in ask("GET", "/api/devices").json()["devices"] if d["task_id"]]
    assert (task["device_id"], task["fault"], task["detail"]) == ("device-rain-1", "reported", "tipped over")
