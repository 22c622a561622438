"""Laws of the loop: its states are nothing but a fold of its ledger, and people act alike however they learn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rencheng.app.clocks import rehearsal_moments
from rencheng.app.compose import Run
from rencheng.app.rehearsal import open_rehearsal
from rencheng.app.settings import Settings
from rencheng.app.stages import STAGES, evolve_all, initial_states
from rencheng.ledger import Entry, fold
from rencheng.rehearse.people import Act, Agenda
from rencheng.rehearse.scenario import read_scenario

CLOUDBURST = Path(__file__).resolve().parents[1] / "story" / "scenarios" / "cloudburst.yaml"


@pytest.fixture(scope="module")
def begun(sandbox_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A rehearsal in the midst of the storm."""
    out = tmp_path_factory.mktemp("laws") / "run"
    run, world = open_rehearsal(str(CLOUDBURST), sandbox_city, out, seed=3, settings=Settings())
    moments = rehearsal_moments(run, world, Agenda(seed=3, manner=world.scenario.people))
    for _ in islice(moments, 90):
        pass
    yield run
    run.close()


def test_states_are_a_fold_of_the_ledger(begun: Run) -> None:
    """A stage that remembers more than the ledger tells would decide otherwise after every restart."""
    refolded = fold(begun.ledger.since(0), evolve_all, initial_states())
    assert refolded.seq == begun.loop.states.seq > 100
    for stage in STAGES:
        assert getattr(refolded, stage.name) == getattr(begun.loop.states, stage.name), stage.name


def test_folding_in_two_pieces_is_folding_at_once(begun: Run) -> None:
    """A run that is taken up again folds what it missed on top of what it had."""
    entries = list(begun.ledger.since(0))
    whole = fold(entries, evolve_all, initial_states())
    for cut in (1, len(entries) // 3, len(entries) - 1):
        assert fold(entries[cut:], evolve_all, fold(entries[:cut], evolve_all, initial_states())) == whole


@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_people_act_alike_in_whatever_portions_they_learn(data: st.DataObject, begun: Run) -> None:
    """A visitor who slows the drill down, or pauses it, must not change who does what and when."""
    entries = list(begun.ledger.since(0))
    manner = read_scenario(str(CLOUDBURST)).people
    at_once, in_pieces = Agenda(seed=3, manner=manner), Agenda(seed=3, manner=manner)
    at_once.observe(entries)
    rest: list[Entry] = entries
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        in_pieces.observe(rest[:size])
        rest = rest[size:]

    def acts(agenda: Agenda) -> list[Act]:
        found = []
        while agenda.next_due() is not None:
            found.append(agenda.take())
        return found

    assert acts(at_once) == acts(in_pieces)
