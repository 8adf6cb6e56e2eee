"""The clocks of a ticket: started, met, paused, moved by events; their lapses and the ladder."""

from datetime import datetime
from typing import Any

from router.core import notices, sla
from router.core.desk import Turn
from router.core.events import (
    SlaBreached,
    SlaChanged,
    SlaCleared,
    SlaEscalated,
    SlaEvent,
    SlaMet,
    SlaPaused,
    SlaResumed,
    SlaStarted,
    SlaWarning,
)
from router.core.sla import QUEUE_TIME, Clock, Lapse, LapseKind, Policy
from router.core.tickets import Ticket
from router.topics import SLA_ESCALATIONS

FIRST, NEXT, RESOLUTION = "first_response", "next_response", "resolution"


def start(turn: Turn, ticket: Ticket, targets: tuple[str, ...], at: datetime) -> Ticket:
    """Start a clock for each target that the ticket's SLA names, in the ticket's present cycle."""
    started = begun(turn, ticket, targets, at)
    if started:
        ticket = turn.save(ticket, clocks=(*ticket.clocks, *started))
        announce(turn, ticket, started)
    return ticket


def begun(turn: Turn, ticket: Ticket, targets: tuple[str, ...], at: datetime) -> tuple[Clock, ...]:
    """The clocks that start at `at`, not yet the ticket's."""
    return tuple(
        sla.start(target, ticket.cycle, at, policy)
        for target in targets
        if (policy := turn.desk.policy(ticket, target)) is not None
    )


def of_new(turn: Turn, ticket: Ticket, at: datetime) -> tuple[Clock, ...]:
    """A ticket was created at `at`: first response, resolution and the procedure's steps run."""
    steps = (f"step:{step}" for step in turn.desk.steps(ticket.type))
    return begun(turn, ticket, (FIRST, RESOLUTION, *steps), at)


def announce(turn: Turn, ticket: Ticket, started: tuple[Clock, ...]) -> None:
    """Say that these clocks have started."""
    for clock in started:
        _emit(turn, SlaStarted, ticket, clock, sla=ticket.sla)


def queue_time_lapsed(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """Nobody could be found for the ticket by `at`: operations are told, the ladder begins."""
    policy = turn.desk.queue_time(ticket)
    clock = sla.lapsed(QUEUE_TIME, ticket.parked, ticket.chain_since, at, policy)
    ticket = turn.save(ticket, clocks=(*ticket.clocks, clock))
    _emit_lapse(turn, ticket, clock, Lapse(LapseKind.BREACHED, 0, at), loud=True)
    return ticket


def customer_wrote(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """The customer wrote again: after an answer, the oldest unanswered message starts a clock."""
    if ticket.waiting_since is not None:
        return ticket
    ticket = turn.save(ticket, waiting_since=at)
    if not ticket.answered and ticket.cycle == 0:
        return ticket  # the first response is still awaited
    ticket = turn.save(ticket, cycle=ticket.cycle + 1)
    return start(turn, ticket, (NEXT,), at)


def met(turn: Turn, ticket: Ticket, targets: tuple[str, ...]) -> Ticket:
    """What these targets wait for has happened at the turn's instant: their clocks end."""
    return _end(turn, ticket, targets, "met")


def ended(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """Every clock that still runs ends without having been met."""
    return _end(turn, ticket, tuple(clock.target for clock in ticket.clocks), reason)


def _end(turn: Turn, ticket: Ticket, targets: tuple[str, ...], reason: str) -> Ticket:
    over = [clock for clock in ticket.clocks if clock.target in targets]
    if not over:
        return ticket
    left = tuple(clock for clock in ticket.clocks if clock.target not in targets)
    ticket = turn.save(ticket, clocks=left)
    for clock in over:
        if reason == "met":
            _emit(turn, SlaMet, ticket, clock, in_time=clock.lapsed_at is None)
        if clock.alarmed:
            _emit(turn, SlaCleared, ticket, clock, SLA_ESCALATIONS, reason=reason)
    return ticket


def found(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """The ticket no longer waits where nobody was found for it."""
    return _end(turn, ticket, (QUEUE_TIME,), reason)


def paused(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket waits for the customer: its clocks stop if its SLA says so."""
    return _moved(turn, ticket, turn.at, pausing=True) if turn.desk.pauses(ticket) else ticket


def resumed(turn: Turn, ticket: Ticket, at: datetime | None = None) -> Ticket:
    """The ticket is worked on again: clocks that stopped count on from `at`, or from now."""
    return _moved(turn, ticket, turn.at if at is None else at, pausing=False)


def _moved(turn: Turn, ticket: Ticket, at: datetime, *, pausing: bool) -> Ticket:
    clocks: list[Clock] = []
    moved: list[Clock] = []
    for clock in ticket.clocks:
        policy = turn.desk.policy(ticket, clock.target)
        change = sla.pause if pausing else sla.resume
        after = clock if policy is None else change(clock, at, policy)
        clocks.append(after)
        if after is not clock:
            moved.append(after)
    if not moved:
        return ticket
    ticket = turn.save(ticket, clocks=tuple(clocks))
    for clock in moved:
        _emit(turn, SlaPaused if pausing else SlaResumed, ticket, clock)
    return ticket


def remeasure(turn: Turn, before: dict[str, Policy | None], ticket: Ticket) -> Ticket:
    """The rulebook (or the ticket's SLA) has changed: measure by the new one, in the same cycle.

    `before` holds the policy of each clock until now. A target that is no longer named ends.
    """
    gone = [c.target for c in ticket.clocks if turn.desk.policy(ticket, c.target) is None]
    ticket = _end(turn, ticket, tuple(gone), "changed")
    clocks, changed = [], []
    for clock in ticket.clocks:
        old, new = before.get(clock.key), turn.desk.policy(ticket, clock.target)
        if old is not None and new is not None and old != new:
            clock = sla.reschedule(clock, turn.at, old, new)  # noqa: PLW2901
            changed.append(clock)
        clocks.append(clock)
    if not changed:
        return ticket
    ticket = turn.save(ticket, clocks=tuple(clocks))
    for clock in changed:
        _emit(turn, SlaChanged, ticket, clock, sla=ticket.sla)
    return ticket


def lapse(turn: Turn, ticket: Ticket, before: datetime) -> tuple[Ticket, list[int]]:
    """Record what has lapsed before `before`; returns the ladder's levels that were reached."""
    clocks: list[Clock] = []
    found: list[tuple[Clock, Lapse]] = []
    loudest: set[tuple[str, Lapse]] = set()
    for clock in ticket.clocks:
        policy = turn.desk.policy(ticket, clock.target)
        after, lapses = (clock, []) if policy is None else sla.advance(clock, before, policy)
        clocks.append(after)
        found += [(after, one) for one in lapses]
        if (notifying := sla.notifying(lapses)) is not None:
            loudest.add((clock.key, notifying))
    if tuple(clocks) == ticket.clocks:
        return ticket, []
    ticket = turn.save(ticket, clocks=tuple(clocks))
    found.sort(key=lambda pair: pair[1].at)
    for clock, one in found:
        _emit_lapse(turn, ticket, clock, one, loud=(clock.key, one) in loudest)
    return ticket, [one.level for _, one in found if one.kind is LapseKind.ESCALATED]


def _emit_lapse(turn: Turn, ticket: Ticket, clock: Clock, one: Lapse, *, loud: bool) -> None:
    identity = f"{ticket.id}/{clock.target}/{clock.cycle}/{one.kind.value}/{one.level}"
    fields: dict[str, Any] = {"id": identity, "lapsed_at": one.at, "detected_at": turn.now}
    if one.kind is LapseKind.BREACHED:
        _emit(turn, SlaBreached, ticket, clock, SLA_ESCALATIONS, **fields)
        return
    notify = tuple(_whom(turn, ticket, one)) if loud else ()
    if one.kind is LapseKind.WARNING:
        said: dict[str, Any] = {"share": one.share}
        _emit(turn, SlaWarning, ticket, clock, SLA_ESCALATIONS, notify=notify, **said, **fields)
    else:
        said = {"level": one.level}
        _emit(turn, SlaEscalated, ticket, clock, SLA_ESCALATIONS, notify=notify, **said, **fields)
    if notify:
        notices.tell(
            turn, ticket, notify, id=identity, target=clock.target, cycle=clock.cycle,
            due_at=clock.due_at, lapsed_at=one.at, **said,
        )  # fmt: skip


def _whom(turn: Turn, ticket: Ticket, one: Lapse) -> list[str]:
    """Whom a warning, or a level of the ladder, notifies."""
    if one.kind is LapseKind.WARNING:
        return turn.desk.warned(ticket.sla)
    rungs = {rung.level: rung for rung in turn.desk.ladder(ticket.sla)}
    return rungs[one.level].notify


def _emit(
    turn: Turn, kind: type[SlaEvent], ticket: Ticket, clock: Clock, *topics: str, **fields: Any
) -> None:
    turn.emit(
        kind, ticket, *topics, target=clock.target, cycle=clock.cycle,
        due_at=clock.due_at, agent=ticket.agent, **fields,
    )  # fmt: skip


def policies(turn: Turn, ticket: Ticket) -> dict[str, Policy | None]:
    """The policy of each of the ticket's clocks now, for `remeasure`."""
    return {clock.key: turn.desk.policy(ticket, clock.target) for clock in ticket.clocks}
