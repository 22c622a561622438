"""The flood of Merewether, 8 June 2007, beside what was seen and what TUFLOW made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.truth.merewether import merewether, peak_stages, run_merewether


@pytest.mark.real
def test_peak_stages_come_near_those_seen(shared_data: Path) -> None:
    # the published terrain of 1 m takes a minute (benchmarks/flood_truth.py); means of 2 m are as near
    folder = shared_data / "merewether"
    case = merewether(folder, coarser=2)
    result = run_merewether(case, order=2)
    stages = peak_stages(folder, case, result.peak_depth_m)
    assert abs(result.volume_error_ratio) <= 1e-10
    assert stages.rmse_to(stages.tuflow_m) <= 0.07
    assert stages.rmse_to(stages.observed_m) <= 0.15
