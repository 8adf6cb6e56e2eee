"""Service-level clocks: targets, pauses and the instants at which something is due.

A clock runs in its SLA's business calendar from an event's own instant, never from the time of
processing. First response is creation to the first agent reply, next response is the oldest
unanswered customer message to the reply, resolution is creation to resolved (Zendesk's
definitions); acknowledgements do not count. An action exactly at the due instant is in time.

A clock is a value. `advance` says what has lapsed before an instant; the same clock and instant
always give the same lapses, and each lapse exists once: its identity is (ticket, target, cycle,
kind, level).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
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


class Always:
    """The calendar of what counts at any hour."""

    def due(self, start: datetime, duration: timedelta) -> datetime:
        """The instant `duration` after `start`."""
        return start + duration

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The time between two instants."""
        return end - start


ALWAYS = Always()

QUEUE_TIME = "queue_time"
"""The target that a queue's chain of targets sets: when it has ended, somebody must look."""


class Rung(msgspec.Struct, frozen=True):
    """A level of the ladder, `after` the breach in wall-clock time."""

    level: int
    after: timedelta


class Policy(msgspec.Struct, frozen=True):
    """What a clock is measured by: calendar, duration, shares at which to warn, the ladder."""

    calendar: Calendar
    duration: timedelta
    warn: tuple[float, ...] = ()
    rungs: tuple[Rung, ...] = ()


class LapseKind(StrEnum):
    """What has lapsed; the value is the event type's last part."""

    WARNING = "warning"
    BREACHED = "breached"
    ESCALATED = "escalated"


class Lapse(msgspec.Struct, frozen=True, gc=False):
    """One thing that has lapsed, at `at`. `level` numbers warnings and rungs from 1; 0 a breach."""

    kind: LapseKind
    level: int
    at: datetime
    share: float | None = None


class Clock(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One target's clock. `spent` is business time used up before `running_since`.

    `due_at` is None while paused. After the breach the ladder counts from `lapsed_at`, put off
    by `held`, the wall-clock time for which the clock was paused since.
    """

    target: str
    cycle: int
    started_at: datetime
    running_since: datetime | None
    paused_at: datetime | None = None
    spent: timedelta = ZERO
    held: timedelta = ZERO
    due_at: datetime | None = None
    warned: int = 0
    lapsed_at: datetime | None = None
    level: int = 0
    next_at: datetime | None = None

    @property
    def key(self) -> str:
        """The clock's identity within its ticket."""
        return f"{self.target}#{self.cycle}"

    @property
    def alarmed(self) -> bool:
        """Whether operations have been told something that must be cleared."""
        return self.warned > 0 or self.lapsed_at is not None


def start(target: str, cycle: int, at: datetime, policy: Policy) -> Clock:
    """A clock that runs from `at`."""
    due = policy.calendar.due(at, policy.duration)
    clock = Clock(target=target, cycle=cycle, started_at=at, running_since=at, due_at=due)
    return _watched(clock, policy)


def lapsed(target: str, cycle: int, since: datetime, at: datetime, policy: Policy) -> Clock:
    """A clock that ran from `since` and was breached at `at`; the ladder's rungs follow."""
    clock = Clock(target=target, cycle=cycle, started_at=since, running_since=at, lapsed_at=at)
    return _scheduled(clock, at, policy)


def pause(clock: Clock, at: datetime, policy: Policy) -> Clock:
    """Stop counting at `at`; nothing lapses until the clock is resumed."""
    if clock.running_since is None:
        return clock
    spent = clock.spent + policy.calendar.elapsed(clock.running_since, at)
    return msgspec.structs.replace(
        clock, running_since=None, paused_at=at, spent=spent, due_at=None, next_at=None
    )


def resume(clock: Clock, at: datetime, policy: Policy) -> Clock:
    """Count on from `at`, though not from before it was paused."""
    if clock.paused_at is None:
        return clock
    at = max(at, clock.paused_at)
    held = clock.held + (at - clock.paused_at) if clock.lapsed_at is not None else ZERO
    running = msgspec.structs.replace(clock, paused_at=None, held=held)
    return _scheduled(running, at, policy)


def reschedule(clock: Clock, at: datetime, old: Policy, new: Policy) -> Clock:
    """Measure by another policy from now on; the time already spent counts, no new cycle begins.

    What was lapsed stays lapsed: an alarm that was given is not taken back.
    """
    if clock.running_since is None:
        return clock
    spent = clock.spent + old.calendar.elapsed(clock.running_since, at)
    return _scheduled(msgspec.structs.replace(clock, spent=spent), at, new)


def advance(clock: Clock, before: datetime, policy: Policy) -> tuple[Clock, list[Lapse]]:
    """Everything that lapses strictly before `before`, in order, and the clock after it."""
    if clock.next_at is not None and clock.next_at >= before:
        return clock, []
    lapses: list[Lapse] = []
    while (lapse := _next(clock, policy)) is not None and lapse.at < before:
        lapses.append(lapse)
        clock = _after(clock, lapse)
    return msgspec.structs.replace(clock, next_at=lapse.at if lapse else None), lapses


def _scheduled(clock: Clock, since: datetime, policy: Policy) -> Clock:
    """`clock` running from `since`, its due instant and its next lapse worked out anew."""
    due = clock.lapsed_at
    if due is None:
        due = policy.calendar.due(since, max(policy.duration - clock.spent, ZERO))
    return _watched(msgspec.structs.replace(clock, running_since=since, due_at=due), policy)


def _watched(clock: Clock, policy: Policy) -> Clock:
    """`clock` with the instant of its next lapse."""
    lapse = _next(clock, policy)
    return msgspec.structs.replace(clock, next_at=lapse.at if lapse else None)


def _after(clock: Clock, lapse: Lapse) -> Clock:
    if lapse.kind is LapseKind.WARNING:
        return msgspec.structs.replace(clock, warned=lapse.level)
    if lapse.kind is LapseKind.BREACHED:
        return msgspec.structs.replace(clock, lapsed_at=lapse.at)
    return msgspec.structs.replace(clock, level=lapse.level)


def _next(clock: Clock, policy: Policy) -> Lapse | None:
    """The next lapse of a running clock: a warning, the breach, then the ladder's rungs."""
    if clock.running_since is None or clock.due_at is None:
        return None
    if clock.lapsed_at is None:
        return _next_warning(clock, policy) or Lapse(LapseKind.BREACHED, 0, clock.due_at)
    for rung in policy.rungs:
        if rung.level > clock.level:
            at = clock.lapsed_at + rung.after + clock.held
            return Lapse(LapseKind.ESCALATED, rung.level, at)
    return None


def _next_warning(clock: Clock, policy: Policy) -> Lapse | None:
    if clock.warned >= len(policy.warn) or clock.running_since is None:
        return None
    share = policy.warn[clock.warned]
    remaining = max(_part(policy.duration, share) - clock.spent, ZERO)
    at = policy.calendar.due(clock.running_since, remaining)
    return Lapse(LapseKind.WARNING, clock.warned + 1, at, share)


@lru_cache(maxsize=1_000)
def _part(duration: timedelta, share: float) -> timedelta:
    """The product, which takes longer than anything else about a clock."""
    return duration * share


def notifying(lapses: Sequence[Lapse]) -> Lapse | None:
    """Of what is overdue together, in order, the one that notifies: the highest level.

    Before the breach it is the latest warning; of the breach itself the ladder's levels tell.
    """
    last = lapses[-1] if lapses else None
    return None if last is None or last.kind is LapseKind.BREACHED else last
