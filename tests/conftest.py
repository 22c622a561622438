"""Fixtures shared by all rooms' tests."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from rencheng.city.sandbox import make_city


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the shared real data; the test skips where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared real data (../shared/data beside the checkout) is absent")
    return folder


@pytest.fixture(scope="session")
def sandbox_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Package of a sandbox city of 10,000 residents, grown once per test run and shared between its workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    city = shared / "sandbox-city-10k"
    with (shared / "sandbox-city-10k.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (city / "city.toml").is_file():
            make_city(10_000, 7, city)
    return city
