"""Service-level clocks: what is due when, worked out from a start, pauses and a policy.

A clock runs in its SLA's business calendar from an event's own instant, never from the time of
processing. docs/sla.md defines the targets. An action exactly at the due instant is in time: what
is due at T lapses after T.

A clock is a value: where it started, and what of it has been told. All else is a function of that,
of the ticket's pauses and of the policy in force (`measured`), so that a change of policy gives
what the new one would have given from the start. Each lapse exists once: its identity is (ticket,
target, cycle, kind, level).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from router.core.entities.clock import ZERO, Calendar, Clock, Lapse, LapseKind, Mark, Pause, Policy


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
"""From coming to a queue until an agent has the ticket; it lapses with the chain at the latest."""


ACCEPT = "accept:"
"""How the targets begin that wait for a worker to accept an order; its number follows."""


def marks(duration: timedelta, warn: Iterable[float | timedelta]) -> tuple[Mark, ...]:
    """The warnings of a target, by shares of it and by times before its end, in order.

    A time that the target is no longer than makes none: it would warn of what has just begun.
    """
    found: dict[timedelta, Mark] = {}
    for one in warn:
        if isinstance(one, float):
            mark = Mark(f"{one * 100:g}%", duration * one, one)
        elif one < duration:
            used = duration - one
            mark = Mark(f"{one.total_seconds():g}s", used, used / duration, one)
        else:
            continue
        found.setdefault(mark.used, mark)
    return tuple(found[used] for used in sorted(found))


def start(
    target: str, cycle: int, at: datetime, policy: Policy, pauses: Sequence[Pause] = ()
) -> Clock:
    """A clock that runs from `at`."""
    return _worked_out(Clock(target=target, cycle=cycle, started_at=at), policy, pauses)


def measured(clock: Clock, policy: Policy, pauses: Sequence[Pause]) -> Clock:
    """`clock` with its due instant and its next lapse, worked out from its start."""
    return _worked_out(msgspec.structs.replace(clock, dropped=False), policy, pauses)


def _worked_out(fresh: Clock, policy: Policy, pauses: Sequence[Pause]) -> Clock:
    """`fresh`, which nobody else has yet, with its due instant and its next lapse."""
    stops = _stops(fresh, policy, pauses)
    due = _due(fresh, policy, stops)
    lapse = _next(fresh, due, policy, stops)
    msgspec.structs.force_setattr(fresh, "due_at", due)
    msgspec.structs.force_setattr(fresh, "next_at", lapse.at if lapse else None)
    return fresh


def cut(clock: Clock, at: datetime, policy: Policy, pauses: Sequence[Pause]) -> Clock:
    """`clock`, which is due at `at` at the latest, breached then unless it was before.

    What was told of its breach stands: the ladder goes on from there, not from an earlier end.
    """
    lapsed_at = clock.lapsed_at or at
    late = msgspec.structs.replace(clock, cut_at=max(at, lapsed_at), lapsed_at=lapsed_at)
    return measured(late, policy, pauses)


def drop(clock: Clock) -> Clock:
    """`clock`, which nothing measures any more."""
    return msgspec.structs.replace(clock, due_at=None, next_at=None, dropped=True)


def advance(
    clock: Clock, before: datetime, policy: Policy, pauses: Sequence[Pause] = ()
) -> tuple[Clock, list[Lapse]]:
    """Everything that lapses strictly before `before`, in order, and the clock after it."""
    if clock.next_at is None or clock.next_at >= before:
        return clock, []
    stops = _stops(clock, policy, pauses)
    due = _due(clock, policy, stops)
    lapses: list[Lapse] = []
    while (lapse := _next(clock, due, policy, stops)) is not None and lapse.at < before:
        lapses.append(lapse)
        clock = _after(clock, lapse)
    next_at = lapse.at if lapse else None
    return msgspec.structs.replace(clock, due_at=due, next_at=next_at), lapses


def reached(
    calendar: Calendar, since: datetime, duration: timedelta, stops: Iterable[Pause]
) -> datetime | None:
    """The instant at which a clock has run for `duration` since `since`; None: it stands before.

    Who stops it exactly when it is due is in time: it is due again once it runs.
    """
    for stop in stops:
        if stop.until is not None and stop.until <= max(since, stop.since):
            continue
        begins = max(stop.since, since)
        at = calendar.due(since, duration)
        if at < begins:
            return at
        if stop.until is None:
            return None
        duration = max(duration - calendar.elapsed(since, begins), ZERO)
        since = stop.until
    return calendar.due(since, duration)


def _stops(clock: Clock, policy: Policy, pauses: Sequence[Pause]) -> Sequence[Pause]:
    """The pauses in which the clock stands still."""
    if not pauses or not policy.pause:
        return ()
    return tuple(pause for pause in pauses if is_stop(clock, policy, pause))


def is_stop(clock: Clock, policy: Policy, pause: Pause) -> bool:
    """Whether the clock stands still in this pause, as far as it runs then."""
    begins = not policy.later_pauses or pause.since >= clock.started_at
    return begins and pause.state in policy.pause


def _due(clock: Clock, policy: Policy, stops: Sequence[Pause]) -> datetime | None:
    due = None if policy.duration is None else _run(clock, policy, policy.duration, stops)
    if clock.cut_at is None:
        return due
    return clock.cut_at if due is None else min(due, clock.cut_at)


def _run(
    clock: Clock, policy: Policy, duration: timedelta, stops: Sequence[Pause]
) -> datetime | None:
    """When the clock has used up `duration` of its target."""
    since = clock.running_since or clock.started_at
    if clock.spent:
        duration = max(duration - clock.spent, ZERO)
    return reached(policy.calendar, since, duration, stops)


def _next(
    clock: Clock, due: datetime | None, policy: Policy, stops: Sequence[Pause]
) -> Lapse | None:
    """The next lapse of a clock: a warning, the breach, then the ladder's rungs."""
    if clock.lapsed_at is None:
        mark = _untold(clock, policy)
        at = None if mark is None else _run(clock, policy, mark.used, stops)
        if at is not None and (due is None or at <= due):
            return Lapse(LapseKind.WARNING, 0, at, mark)
        return None if due is None else Lapse(LapseKind.BREACHED, 0, due)
    rung = next((rung for rung in policy.rungs if rung.level > clock.level), None)
    if due is None or rung is None:
        return None
    at = reached(ALWAYS, due, rung.after + clock.held, stops)
    return None if at is None else Lapse(LapseKind.ESCALATED, rung.level, at)


def _untold(clock: Clock, policy: Policy) -> Mark | None:
    """The policy's first warning that is yet to be told; older versions told `warned` of them."""
    told = clock.warnings
    marks = policy.marks[clock.warned :] if clock.warned else policy.marks
    for mark in marks:
        if mark.name not in told:
            return mark
    return None


def _after(clock: Clock, lapse: Lapse) -> Clock:
    if lapse.mark is not None:
        return msgspec.structs.replace(clock, warnings=(*clock.warnings, lapse.mark.name))
    if lapse.kind is LapseKind.BREACHED:
        return msgspec.structs.replace(clock, lapsed_at=lapse.at)
    return msgspec.structs.replace(clock, level=lapse.level)


def notifying(lapses: Sequence[Lapse]) -> Lapse | None:
    """Of what is overdue together, in order, the one that notifies: the highest level.

    Before the breach it is the latest warning; of the breach itself the ladder's levels tell.
    """
    last = lapses[-1] if lapses else None
    return None if last is None or last.kind is LapseKind.BREACHED else last


def modern(clocks: tuple[Clock, ...]) -> tuple[tuple[Clock, ...], tuple[Pause, ...]]:
    """What older versions stored, and the pause in which they left it.

    They kept the time that was spent, not the pauses: such a clock counts on from there. Its breach
    stays where it was.
    """
    paused_at = max((one.paused_at for one in clocks if one.paused_at is not None), default=None)
    changed = tuple(
        msgspec.structs.replace(
            one,
            running_since=one.running_since or one.paused_at,
            paused_at=None,
            cut_at=one.cut_at or one.lapsed_at,
        )
        if one.running_since is not None or one.paused_at is not None
        else one
        for one in clocks
    )
    return changed, () if paused_at is None else (Pause("pending", paused_at),)
