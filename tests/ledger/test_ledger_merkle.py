"""Merkle tree heads and proofs: what the trees of RFC 6962 must do, at every size."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rencheng.kernel import InvalidInput
from rencheng.ledger import TreeHead, leaf_hash
from rencheng.ledger.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    tree_head,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([n])) for n in range(64)]


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def test_tree_heads_are_those_of_the_definition() -> None:
    for size in range(65):
        assert tree_head(LEAVES[:size]) == TreeHead(size=size, root=by_definition(LEAVES[:size]))
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(size=st.integers(1, 64), data=st.data())
def test_every_entry_is_shown_to_be_in_the_tree_and_no_other_is(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    head, proof = tree_head(LEAVES[:size]), inclusion_proof(LEAVES[:size], index)
    assert len(proof) <= (size - 1).bit_length()
    assert verify_inclusion(LEAVES[index], index, head, proof)
    other = data.draw(st.integers(0, 63).filter(lambda n: n != index))
    assert not verify_inclusion(LEAVES[other], index, head, proof)
    assert not verify_inclusion(LEAVES[index], other, head, proof)
    assert not verify_inclusion(LEAVES[index], index, head, [*proof, LEAVES[0]])
    assert not verify_inclusion(LEAVES[index], index, replace(head, root=bytes(32)), proof)


@given(later=st.integers(1, 64), data=st.data())
def test_every_earlier_tree_is_shown_to_be_a_beginning(later: int, data: st.DataObject) -> None:
    earlier = data.draw(st.integers(1, later))
    first, second = tree_head(LEAVES[:earlier]), tree_head(LEAVES[:later])
    proof = consistency_proof(LEAVES[:later], earlier)
    assert verify_consistency(first, second, proof)
    assert not verify_consistency(replace(first, root=bytes(32)), second, proof)
    assert not verify_consistency(first, replace(second, root=bytes(32)), proof)
    assert not verify_consistency(first, second, [*proof, LEAVES[0]])
    if proof:
        assert not verify_consistency(first, second, proof[:-1])


def test_an_older_tree_with_another_history_is_not_a_beginning() -> None:
    forged = [*LEAVES[:3], leaf_hash(b"forged"), *LEAVES[4:10]]
    assert not verify_consistency(tree_head(LEAVES[:7]), tree_head(forged), consistency_proof(forged, 7))


def test_places_outside_the_tree_are_refused() -> None:
    for index in (-1, 3):
        with pytest.raises(InvalidInput, match="tree of 3"):
            inclusion_proof(LEAVES[:3], index)
    for first in (0, 4):
        with pytest.raises(InvalidInput, match="one of 3"):
            consistency_proof(LEAVES[:3], first)
