"""The simulated people: who answers, who does not, and what is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rencheng.kernel import Bilingual, Draft, fact_type_of
from rencheng.ledger import Entry
from rencheng.rehearse.people import Act, Agenda
from rencheng.rehearse.scenario import People, read_scenario
from rencheng.respond.facts import TaskAcknowledged, TaskCreated, TaskOverdue
from rencheng.respond.orders import AcknowledgeTask, CloseIncident

NOW = datetime(2026, 7, 20, 6, 0, tzinfo=UTC)


def manner(**changes: Any) -> People:
    return replace(read_scenario("rainstorm").people, **changes)


def entry(seq: int, body: Any) -> Entry:
    draft = Draft(stream="task/t1", body=body, occurred_at=NOW, actor="rule:respond")
    known = fact_type_of(body)
    return Entry(
        seq=seq, id=draft.id, stream=draft.stream, version=seq, kind=known.kind, schema=known.schema,
        occurred_at=NOW, recorded_at=NOW, actor=draft.actor, cause=(), body=body, leaf=b"",
    )  # fmt: skip


def task() -> TaskCreated:
    return TaskCreated(
        task_id="t1", incident_id="i1", step_id="suspend-work", title=Bilingual(zh="停工", en="Stop work"),
        role_id="city.commander", acknowledge_by=NOW, due_at=NOW, receipt="text", measure="suspend_work",
    )  # fmt: skip


def test_who_heads_the_chain_answers_when_the_deadline_rings() -> None:
    agenda = Agenda(seed=1, manner=manner(unanswered_ratio=1.0))
    agenda.observe([entry(1, task())])
    assert agenda.next_due() is None, "this one does not answer at first"
    agenda.observe([entry(2, TaskOverdue(task_id="t1"))])
    assert agenda.take().order == AcknowledgeTask(task_id="t1", role_id="city.commander")


def test_a_deadline_changes_nothing_for_who_answered() -> None:
    agenda = Agenda(seed=1, manner=manner(unanswered_ratio=0.0))
    agenda.observe([entry(1, task())])
    agenda.take()
    agenda.observe([entry(2, TaskAcknowledged(task_id="t1", role_id="city.commander"))])
    agenda.take()
    agenda.observe([entry(3, TaskOverdue(task_id="t1"))])
    assert agenda.next_due() is None


def test_a_closing_that_was_refused_is_tried_again_but_not_for_ever() -> None:
    agenda = Agenda(seed=1, manner=manner())
    act = Act(due_at=NOW, order=CloseIncident(incident_id="i1"), actor="role:commander")
    now, tried = NOW, 0
    while True:
        agenda.refused(act, now)
        if agenda.next_due() is None:
            break
        act, tried = agenda.take(), tried + 1
        now = act.due_at
        assert tried < 1000, "a refused order must not be given for ever"
    assert tried > 1
    assert now - NOW <= timedelta(hours=13)
