"""A clock of a ticket, what it is measured by, and what lapses; docs/sla.md defines the targets."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

ZERO = timedelta(0)


class Calendar(Protocol):
    """The business-time arithmetic that a clock needs (`rules.calendar.Calendar`)."""

    def due(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which `duration` of open time has passed since `start`."""
        ...

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The open time between two instants."""
        ...


class Pause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The ticket stood in a state in which we wait: `pending`, `on-hold`; still does, if no end."""

    state: str
    since: datetime
    until: datetime | None = None


class Rung(msgspec.Struct, frozen=True):
    """A level of the ladder, `after` the breach in wall-clock time."""

    level: int
    after: timedelta


class Mark(msgspec.Struct, frozen=True):
    """A warning when so much of a target is `used`; `name` is its level in the identity."""

    name: str
    used: timedelta
    share: float
    remaining: timedelta | None = None


class Policy(msgspec.Struct, frozen=True):
    """What a clock is measured by; `pause` are the states in which it stands still.

    Without a `duration` (`queue_time` that the SLA does not name) it lapses only when it is cut.
    With `later_pauses` only those stop it that begin after it did: what a customer writes to a
    ticket that is on hold is not what the hold waits for.
    """

    calendar: Calendar
    duration: timedelta | None
    marks: tuple[Mark, ...] = ()
    rungs: tuple[Rung, ...] = ()
    pause: frozenset[str] = frozenset()
    later_pauses: bool = False


class LapseKind(StrEnum):
    """What has lapsed; the value is the event type's last part."""

    WARNING = "warning"
    BREACHED = "breached"
    ESCALATED = "escalated"


class Lapse(msgspec.Struct, frozen=True, gc=False):
    """One thing that has lapsed, at `at`: a warning's `mark`, the breach, a ladder's `level`."""

    kind: LapseKind
    level: int
    at: datetime
    mark: Mark | None = None


class Clock(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One target's clock: where it started, and what was told of it.

    `warnings` names the warnings that were told, `lapsed_at` is the breach, `level` the ladder's
    highest level that was told. `cut_at` is when it is due at the latest, whatever its policy
    says. `dropped`: no SLA names it any more; it is kept for what it has told. `seen_by` is the
    supervisor who has acknowledged its alarm.

    `due_at` and `next_at`, the instant of the next lapse, are what `measured` found: None when a
    pause comes first. The last five fields are what older versions stored (`modern`): so much was
    `spent` before `running_since`, so long did a pause put the ladder off.
    """

    target: str
    cycle: int
    started_at: datetime
    due_at: datetime | None = None
    next_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    lapsed_at: datetime | None = None
    level: int = 0
    cut_at: datetime | None = None
    dropped: bool = False
    seen_by: str | None = None
    warned: int = 0
    running_since: datetime | None = None
    paused_at: datetime | None = None
    spent: timedelta = ZERO
    held: timedelta = ZERO

    @property
    def key(self) -> str:
        """The clock's identity within its ticket."""
        return f"{self.target}#{self.cycle}"

    @property
    def has_told(self) -> bool:
        """Whether a warning or the breach was told."""
        return bool(self.warnings or self.warned) or self.lapsed_at is not None

    @property
    def alarmed(self) -> bool:
        """Whether operations have been told something that must be cleared."""
        return self.has_told and not self.dropped
