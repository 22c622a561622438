"""Verification: whether what is stored is still what was recorded."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from rencheng.kernel import StorageFailed, fact_id
from rencheng.ledger.entry import leaf_hash
from rencheng.ledger.merkle import TreeGrower, TreeHead
from rencheng.ledger.ports import Ledger
from rencheng.ledger.stored import StoredEntry, canonical_bytes_of_stored

__all__ = ["Defect", "Verdict", "verify"]

_CAUSE = msgspec.json.Decoder(tuple[str, ...])
_ENCODER = msgspec.json.Encoder()
_DEFECTS_LISTED = 1000
"""A ledger overwritten from end to end is described by its first defects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is not as it was recorded; ``seq`` is 0 where it concerns the store as a whole."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a verification found.

    Attributes
    ----------
    entries : int
        Entries checked.
    head : TreeHead
        Tree head over the leaf hashes made again from the stored columns; keep it, and a later verification proves
        that nothing before it was changed or cut off.
    defects : tuple of Defect
        In order; at most the first 1000.
    """

    entries: int
    head: TreeHead
    defects: tuple[Defect, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.defects


def verify(ledger: Ledger, *, known: Sequence[TreeHead] = ()) -> Verdict:
    """Check every stored column of every entry, and the history against tree heads kept earlier.

    For each entry: its position follows the one before; its version follows within its stream; its id is the one
    its content derives; its leaf hash is the one of its canonical bytes. No id stands twice. What the store itself
    knows to be damaged is listed too. Facts need not be registered: bodies are not read, only hashed.

    Parameters
    ----------
    ledger : Ledger
        The store (open files read-only to be sure that nothing is touched).
    known : sequence of TreeHead, optional
        Heads of earlier days. Entries cut off the end leave a ledger that is sound in itself: only a head that was
        kept elsewhere shows the loss.

    Returns
    -------
    Verdict
        Never raises for damage: a store that cannot be read further is a defect.
    """
    check = _Check(known)
    try:
        for row in ledger.stored():
            check.take(row)
    except StorageFailed as error:
        check.defects.append(Defect(seq=check.grower.size, what=f"cannot be read further: {error}"))
    check.finish()
    try:
        check.defects.extend(Defect(seq=0, what=f"store: {line}") for line in ledger.storage_defects())
    except StorageFailed as error:
        check.defects.append(Defect(seq=0, what=f"store: {error}"))
    return Verdict(entries=check.grower.size, head=check.grower.head, defects=tuple(check.defects[:_DEFECTS_LISTED]))


class _Check:
    """What is remembered from entry to entry."""

    def __init__(self, known: Iterable[TreeHead]) -> None:
        self.defects: list[Defect] = []
        self.grower = TreeGrower()
        self._known = {head.size: head for head in known}
        self._versions: dict[str, int] = {}
        self._ids = array("q")
        self._seq = 0

    def take(self, row: StoredEntry) -> None:
        """Check one row."""
        expected, self._seq = self._seq + 1, row.seq
        leaf = bytes(32)
        try:
            leaf = leaf_hash(canonical_bytes_of_stored(row))
            wrong = [*self._misplaced(row, expected), *self._altered(row, leaf)]
        except (ValueError, OverflowError, TypeError, msgspec.MsgspecError) as error:
            wrong = [f"a column holds what no ledger writes: {error}"]
        self.defects.extend(Defect(seq=row.seq, what=what) for what in wrong)
        self.grower.add(leaf)
        kept = self._known.pop(self.grower.size, None)
        if kept is not None and self.grower.head.root != kept.root:
            self.defects.append(Defect(seq=row.seq, what="the history up to here is not that of the kept tree head"))

    def _misplaced(self, row: StoredEntry, expected: int) -> Iterator[str]:
        if row.seq != expected:
            yield f"stands at position {row.seq} where {expected} should follow"
        version = self._versions.get(row.stream, 0) + 1
        self._versions[row.stream] = row.version
        if row.version != version:
            yield f"is version {row.version} of {row.stream} where {version} should follow"

    def _altered(self, row: StoredEntry, leaf: bytes) -> Iterator[str]:
        if row.leaf != leaf:
            yield "the content does not match its leaf hash"
        cause = _CAUSE.decode(row.cause)
        if _ENCODER.encode(cause) != row.cause.encode():
            yield "the causes are not written as the ledger writes them"
        derived = fact_id(
            kind=row.kind,
            stream=row.stream,
            occurred_us=row.occurred_us,
            actor=row.actor,
            cause=cause,
            body_json=row.body.encode(),
        )
        if row.id != derived:
            yield "the content does not match its id"
        self._ids.append(hash(derived))

    def finish(self) -> None:
        """Check what only the whole shows."""
        ids = np.frombuffer(self._ids, dtype=np.int64)
        twice = len(ids) - len(np.unique(ids))
        if twice:
            self.defects.append(Defect(seq=0, what=f"{twice} entries repeat an earlier one"))
        for size in sorted(self._known):
            self.defects.append(Defect(seq=0, what=f"entries {self.grower.size + 1} to {size} of a kept head are gone"))
