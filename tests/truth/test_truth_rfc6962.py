"""Our Merkle proofs against the published vectors of Certificate Transparency."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from rencheng.ledger import TreeHead, leaf_hash
from rencheng.ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    tree_head,
    verify_consistency,
    verify_inclusion,
)

# The leaves of the reference tests of Certificate Transparency (merkletree tests of google/certificate-transparency),
# and the roots these publish for the first 1 … 8 of them.
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
REFERENCE_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_reference_tree() -> None:
    leaves = [leaf_hash(data) for data in REFERENCE_LEAVES]
    assert [tree_head(leaves[: n + 1]).root.hex() for n in range(8)] == REFERENCE_ROOTS


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _vectors(shared_data: Path, name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((shared_data / "ledger" / "rfc6962_vectors.json").read_text())[name]
    assert len(cases) == 98
    return cases


@pytest.mark.real
def test_inclusion_vectors(shared_data: Path) -> None:
    leaves = [leaf_hash(data) for data in REFERENCE_LEAVES]
    for case in _vectors(shared_data, "inclusion"):
        head = TreeHead(size=case["treeSize"], root=_bytes(case["root"]))
        proof = [_bytes(p) for p in case["proof"] or []]
        good = verify_inclusion(_bytes(case["leafHash"]), case["leafIdx"], head, proof)
        assert good is not case["wantErr"], case["case"]
        if good and head.root == tree_head(leaves[: head.size]).root:
            assert inclusion_proof(leaves[: head.size], case["leafIdx"]) == proof, case["case"]


@pytest.mark.real
def test_consistency_vectors(shared_data: Path) -> None:
    leaves = [leaf_hash(data) for data in REFERENCE_LEAVES]
    for case in _vectors(shared_data, "consistency"):
        earlier = TreeHead(size=case["size1"], root=_bytes(case["root1"]))
        later = TreeHead(size=case["size2"], root=_bytes(case["root2"]))
        proof = [_bytes(p) for p in case["proof"] or []]
        good = verify_consistency(earlier, later, proof)
        assert good is not case["wantErr"], case["case"]
        if good and later.root == tree_head(leaves[: later.size]).root:
            assert consistency_proof(leaves[: later.size], earlier.size) == proof, case["case"]
