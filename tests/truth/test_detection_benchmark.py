"""The detector of a series on measured series it never learnt from: a worse judge would not pass unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.detect_nab import rencheng, scored, shared_series, windowed_gaussian

from rencheng.science.detection.nab_score import PROFILES, nab_score


@pytest.mark.real
def test_it_is_far_better_than_the_windowed_gaussian_on_measured_series(shared_data: Path) -> None:
    assert shared_data.is_dir()
    corpus = shared_series()
    ours = nab_score(scored(corpus, rencheng), PROFILES["standard"])
    peer = nab_score(scored(corpus, windowed_gaussian), PROFILES["standard"])
    assert ours.windows == 25
    assert ours.score > 60.0
    assert peer.score < 20.0
