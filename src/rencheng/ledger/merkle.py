"""Merkle tree heads and proofs over leaf hashes, as Certificate Transparency defines them.

Who keeps a tree head (size and root, 40 bytes) can later be shown, with a few hashes, that an entry is in the
ledger of that day (inclusion) and that the ledger of today only added to it (consistency). Hashing: RFC 6962 §2.1;
checking of proofs: RFC 9162 §2.1.3.2 and §2.1.4.2. Leaves come hashed (:func:`rencheng.ledger.leaf_hash`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rencheng.kernel import InvalidInput

__all__ = [
    "EMPTY_ROOT",
    "TreeGrower",
    "TreeHead",
    "consistency_proof",
    "inclusion_proof",
    "tree_head",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of a tree without leaves, SHA-256 of nothing (RFC 6962 §2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """What stands for the first ``size`` entries of a ledger: their Merkle tree hash ``root`` (32 bytes)."""

    size: int
    root: bytes


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class TreeGrower:
    """Tree head of leaves that come one after another, in memory of log2(n) hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add the next leaf hash."""
        peaks, size = self._peaks, self.size
        while size & 1:
            leaf = _node(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    @property
    def head(self) -> TreeHead:
        """Tree head of the leaves so far."""
        if not self._peaks:
            return TreeHead(size=0, root=EMPTY_ROOT)
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = _node(peak, root)
        return TreeHead(size=self.size, root=root)


def tree_head(leaves: Iterable[bytes]) -> TreeHead:
    """Merkle tree hash over leaf hashes (RFC 6962 §2.1).

    Examples
    --------
    >>> tree_head([]).root.hex()[:16]
    'e3b0c44298fc1c14'
    >>> tree_head([b"a" * 32]).root == b"a" * 32
    True
    """
    grower = TreeGrower()
    for leaf in leaves:
        grower.add(leaf)
    return grower.head


def _split(size: int) -> int:
    """Largest power of two below ``size`` (the k of RFC 6962)."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Hashes that lead from a leaf to the root (Merkle audit path, RFC 6962 §2.1.1).

    Parameters
    ----------
    leaves : sequence of bytes
        All leaf hashes of the tree.
    index : int
        Position of the leaf from 0 (``seq - 1``).

    Raises
    ------
    InvalidInput
        If there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise InvalidInput(f"no leaf {index} in a tree of {len(leaves)}", mend="Positions begin at 0 (seq - 1)")
    path: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(tree_head(leaves[middle:high]).root)
            high = middle
        else:
            path.append(tree_head(leaves[low:middle]).root)
            low = middle
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, head: TreeHead, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a leaf hash stands at a position of the tree (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < head.size or any(len(p) != len(EMPTY_ROOT) for p in (leaf, *proof)):
        return False
    place, last, root = index, head.size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            root = _node(sibling, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = _node(root, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and root == head.root


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """Hashes that show the tree of the first leaves to be a beginning of the tree of all (RFC 6962 §2.1.2).

    Parameters
    ----------
    leaves : sequence of bytes
        All leaf hashes of the later tree.
    first : int
        Size of the earlier tree, 1 … ``len(leaves)``.

    Raises
    ------
    InvalidInput
        If the earlier tree is empty or larger than the later one.
    """
    if not 1 <= first <= len(leaves):
        raise InvalidInput(f"no earlier tree of {first} in one of {len(leaves)}", mend="Sizes begin at 1")
    proof: list[bytes] = []
    low, high, whole = 0, len(leaves), True
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            proof.append(tree_head(leaves[middle:high]).root)
            high = middle
        else:
            proof.append(tree_head(leaves[low:middle]).root)
            low, whole = middle, False
    if not whole:
        proof.append(tree_head(leaves[low:high]).root)
    return proof[::-1]


def verify_consistency(earlier: TreeHead, later: TreeHead, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the later tree only added to the earlier one (RFC 9162 §2.1.4.2).

    Nothing can be shown about an empty earlier tree: ``False``.
    """
    if not 0 < earlier.size <= later.size or any(len(p) != len(EMPTY_ROOT) for p in proof):
        return False
    if earlier.size == later.size:
        return not proof and earlier.root == later.root
    path = [earlier.root, *proof] if earlier.size & (earlier.size - 1) == 0 else list(proof)
    if not path:
        return False
    place, last = earlier.size - 1, later.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = _node(sibling, old), _node(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == earlier.root and new == later.root
