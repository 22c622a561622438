"""The town that the tests of assessment share."""

from __future__ import annotations

import pytest
from tests.assess.assess_town import town

from rencheng.city import City


@pytest.fixture(scope="session")
def river_town(tmp_path_factory: pytest.TempPathFactory) -> City:
    """River town with terrain."""
    return town(tmp_path_factory.mktemp("assess") / "town")


@pytest.fixture(scope="session")
def flat_town(tmp_path_factory: pytest.TempPathFactory) -> City:
    """The same town whose package has no terrain."""
    return town(tmp_path_factory.mktemp("assess") / "flat", terrain=False)
