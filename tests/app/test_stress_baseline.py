"""The stress check: every load has a published baseline, and a fifth slower than it is told."""

from __future__ import annotations

import json

from benchmarks.stress import BASELINE, LOADS, Outcome, lost


def test_every_load_has_a_published_baseline() -> None:
    """A load without one would never be found slower."""
    known = json.loads(BASELINE.read_text(encoding="utf-8"))
    assert sorted(known) == sorted(load.name for load in LOADS)
    assert all(ratio > 0 for ratio in known.values())


def test_what_lost_more_than_a_fifth_beside_its_peer_is_told() -> None:
    known = {"a": 2.0, "b": 2.0, "c": 2.0}
    found = {
        "a": Outcome(ours_s=1.0, peer_s=1.61),
        "b": Outcome(ours_s=1.0, peer_s=1.59),
        "c": Outcome(ours_s=1.0, peer_s=9.0),
        "new": Outcome(ours_s=1.0, peer_s=0.1),
    }
    assert lost(found, known) == ["b"]
