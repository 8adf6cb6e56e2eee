"""The clocks of a ticket, and the notices that they give rise to."""

from datetime import datetime
from typing import ClassVar

from router.core.events.base import Event, TicketEvent


class SlaEvent(TicketEvent, frozen=True, kw_only=True):
    """What every event of a service-level clock says; (target, cycle) names it in its ticket."""

    target: str
    cycle: int
    due_at: datetime | None
    agent: str | None = None


class SlaStarted(SlaEvent, frozen=True, kw_only=True):
    """A clock has started."""

    TYPE: ClassVar[str] = "sla.started"
    sla: str


class SlaPaused(SlaEvent, frozen=True, kw_only=True):
    """A clock has stopped counting."""

    TYPE: ClassVar[str] = "sla.paused"


class SlaResumed(SlaEvent, frozen=True, kw_only=True):
    """A clock counts on."""

    TYPE: ClassVar[str] = "sla.resumed"


class SlaChanged(SlaEvent, frozen=True, kw_only=True):
    """A clock is measured by another SLA or calendar."""

    TYPE: ClassVar[str] = "sla.changed"
    sla: str


class SlaMet(SlaEvent, frozen=True, kw_only=True):
    """What the clock waited for has happened; `in_time` says whether before it lapsed."""

    TYPE: ClassVar[str] = "sla.met"
    in_time: bool


class SlaLapse(SlaEvent, frozen=True, kw_only=True):
    """The root of warning, breach and escalation.

    `lapsed_at` is when it was due, `detected_at` when we noticed; they differ after a downtime.
    """

    lapsed_at: datetime
    detected_at: datetime


class SlaWarning(SlaLapse, frozen=True, kw_only=True):
    """A share of the target is used up; `remaining_seconds` of it are left, if that was asked."""

    TYPE: ClassVar[str] = "sla.warning"
    share: float
    remaining_seconds: float | None = None
    notify: tuple[str, ...] = ()


class SlaBreached(SlaLapse, frozen=True, kw_only=True):
    """The target has lapsed."""

    TYPE: ClassVar[str] = "sla.breached"


class SlaEscalated(SlaLapse, frozen=True, kw_only=True):
    """A lapse is handed to `level`; a level that a higher one overtook notifies nobody."""

    TYPE: ClassVar[str] = "sla.escalated"
    level: int
    notify: tuple[str, ...]


class SlaAcknowledged(SlaEvent, frozen=True, kw_only=True):
    """A supervisor has seen the alarm: the clock's later levels are recorded, but notify nobody."""

    TYPE: ClassVar[str] = "sla.acknowledged"
    by: str


class SlaCleared(SlaEvent, frozen=True, kw_only=True):
    """An alarm is over; `reason`: met, assigned, resolved, transferred, merged, changed, missed."""

    TYPE: ClassVar[str] = "sla.cleared"
    reason: str


class NoticeEvent(Event, frozen=True, kw_only=True):
    """What every event of a notice says: whom it is for, and about which alarm."""

    notice: str
    contact: str
    ticket: str
    target: str
    cycle: int
    level: int
    at: datetime


class NoticeHeld(NoticeEvent, frozen=True, kw_only=True):
    """A notice waits for the end of its contact's quiet hours."""

    TYPE: ClassVar[str] = "notice.held"
    until: datetime


class NoticeWithheld(NoticeEvent, frozen=True, kw_only=True):
    """A notice that waited is not sent: cleared, acknowledged, overtaken, contact_removed."""

    TYPE: ClassVar[str] = "notice.withheld"
    reason: str
