"""The command's part of the picture: incidents on their way through the twelve nodes, and the tasks of their plans."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from rencheng.ledger import Entry
from rencheng.respond import facts as respond
from rencheng.warn import facts as warn
from rencheng.web.picture.base import Text, View, text

__all__ = ["IncidentBoard", "IncidentView", "NodeView", "TaskView"]

_RISING = ("blue", "yellow", "orange", "red")


class NodeView(View):
    """A node of the standard operating procedure that an incident reached."""

    node: str
    number: int = Field(description="1 to 12")
    at: datetime


class IncidentView(View):
    """An incident as it stands now."""

    incident_id: str
    hazard: str
    title: Text = Field(description="As the highest notice of its warning has it; else as it was opened")
    response_level: str = Field(description="IV, III, II or I")
    event_grade: str = Field(description="general, larger, major or extraordinary")
    warning_id: str
    area_ids: list[str]
    opened_at: datetime
    closed_at: datetime | None = None
    plan_id: str = ""
    plan_version: str = ""
    plan_why: str = ""
    nodes: list[NodeView]


class TaskView(View):
    """A step of a plan that somebody has to do."""

    task_id: str
    incident_id: str
    step_id: str
    title: Text
    role_id: str = Field(description="Whose it is now, after any escalation")
    state: str = Field(description="waiting, acknowledged or completed")
    acknowledge_by: datetime
    due_at: datetime
    created_at: datetime
    acknowledged_at: datetime | None = None
    completed_at: datetime | None = None
    overdue: bool = Field(default=False, description="The deadline passed before it was done")
    escalations: int = 0
    receipt: str = Field(description="What must be handed in: none, text, photo, count")
    handed_in: str = ""
    measure: str = ""


class IncidentBoard:
    """Incidents and tasks by id, oldest first; an incident is named after the highest notice of its warning."""

    def __init__(self) -> None:
        self.incidents: dict[str, IncidentView] = {}
        self.tasks: dict[str, TaskView] = {}
        self._highest: dict[str, int] = {}

    def take(self, entry: Entry) -> None:
        """Let one fact about incidents, plans, tasks or the warnings they follow change the board."""
        match entry.body:
            case warn.WarningIssued() | warn.WarningUpdated() | warn.WarningUpgraded() as body:
                self._noticed(body.warning_id, body.notice)
            case respond.IncidentOpened() as body:
                self._opened(body, entry.occurred_at)
            case respond.IncidentNodeReached(incident_id=incident_id, node=node, number=number):
                if incident_id in self.incidents:
                    reached = NodeView(node=node, number=number, at=entry.occurred_at)
                    self.incidents[incident_id].nodes.append(reached)
            case respond.IncidentClosed(incident_id=incident_id):
                if incident_id in self.incidents:
                    self.incidents[incident_id].closed_at = entry.occurred_at
            case respond.IncidentWarned() as body:
                self._joined(body)
            case respond.PlanActivated() as body:
                self._planned(body)
            case respond.TaskCreated() as body:
                self._created(body, entry.occurred_at)
            case (
                respond.TaskAcknowledged()
                | respond.TaskEscalated()
                | respond.TaskCompleted()
                | respond.TaskOverdue()
                | respond.TaskReopened()
                | respond.TaskReassigned()
            ) as body:
                self._moved(body, entry.occurred_at)
            case _:
                pass

    def _opened(self, body: respond.IncidentOpened, at: datetime) -> None:
        self.incidents[body.incident_id] = IncidentView(
            incident_id=body.incident_id,
            hazard=body.hazard,
            title=text(body.title),
            response_level=body.response_level,
            event_grade=body.event_grade,
            warning_id=body.warning_id,
            area_ids=list(body.area_ids),
            opened_at=at,
            nodes=[],
        )

    def _joined(self, body: respond.IncidentWarned) -> None:
        incident = self.incidents.get(body.incident_id)
        if incident is not None:
            incident.warning_id = body.warning_id
            incident.title = text(body.title)
            incident.area_ids = list(body.area_ids)

    def _noticed(self, warning_id: str, notice: warn.Notice) -> None:
        rank = _RISING.index(notice.colour)
        if rank < self._highest.get(warning_id, 0):
            return
        self._highest[warning_id] = rank
        for incident in self.incidents.values():
            if incident.warning_id == warning_id and incident.closed_at is None:
                incident.title = text(notice.headline)

    def _planned(self, body: respond.PlanActivated) -> None:
        incident = self.incidents.get(body.incident_id)
        if incident is not None:
            incident.plan_id = body.plan_id
            incident.plan_version = body.plan_version
            incident.plan_why = body.why
            incident.response_level = body.response_level

    def _created(self, body: respond.TaskCreated, at: datetime) -> None:
        self.tasks[body.task_id] = TaskView(
            task_id=body.task_id,
            incident_id=body.incident_id,
            step_id=body.step_id,
            title=text(body.title),
            role_id=body.role_id,
            state="waiting",
            acknowledge_by=body.acknowledge_by,
            due_at=body.due_at,
            created_at=at,
            receipt=body.receipt,
            measure=body.measure,
        )

    def _moved(
        self,
        body: respond.TaskAcknowledged
        | respond.TaskEscalated
        | respond.TaskCompleted
        | respond.TaskOverdue
        | respond.TaskReopened
        | respond.TaskReassigned,
        at: datetime,
    ) -> None:
        task = self.tasks.get(body.task_id)
        if task is None:
            return
        match body:
            case respond.TaskAcknowledged():
                task.state = "acknowledged"
                task.acknowledged_at = at
            case respond.TaskEscalated():
                task.role_id = body.to_role_id
                task.escalations = body.step
                task.acknowledge_by = body.acknowledge_by
            case respond.TaskCompleted():
                task.state = "completed"
                task.completed_at = at
                task.handed_in = body.receipt
            case respond.TaskOverdue():
                task.overdue = True
            case respond.TaskReopened():
                task.state = "acknowledged"
                task.completed_at, task.handed_in = None, ""
            case respond.TaskReassigned():
                task.role_id, task.state = body.to_role_id, "waiting"
                task.acknowledge_by, task.acknowledged_at = body.acknowledge_by, None
