"""Fixtures of the warning tests."""

from __future__ import annotations

import pytest
from tests.warn.warn_world import MemoryFields, World, make_town

from rencheng import warn
from rencheng.city import City


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return make_town(tmp_path_factory.mktemp("cn"))


@pytest.fixture(scope="session")
def inputs(town: City) -> warn.Inputs:
    return warn.inputs_for(town, MemoryFields(), mode="Exercise", channels=("file",))


@pytest.fixture
def world(inputs: warn.Inputs) -> World:
    return World(inputs=inputs)
