from __future__ import annotations

from datetime import timedelta

from tests.warn.warn_world import START, World, cleared, forecast, rain, stage

from rencheng import warn
from rencheng.kernel import Colour


def test_a_flood_warned_ahead_is_a_hit_with_its_lead_time(world: World) -> None:
    world.hear(forecast({"yellow": 0.7}))
    world.wait(hours=5)
    world.hear(stage("yellow"))
    world.wait(hours=3)
    world.hear(cleared(stage("yellow")), forecast({"yellow": 0.0}, at=world.now))
    world.wait(hours=30)
    score = warn.verify(world.entries).by_hazard["river_flood"]
    assert (score.pod, score.far, score.csi) == (1.0, 0.0, 1.0)
    assert score.mean_lead_s == 5 * 3600.0
    assert score.lead_percentiles_s[50.0] == 5 * 3600.0


def test_a_forecast_flood_that_never_came_is_a_false_alarm(world: World) -> None:
    world.hear(forecast({"yellow": 0.7}))
    world.wait(hours=30)
    score = warn.verify(world.entries).by_hazard["river_flood"]
    assert (score.pod, score.far) == (None, 1.0)
    assert len(score.false_alarms) == 1


def test_a_warning_that_still_stands_is_not_yet_a_false_alarm(world: World) -> None:
    world.hear(forecast({"yellow": 0.7}))
    score = warn.verify(world.entries).by_hazard["river_flood"]
    assert (score.far, len(score.undecided), score.false_alarms) == (None, 1, ())


def test_the_truth_of_a_rehearsal_takes_the_place_of_signals(world: World) -> None:
    world.hear(rain(55.0, 6))
    world.wait(hours=2)
    truth = [
        warn.ObservedEvent(
            hazard="rainstorm", started_at=START + timedelta(hours=1), ended_at=START + timedelta(hours=2)
        ),
        warn.ObservedEvent(
            hazard="waterlogging", started_at=START + timedelta(hours=1), ended_at=START + timedelta(hours=2)
        ),
    ]
    result = warn.verify(world.entries, truth)
    assert result.by_hazard["rainstorm"].pod == 1.0
    assert result.by_hazard["waterlogging"].pod == 0.0
    assert (result.total.hits, result.total.misses, result.total.false_alarms) == (1, 1, 0)


def test_a_warning_in_a_lower_colour_does_not_count_for_a_graver_event(world: World) -> None:
    world.hear(forecast({"yellow": 0.7}))
    world.wait(hours=2)
    world.hear(stage("red"))
    world.wait(hours=1)
    world.hear(cleared(stage("red")))
    world.wait(hours=30)
    assert warn.verify(world.entries).by_hazard["river_flood"].mean_lead_s == 2 * 3600.0
    at_red = warn.verify(world.entries, at_least=Colour.RED).by_hazard["river_flood"]
    assert at_red.mean_lead_s == 0.0
    (period,) = warn.warned_periods(world.entries, Colour.RED)
    assert period.started_at == START + timedelta(hours=2)


def test_signals_close_together_are_one_event_and_upstream_ones_none(world: World) -> None:
    world.hear(stage("yellow"), stage("red", in_city=False, sensor="up"))
    world.now += timedelta(hours=1)
    world.hear(cleared(stage("yellow")))
    world.now += timedelta(hours=2)
    world.hear(stage("orange"))
    world.now += timedelta(hours=1)
    world.hear(cleared(stage("orange")))
    (event,) = warn.observed_events(world.entries)
    assert (event.colour, event.ended_at - event.started_at) == ("orange", timedelta(hours=4))
    assert len(warn.observed_events(world.entries, merge=timedelta(hours=1))) == 2


def test_an_empty_ledger_has_no_scores() -> None:
    result = warn.verify([])
    assert (dict(result.by_hazard), result.total.pod) == ({}, None)
