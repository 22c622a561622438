"""SQLite: the ledger of one machine, in one file."""

from rencheng.adapters.sqlite.ledger import SqliteLedger

__all__ = ["SqliteLedger"]
