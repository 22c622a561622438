"""Every readings store passes the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.readings_contract import CITY, Open, ReadingStoreContract

from rencheng.adapters.duckdb import DuckDbReadings


class TestDuckDbReadings(ReadingStoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Iterator[Open]:
        handles: list[DuckDbReadings] = []

        def again() -> DuckDbReadings:
            for handle in handles:
                handle.close()
            handles.append(DuckDbReadings(tmp_path / "readings.duckdb", channels=CITY))
            return handles[-1]

        yield again
        for handle in handles:
            handle.close()
