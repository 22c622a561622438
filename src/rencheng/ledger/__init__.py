"""Ledger: what was known, decided and done — append-only facts, each with who, when, why and its cause.

Stages propose drafts; a store (memory, SQLite) records them as entries; every view, timeline and report is a fold.
"""

from rencheng.ledger.entry import Entry, canonical_bytes, entry_from_draft, leaf_hash
from rencheng.ledger.fold import fold
from rencheng.ledger.ports import Ledger

__all__ = ["Entry", "Ledger", "canonical_bytes", "entry_from_draft", "fold", "leaf_hash"]
