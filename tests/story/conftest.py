"""One short rehearsal of the whole round, played once for all stories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyarrow import csv

from rencheng.adapters.sqlite import SqliteLedger
from rencheng.app.rehearsal import rehearse
from rencheng.app.settings import Settings
from rencheng.city import read_city
from rencheng.ledger import Entry
from rencheng.rehearse.scenario import read_scenario
from rencheng.rehearse.world import World

CLOUDBURST = Path(__file__).parent / "scenarios" / "cloudburst.yaml"
SEED = 3


@dataclass(frozen=True)
class Played:
    """A run that is over."""

    folder: Path
    entries: tuple[Entry, ...]

    def of(self, kind: str) -> list[Entry]:
        """Facts of one kind, in order."""
        return [entry for entry in self.entries if entry.kind == kind]


@pytest.fixture(scope="session")
def cloudburst() -> Path:
    """Scenario of a cloudburst and the twelve hours after."""
    return CLOUDBURST


@pytest.fixture(scope="session")
def rehearsal(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The cloudburst, rehearsed on the sandbox city."""
    out = tmp_path_factory.mktemp("rehearsal") / "run"
    rehearse(str(CLOUDBURST), sandbox_city, out, seed=SEED, settings=Settings())
    with SqliteLedger(out / "ledger.sqlite", read_only=True) as ledger:
        return Played(out, tuple(ledger.since(0)))


@pytest.fixture(scope="session")
def recorded(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight hours of the cloudburst as the city's instruments recorded them, in the format of its own feed."""
    world = World(read_city(sandbox_city), read_scenario(str(CLOUDBURST)), SEED)
    tables = [world.advance().readings.good for _ in range(8 * 12)]
    readings = pa.concat_tables(tables).select(["sensor_id", "quantity", "at", "value"])
    stamp = pc.strftime(readings["at"], format="%Y-%m-%dT%H:%M:%SZ")
    path = tmp_path_factory.mktemp("recorded") / "cloudburst.csv"
    csv.write_csv(readings.set_column(2, "at", stamp), path)
    return path
