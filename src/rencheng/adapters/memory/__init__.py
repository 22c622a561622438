"""Memory: stores that live as long as the process, for tests, rehearsals that need no trace, and trying things out."""

from rencheng.adapters.memory.fields import MemoryFieldStore
from rencheng.adapters.memory.ledger import MemoryLedger

__all__ = ["MemoryFieldStore", "MemoryLedger"]
