"""Fixtures of the response tests: a town, and a world on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.respond.respond_town import World, build_town

from rencheng.city import City
from rencheng.respond import Inputs


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return build_town(tmp_path_factory.mktemp("city"))


@pytest.fixture
def world(town: City) -> World:
    return World(Inputs.of(town, simulate_units=True))


@pytest.fixture
def live(town: City) -> World:
    return World(Inputs.of(town))


@pytest.fixture
def make_town(tmp_path: Path) -> Callable[..., City]:
    return lambda tables=None: build_town(tmp_path, tables)
