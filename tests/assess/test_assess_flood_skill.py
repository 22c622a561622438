"""The score beside a flood forecast is that of all pairs together, and beats nobody by counting dry streets."""

import numpy as np
import pytest

from rencheng.assess.flood.skill import Pairs, members_at, points_table, running_score

EVEN = np.full(4, 0.25)


def pairs(*rows: tuple[int, list[float], float, float]) -> Pairs:
    made = Pairs()
    for lead, members, observed, before in rows:
        made.add(lead, np.array(members), EVEN, observed, before)
    return made


FIRST = ((30, [0.2, 0.2, 0.3, 0.1], 0.25, 0.0), (30, [0.0, 0.0, 0.0, 0.2], 0.0, 0.0))
SECOND = ((30, [0.0, 0.0, 0.0, 0.0], 0.4, 0.1), (60, [0.5, 0.5, 0.5, 0.7], 0.05, 0.0))


def test_scoring_in_two_parts_is_scoring_at_once() -> None:
    at_once = running_score("m", pairs(*FIRST, *SECOND), None)
    in_parts = running_score("m", pairs(*SECOND), running_score("m", pairs(*FIRST), None))
    assert in_parts.pairs == at_once.pairs
    assert in_parts.crps_m == pytest.approx(at_once.crps_m, abs=1e-5)
    assert in_parts.persistence_crps_m == pytest.approx(at_once.persistence_crps_m, abs=1e-5)
    for a, b in zip(in_parts.scores, at_once.scores, strict=True):
        assert (a.lead_min, a.threshold_m, a.hits, a.misses, a.false_alarms) == (
            b.lead_min,
            b.threshold_m,
            b.hits,
            b.misses,
            b.false_alarms,
        )
        assert a.brier == pytest.approx(b.brier, abs=1e-5)


def test_hits_misses_and_false_alarms_are_counted_at_even_odds() -> None:
    score = running_score("m", pairs(*FIRST, *SECOND), None)
    at = {(s.lead_min, s.threshold_m): s for s in score.scores}
    assert (at[30, 0.15].hits, at[30, 0.15].misses, at[30, 0.15].correct_negatives) == (1, 1, 1)
    assert at[60, 0.15].false_alarms == 1
    assert at[60, 0.15].far == 1.0


def test_a_dry_street_forecast_dry_adds_nothing_to_the_depth_score() -> None:
    score = running_score("m", pairs((30, [0.0, 0.0, 0.0, 0.0], 0.0, 0.0)), None)
    assert (score.pairs, score.crps_m) == (0, None)


def test_a_report_can_only_hit_or_miss() -> None:
    made = Pairs()
    made.reported.extend([(30, 0.15, 0.8), (30, 0.15, 0.1)])
    (score,) = running_score("m", made, None).scores
    assert (score.hits, score.misses, score.false_alarms, score.correct_negatives) == (1, 1, 0, 0)
    assert score.brier is None


def test_members_are_found_again_by_sensor_and_lead() -> None:
    depth = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = members_at(points_table(("a", "b"), (0, 10, 20), depth))
    assert found["b", 10].tolist() == [16.0, 17.0, 18.0, 19.0]
