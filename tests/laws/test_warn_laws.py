"""Laws of warning that hold for any course of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.warn.warn_world import MemoryFields, World, cleared, forecast, make_town, stage

from rencheng import warn
from rencheng.kernel import Colour
from rencheng.ledger import Entry, fold
from rencheng.warn.life_cycle import STEPS

COLOURS = ("blue", "yellow", "orange", "red")
HYSTERESIS = timedelta(hours=6)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


NewWorld = Callable[[], World]


@pytest.fixture(scope="module")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> NewWorld:
    city = make_town(tmp_path_factory.mktemp("laws"))
    inputs = warn.inputs_for(city, MemoryFields(), mode="Test", channels=("file",))
    return lambda: World(inputs=inputs)


def set_level(world: World, level: int) -> None:
    """Let the gauge stand at a level 0 … 4 (none, blue … red), as assessment would say it."""
    standing = world.state.live.get("signal/gauge")
    if level == 0:
        if standing is not None:
            world.hear(cleared(stage(signal_id="gauge")))
    else:
        world.hear(stage(COLOURS[level - 1], signal_id="gauge"))


def story(entries: list[Entry]) -> Iterator[tuple[datetime, str, str]]:
    for entry in entries:
        if entry.kind.startswith("Warning"):
            notice = getattr(entry.body, "notice", None)
            yield entry.occurred_at, entry.kind, notice.colour if notice else ""


@QUICK
@given(above=st.lists(st.booleans(), min_size=4, max_size=40), minutes=st.integers(min_value=5, max_value=90))
def test_a_level_that_dances_around_a_threshold_does_not_flap(
    new_world: NewWorld, above: list[bool], minutes: int
) -> None:
    world = new_world()
    for up in above:
        set_level(world, 2 if up else 0)
        world.wait(minutes=minutes)
    raised = [at for at, kind, _ in story(world.entries) if kind in ("WarningIssued", "WarningUpgraded")]
    lowered = [at for at, kind, _ in story(world.entries) if kind in ("WarningDowngraded", "WarningCancelled")]
    for times in (raised, lowered):
        assert all(b - a >= HYSTERESIS for a, b in pairwise(times))


@QUICK
@given(levels=st.lists(st.integers(min_value=0, max_value=4), min_size=1, max_size=20))
def test_colour_is_never_below_the_level_and_lowers_only_after_hysteresis(
    new_world: NewWorld, levels: list[int]
) -> None:
    world = new_world()
    history: list[tuple[datetime, int]] = []
    for level in levels:
        set_level(world, level)
        history.append((world.now, level))
        shown = max((Colour(s.notice.colour).rank for s in world.state.standing.values()), default=0)
        assert shown >= level
        world.wait(hours=2.5)
    for at, kind, colour in story(world.entries):
        if kind in ("WarningDowngraded", "WarningCancelled"):
            rank = Colour(colour).rank if kind == "WarningDowngraded" else 0
            held = [
                lv
                for (since, lv), (until, _) in pairwise([*history, (world.now, 0)])
                if since < at and until > at - HYSTERESIS
            ]
            assert max(held, default=0) <= rank


@QUICK
@given(
    prob=st.floats(min_value=0.0, max_value=1.0),
    more=st.floats(min_value=0.0, max_value=1.0),
    colour=st.sampled_from(COLOURS),
)
def test_a_likelier_flood_never_has_a_lower_colour(new_world: NewWorld, prob: float, more: float, colour: str) -> None:
    def shown(p: float) -> int:
        world = new_world()
        lower = dict.fromkeys(COLOURS[: COLOURS.index(colour) + 1], p)
        world.hear(forecast(lower))
        return max((Colour(s.notice.colour).rank for s in world.state.standing.values()), default=0)

    assert shown(max(prob, more)) >= shown(min(prob, more))


@QUICK
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["level", "issue", "cancel", "extend", "wait"]), st.integers(min_value=0, max_value=4)
        ),
        max_size=15,
    )
)
def test_whatever_happens_every_warning_lives_by_the_rules_and_refolds_the_same(
    new_world: NewWorld, moves: list[tuple[str, int]]
) -> None:
    from rencheng.kernel import Bilingual, OrderRefused

    world = new_world()
    for move, number in moves:
        try:
            if move == "level":
                set_level(world, number)
            elif move == "wait":
                world.wait(hours=number * 3)
            elif move == "issue":
                reason = Bilingual(zh="研判", en="judged")
                until = world.now + timedelta(hours=2 + number)
                colour = COLOURS[number % 4]
                world.order(
                    warn.IssueWarning(hazard="river_flood", colour=colour, area_id="", reason=reason, expires_at=until)
                )
            else:
                some = next(iter(world.state.standing), "none")
                until = world.now + timedelta(hours=48)
                order = (
                    warn.CancelWarning(warning_id=some, reason="over")
                    if move == "cancel"
                    else warn.ExtendWarning(warning_id=some, expires_at=until, reason="still")
                )
                world.order(order)
        except OrderRefused:
            pass
        world.hear()
    phases: dict[str, str] = {}
    ids: list[str] = []
    for entry in world.entries:
        if not entry.kind.startswith("Warning"):
            continue
        step = {"Issued": "issue", "Upgraded": "upgrade", "Downgraded": "downgrade", "Updated": "update"}.get(
            entry.kind.removeprefix("Warning"), "cancel"
        )
        phase = phases.get(entry.body.warning_id, "none")
        assert step in STEPS[phase]
        phases[entry.body.warning_id] = "over" if step == "cancel" else "standing"
        if hasattr(entry.body, "notice"):
            ids.append(entry.body.notice.notice_id)
    assert len(ids) == len(set(ids))
    assert fold(world.entries, warn.evolve, warn.initial_state()) == world.state
