"""Every readings store passes the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.readings_contract import CITY, Open, ReadingStoreContract

from rencheng.adapters.duckdb import DuckDbReadings, compaction, journal, readings


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


class TestSortingReadings(TestDuckDbReadings):
    """The same store, sorting every batch into a run at once and merging them by twos."""

    @pytest.fixture(autouse=True)
    def _sorting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readings, "SEGMENT_ROWS", 1)
        monkeypatch.setattr(journal, "CHECKPOINT_TRANSACTIONS", 1)
        monkeypatch.setattr(compaction, "MERGED", 2)
        monkeypatch.setattr(compaction, "BUSY_RATIO", 2.0)
