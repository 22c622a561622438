"""The flood of Merewether, 8 June 2007, beside what was seen and what TUFLOW made of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.truth.merewether import merewether, peak_stages, run_merewether


@pytest.mark.real
@pytest.mark.parametrize(("coarser", "order", "tuflow_m", "observed_m"), [(2, 2, 0.08, 0.18), (2, 1, 0.10, 0.20)])
def test_peak_stages_come_near_those_seen(
    shared_data: Path, coarser: int, order: int, tuflow_m: float, observed_m: float
) -> None:
    folder = shared_data / "merewether"
    case = merewether(folder, coarser)
    result = run_merewether(case, order=order)
    stages = peak_stages(folder, case, result.peak_depth_m)
    assert abs(result.volume_error_ratio) <= 1e-10
    assert stages.rmse_to(stages.tuflow_m) <= tuflow_m
    assert stages.rmse_to(stages.observed_m) <= observed_m
