"""Every ledger store keeps the one contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contracts.ledger_contract import LedgerContract

from rencheng.adapters.memory import MemoryLedger
from rencheng.adapters.sqlite import SqliteLedger
from rencheng.ledger import Ledger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Iterator[Ledger]:
        with MemoryLedger() as ledger:
            yield ledger

    @pytest.fixture
    def reopened(self, ledger: Ledger) -> Callable[[], Ledger]:
        return lambda: ledger


class TestSqliteLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
            yield ledger

    @pytest.fixture
    def reopened(self, ledger: Ledger, tmp_path: Path) -> Iterator[Callable[[], Ledger]]:
        assert ledger.head == 0
        with SqliteLedger(tmp_path / "ledger.sqlite", read_only=True) as other:
            yield lambda: other
