"""The people of the simulated city: they answer tasks, knock at doors, review, and call for help.

They learn what the ledger says and act by orders, exactly as people at the console do. How long each takes is drawn
from a generator seeded by the rehearsal's seed and the thing's own id, so it does not matter in which order they learn.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from rencheng.community.orders import RecordVisit
from rencheng.kernel import Bilingual
from rencheng.ledger import Entry
from rencheng.recover.orders import RecordReview
from rencheng.rehearse.scenario import People
from rencheng.respond.orders import AcknowledgeTask, CloseIncident, CompleteTask

__all__ = ["Act", "Agenda"]

_TRY_AGAIN = timedelta(minutes=10)
_PATIENCE = timedelta(hours=12)

_RECEIPTS = {"none": "", "text": "已完成,现场正常 / done, site in order", "photo": "photo:onsite.jpg", "count": "12"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something a person does at a moment: an order and who gives it."""

    due_at: datetime
    order: object
    actor: str


@dataclass(slots=True, kw_only=True)
class Agenda:
    """What the people of the city are about to do.

    Parameters
    ----------
    seed : int
        The rehearsal's seed.
    manner : People
        How they act.
    """

    seed: int
    manner: People
    heard: int = 0
    """Position in the ledger up to which they know what happened."""
    _waiting: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _count: int = 0
    _silent: dict[str, str] = field(default_factory=dict)
    """Task → its first addressee, who does not answer until the deadline rings."""
    _receipts: dict[str, str] = field(default_factory=dict)
    _holder: dict[str, str] = field(default_factory=dict)
    """Task → role that acknowledged it."""
    _begun: dict[str, datetime] = field(default_factory=dict)
    """Task or incident → when its completion or closing was first refused."""

    def plan(self, act: Act) -> None:
        """Put an act on the agenda."""
        heapq.heappush(self._waiting, (act.due_at, self._count, act))
        self._count += 1

    def next_due(self) -> datetime | None:
        """When somebody acts next."""
        return self._waiting[0][0] if self._waiting else None

    def take(self) -> Act:
        """Take the next act off the agenda."""
        return heapq.heappop(self._waiting)[2]

    def refused(self, act: Act, now: datetime) -> None:
        """Learn that an act was refused: what waits for another's doing is tried again, anything else is let be."""
        match act.order:
            case CompleteTask(task_id=name) | CloseIncident(incident_id=name):
                again = now - self._begun.setdefault(name, now) < _PATIENCE
            case _:
                again = False
        if again:
            self.plan(Act(due_at=now + _TRY_AGAIN, order=act.order, actor=act.actor))

    def observe(self, entries: Iterable[Entry]) -> None:
        """Learn of facts and plan what follows from them."""
        for entry in entries:
            self.heard = entry.seq
            match entry.kind:
                case "TaskCreated":
                    self._created(entry)
                case "TaskEscalated":
                    self._acknowledge(entry, entry.body.task_id, entry.body.to_role_id, 1.0)
                case "TaskReassigned":
                    self._acknowledge(entry, entry.body.task_id, entry.body.to_role_id, 1.0)
                case "TaskAcknowledged":
                    self._holder[entry.body.task_id] = entry.body.role_id
                    self._complete(entry)
                case "TaskReopened" if entry.body.task_id in self._holder:
                    self._complete(entry)
                case "TaskOverdue" if entry.body.task_id in self._silent and entry.body.task_id not in self._holder:
                    # at the top of the chain nobody else can be asked: the deadline itself calls them
                    self._acknowledge(entry, entry.body.task_id, self._silent[entry.body.task_id], 1.0)
                case "VisitRequested":
                    self._visit(entry)
                case "DamageAssessed":
                    self._review(entry)
                case "ReviewRecorded":
                    order = CloseIncident(incident_id=entry.body.incident_id)
                    self.plan(
                        Act(due_at=entry.occurred_at + timedelta(minutes=10), order=order, actor="role:commander")
                    )

    def _rng(self, *names: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32("/".join(names).encode())])

    def _lognormal(self, rng: np.random.Generator, median_s: float, sigma: float) -> timedelta:
        return timedelta(seconds=round(float(median_s * np.exp(sigma * rng.normal())), 3))

    def _created(self, entry: Entry) -> None:
        task = entry.body
        self._receipts[task.task_id] = _RECEIPTS.get(task.receipt, _RECEIPTS["text"])
        if self._rng("answer", task.task_id).random() < self.manner.unanswered_ratio:
            self._silent[task.task_id] = task.role_id
            return
        self._acknowledge(entry, task.task_id, task.role_id, 1.0)

    def _acknowledge(self, entry: Entry, task_id: str, role_id: str, pace: float) -> None:
        rng = self._rng("acknowledge", task_id, role_id)
        wait = self._lognormal(rng, pace * self.manner.acknowledge_median_s, self.manner.acknowledge_sigma)
        order = AcknowledgeTask(task_id=task_id, role_id=role_id)
        self.plan(Act(due_at=entry.occurred_at + wait, order=order, actor=f"role:{role_id}"))

    def _complete(self, entry: Entry) -> None:
        task = entry.body.task_id
        role = self._holder[task]
        wait = self._lognormal(self._rng("complete", task), self.manner.complete_median_s, self.manner.complete_sigma)
        order = CompleteTask(task_id=task, role_id=role, receipt=self._receipts.get(task, _RECEIPTS["text"]))
        self.plan(Act(due_at=entry.occurred_at + wait, order=order, actor=f"role:{role}"))

    def _visit(self, entry: Entry) -> None:
        visit = entry.body
        rng = self._rng("visit", visit.visit_id)
        reached = int(rng.binomial(round(visit.vulnerable_residents), 0.92))
        order = RecordVisit(visit_id=visit.visit_id, reached=reached, need_help=int(rng.binomial(reached, 0.02)))
        wait = self._lognormal(rng, self.manner.visit_median_s, 0.4)
        self.plan(Act(due_at=entry.occurred_at + wait, order=order, actor=f"role:{visit.role_id or 'grid_officer'}"))

    def _review(self, entry: Entry) -> None:
        body = entry.body
        finding = Bilingual(
            zh=f"受影响居民约 {body.residents_affected:.0f} 人,受损建筑 {body.buildings_damaged} 栋;"
            "低洼路段已列入整改。",
            en=f"About {body.residents_affected:.0f} residents affected, {body.buildings_damaged} buildings damaged; "
            "low roads that filled are on the rectification list.",
        )
        order = RecordReview(incident_id=body.incident_id, findings=(finding,))
        self.plan(Act(due_at=entry.occurred_at + timedelta(minutes=40), order=order, actor="role:commander"))
