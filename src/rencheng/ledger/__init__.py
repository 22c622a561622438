"""Ledger: what was known, decided and done — append-only facts, each with who, when, why and its cause.

Stages propose drafts; a store (memory, SQLite) records them as entries; every view, timeline and report is a fold.
Each entry has a leaf hash, so a tree head (:mod:`rencheng.ledger.merkle`) stands for the whole history, and
:func:`verify` finds any change to what was stored.
"""

from rencheng.ledger.entry import Entry, canonical_bytes, entry_from_draft, leaf_hash
from rencheng.ledger.fold import fold
from rencheng.ledger.merkle import TreeHead
from rencheng.ledger.ports import Ledger
from rencheng.ledger.stored import StoredEntry
from rencheng.ledger.upcast import upcaster
from rencheng.ledger.verification import Defect, Verdict, verify

__all__ = [
    "Defect",
    "Entry",
    "Ledger",
    "StoredEntry",
    "TreeHead",
    "Verdict",
    "canonical_bytes",
    "entry_from_draft",
    "fold",
    "leaf_hash",
    "upcaster",
    "verify",
]
