"""One live run per module; its clock is not started, so it turns when it is asked to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.adapters.sensorthings.sensorthings_city import Client

from rencheng.app.sessions import live_session
from rencheng.app.settings import Settings


@pytest.fixture(scope="module")
def client(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    session = live_session(sandbox_city, Settings(home=tmp_path_factory.mktemp("home"), flood="off"))
    yield Client(session)
    session.close()
