"""The clocks of a ticket: started, met, paused, moved by events; their lapses and the ladder.

At most one clock of a target runs at a time. What runs is a function of the ticket
(`router.core.owed`).
"""

from collections.abc import Container
from datetime import datetime
from typing import Any

import msgspec

from router.core import notices, sla
from router.core.entities.clock import Clock, Lapse, LapseKind, Pause, Policy
from router.core.entities.ticket import MOST_PAUSES, Ticket
from router.core.events import (
    SlaAcknowledged,
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
from router.core.owed import FIRST, LATER, NEXT, PERIODIC, SETTLED, cycle_of, owed_since, owes_first
from router.core.sla import ACCEPT, QUEUE_TIME
from router.core.terms import Promised
from router.core.turn import Turn
from router.topics import SLA_ESCALATIONS


def start(turn: Turn, ticket: Ticket, targets: tuple[str, ...], at: datetime) -> Ticket:
    """Start a clock for each target that the ticket's SLA names, in its present cycle."""
    started = begun(turn, ticket, targets, at)
    if started:
        names = {clock.target for clock in started}
        kept = tuple(clock for clock in ticket.clocks if clock.target not in names)
        ticket = turn.save(ticket, clocks=(*kept, *started))
        announce(turn, ticket, started)
    return ticket


def begun(turn: Turn, ticket: Ticket, targets: tuple[str, ...], at: datetime) -> tuple[Clock, ...]:
    """The clocks that start at `at`, not yet the ticket's."""
    promised = turn.desk.promised(ticket)
    return tuple(
        sla.start(target, cycle_of(ticket, target), at, policy, ticket.pauses)
        for target in targets
        if (policy := promised.get(target)) is not None and policy.duration is not None
    )


def of_new(turn: Turn, ticket: Ticket, at: datetime) -> tuple[Clock, ...]:
    """A ticket was created at `at`: responses, resolution, queue and the procedure's steps run."""
    return begun(turn, ticket, tuple(filter(_at_once, turn.desk.promised(ticket))), at)


def _at_once(target: str) -> bool:
    return target not in LATER and not target.startswith(ACCEPT)


def anew(turn: Turn, ticket: Ticket, at: datetime, reason: str, **changes: Any) -> Ticket:
    """What was promised is over; what is promised of the ticket with `changes` runs from `at`.

    In a new cycle; its time in the queue begins when it comes to one.
    """
    ticket, cycle = ended(turn, ticket, reason, at), ticket.cycle + 1
    changes |= {"cycle": cycle, "opened": cycle, "first": cycle}
    changes |= {"opened_at": at, "replied_at": None}
    ticket = turn.save(ticket, **changes)
    targets = filter(_at_once, turn.desk.promised(ticket))
    return start(turn, ticket, tuple(one for one in targets if one != QUEUE_TIME), at)


def announce(turn: Turn, ticket: Ticket, started: tuple[Clock, ...]) -> None:
    """Say that these clocks have started."""
    for clock in started:
        _emit(turn, SlaStarted, ticket, clock, sla=ticket.sla)


def coming(ticket: Ticket, at: datetime, reason: str = "") -> dict[str, Any]:
    """What is saved of a ticket that comes to a queue at `at`; then `queues`.

    Where the ladder moves it its time in the queue does not begin anew: or the ladder would, too.
    """
    since = None if reason == "escalated" else ticket.once_here(at)
    return {"comings": ticket.comings + 1, "queued_at": since}


def queues(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket has come to a queue, at `queued_at`: its time there runs, if not already."""
    at = owed_since(ticket, QUEUE_TIME)
    runs = any(clock.target == QUEUE_TIME and not clock.dropped for clock in ticket.clocks)
    return ticket if runs or at is None else start(turn, ticket, (QUEUE_TIME,), at)


def queue_time_lapsed(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """Nobody could be found for the ticket by `at`: operations are told, the ladder begins.

    If its time in the queue is over already, they have been told, and the ladder goes on.
    """
    ticket, _ = lapse(turn, ticket, at, (QUEUE_TIME,))
    policy = turn.desk.promised(ticket)[QUEUE_TIME]
    since = owed_since(ticket, QUEUE_TIME) or at
    fresh = Clock(target=QUEUE_TIME, cycle=cycle_of(ticket, QUEUE_TIME), started_at=since)
    before = next((clock for clock in ticket.clocks if clock.target == QUEUE_TIME), fresh)
    clock = sla.cut(before, at, policy, ticket.pauses)
    kept = tuple(clock for clock in ticket.clocks if clock.target != QUEUE_TIME)
    ticket = turn.save(ticket, clocks=(*kept, clock))
    if before.lapsed_at is None:
        _emit_lapse(turn, ticket, clock, Lapse(LapseKind.BREACHED, 0, at), loud=True)
    return ticket


def chain_ended(ticket: Ticket) -> bool:
    """Whether its queue's chain of targets has come to its end for the ticket."""
    return any(clock.target == QUEUE_TIME and clock.cut_at is not None for clock in ticket.clocks)


def customer_wrote(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """The customer wrote again: after an answer, the oldest unanswered message starts a clock."""
    if ticket.waiting_since is not None:
        return _waits_since(turn, ticket, at) if at < ticket.waiting_since else ticket
    ticket = turn.save(ticket, waiting_since=at)
    if owes_first(ticket):
        return ticket
    ticket = turn.save(ticket, cycle=ticket.cycle + 1)
    return start(turn, ticket, (NEXT,), at)


def _waits_since(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """An older message than was known waits for its answer: the next response counts from that."""
    promised = turn.desk.promised(ticket)
    older = {
        clock.key: _measured(msgspec.structs.replace(clock, started_at=at), promised, ticket.pauses)
        for clock in ticket.clocks
        if clock.target == NEXT
    }
    clocks = tuple(older.get(clock.key, clock) for clock in ticket.clocks)
    ticket = turn.save(ticket, waiting_since=at, clocks=clocks)
    for clock in older.values():
        if not clock.dropped:
            _emit(turn, SlaChanged, ticket, clock, sla=ticket.sla)
    return ticket


def replied(turn: Turn, ticket: Ticket) -> Ticket:
    """An agent has answered, at `replied_at`: responses are met, the time to the next one runs."""
    ticket = met(turn, ticket, (FIRST, NEXT, PERIODIC))
    return start(turn, ticket, (PERIODIC,), turn.at)


def step_done(turn: Turn, ticket: Ticket, step: str) -> Ticket:
    """A step of the procedure is done, for good: its clock is met."""
    if step not in ticket.steps_done:
        ticket = turn.save(ticket, steps_done=(*ticket.steps_done, step))
    return met(turn, ticket, (f"step:{step}",))


def reopened(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    """The ticket is open again since `at`, in the cycle `opened`."""
    return start(turn, ticket, (*SETTLED, QUEUE_TIME), at)


def met(turn: Turn, ticket: Ticket, targets: tuple[str, ...]) -> Ticket:
    """What these targets wait for has happened at the turn's instant: their clocks end."""
    return _end(turn, ticket, targets, "met", met=True)


def ended(turn: Turn, ticket: Ticket, reason: str, at: datetime | None = None) -> Ticket:
    """Every clock that still runs ends without having been met, at `at` or now."""
    ticket = _end(turn, ticket, tuple(clock.target for clock in ticket.clocks), reason, at=at)
    return turn.save(ticket, pauses=()) if ticket.pauses else ticket


def dropped(turn: Turn, ticket: Ticket, targets: tuple[str, ...], reason: str) -> Ticket:
    """What these targets wait for is no longer wanted."""
    return _end(turn, ticket, targets, reason)


def found(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """The ticket no longer waits in its queue: `assigned`, or `transferred` to another."""
    return _end(turn, ticket, (QUEUE_TIME,), reason, met=reason == "assigned")


def _end(
    turn: Turn,
    ticket: Ticket,
    targets: tuple[str, ...],
    reason: str,
    *,
    met: bool = False,
    at: datetime | None = None,
) -> Ticket:
    """Clocks of these targets end; whatever ends them, what has lapsed of them by then is told."""
    over = [clock for clock in ticket.clocks if clock.target in targets]
    if not over:
        return ticket
    end = turn.at if at is None else at
    if any([clock.next_at is not None and clock.next_at < end for clock in over]):
        ticket, _ = lapse(turn, ticket, end, targets)
        over = [clock for clock in ticket.clocks if clock.target in targets]
    left = tuple(clock for clock in ticket.clocks if clock.target not in targets)
    ticket = turn.save(ticket, clocks=left)
    for clock in over:
        if met and _is_named(clock, turn.desk.policy(ticket, clock.target)):
            _emit(turn, SlaMet, ticket, clock, in_time=clock.lapsed_at is None)
        if clock.alarmed:
            _emit(turn, SlaCleared, ticket, clock, SLA_ESCALATIONS, reason=reason)
    return ticket


def _is_named(clock: Clock, policy: Policy | None) -> bool:
    """Whether the clock measures a target that the SLA names."""
    return not clock.dropped and policy is not None and policy.duration is not None


def paused(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket has come to a state in which it waits: clocks stop if its SLA says so."""
    state = ticket.state.value
    pause = Pause(_STATES.get(state, state), turn.at)
    known = _resumed(ticket.pauses, turn.at)
    if known != ticket.pauses and known[-1].state == pause.state:
        return ticket  # it stands in it already
    return _moved(turn, ticket, (*known, pause))


def resumed(turn: Turn, ticket: Ticket, at: datetime | None = None) -> Ticket:
    """The ticket is worked on again: clocks that stopped count on from `at`, or from now."""
    if not ticket.pauses or ticket.pauses[-1].until is not None:
        return ticket
    return _moved(turn, ticket, _resumed(ticket.pauses, turn.at if at is None else at))


_STATES = {"on_hold": "on-hold"}
"""Ticket states whose names an SLA's `pause` writes otherwise."""


def _resumed(pauses: tuple[Pause, ...], at: datetime) -> tuple[Pause, ...]:
    """`pauses`, the last of them over at `at` if it was not, though not before it began."""
    if not pauses or pauses[-1].until is not None:
        return pauses
    *earlier, last = pauses
    return (*earlier, msgspec.structs.replace(last, until=max(at, last.since)))


def _moved(turn: Turn, ticket: Ticket, pauses: tuple[Pause, ...]) -> Ticket:
    """Save the ticket with `pauses`, and tell of the clocks that stop or count on."""
    before, pauses = ticket.pauses, pauses[-MOST_PAUSES:]
    promised = turn.desk.promised(ticket)
    clocks = tuple(_measured(clock, promised, pauses) for clock in ticket.clocks)
    ticket = turn.save(ticket, pauses=pauses, clocks=clocks)
    for clock in clocks:
        if not clock.dropped:
            stands = _stands(clock, promised[clock.target], pauses)
            if stands != _stands(clock, promised[clock.target], before):
                _emit(turn, SlaPaused if stands else SlaResumed, ticket, clock)
    return ticket


def _stands(clock: Clock, policy: Policy, pauses: tuple[Pause, ...]) -> bool:
    """Whether the clock stands still at the end of `pauses`."""
    return bool(pauses) and pauses[-1].until is None and sla.is_stop(clock, policy, pauses[-1])


def _measured(clock: Clock, promised: Promised, pauses: tuple[Pause, ...]) -> Clock:
    """`clock` as it is under these promises; dropped, if they have none for it."""
    policy = promised.get(clock.target)
    if policy is None or (policy.duration is None and clock.cut_at is None):
        return sla.drop(clock)
    return sla.measured(clock, policy, pauses)


def remeasure(
    turn: Turn, before: Promised, ticket: Ticket, *, from_elsewhere: bool = False
) -> Ticket:
    """What the ticket is promised has changed: measure by it from the start, in the same cycles.

    `before` is what it was promised until now (`Desk.promised`). A target that is no longer named
    ends, one that is newly named runs as if it had always been. A ticket `from_elsewhere` was
    measured by a rulebook that is not known here.
    """
    promised = turn.desk.promised(ticket)
    if (promised is before and not from_elsewhere) or not ticket.open:
        return ticket
    differs = {name for name in (*before, *promised) if before.get(name) != promised.get(name)}
    pairs = [
        (clock, _measured(clock, promised, ticket.pauses))
        for clock in ticket.clocks
        if from_elsewhere or clock.target in differs
    ]
    added = _added(ticket, before, promised)
    if not pairs and not added:
        return ticket
    changed = {old.key: new for old, new in pairs}
    clocks = tuple(changed.get(clock.key, clock) for clock in ticket.clocks)
    kept = tuple(clock for clock in clocks if not clock.dropped or clock.has_told)
    ticket = turn.save(ticket, clocks=(*kept, *added))
    for old, new in pairs:
        if new.dropped and old.alarmed:
            _emit(turn, SlaCleared, ticket, old, SLA_ESCALATIONS, reason="changed")
        elif not new.dropped and (old != new or new.target in differs):
            _emit(turn, SlaChanged, ticket, new, sla=ticket.sla)
    announce(turn, ticket, added)
    return ticket


def _added(ticket: Ticket, before: Promised, promised: Promised) -> tuple[Clock, ...]:
    """The clocks of newly named targets that run, each from its true start."""
    known = {clock.target for clock in ticket.clocks}
    return tuple(
        sla.start(target, cycle_of(ticket, target), since, policy, ticket.pauses)
        for target, policy in promised.items()
        if policy.duration is not None
        and target not in known
        and _duration(before, target) is None
        and (since := owed_since(ticket, target)) is not None
    )


def _duration(promised: Promised, target: str) -> object:
    policy = promised.get(target)
    return None if policy is None else policy.duration


def lapse(
    turn: Turn, ticket: Ticket, before: datetime, targets: Container[str] | None = None
) -> tuple[Ticket, list[int]]:
    """Record what has lapsed before `before`; returns the ladder's levels that were reached.

    Of some `targets`, or of all.
    """
    clocks: list[Clock] = []
    found: list[tuple[Clock, Lapse]] = []
    loudest: set[tuple[str, Lapse]] = set()
    for clock in ticket.clocks:
        policy = turn.desk.policy(ticket, clock.target)
        after, lapses = clock, list[Lapse]()
        if policy is not None and (targets is None or clock.target in targets):
            after, lapses = sla.advance(clock, before, policy, ticket.pauses)
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


def acknowledged(turn: Turn, ticket: Ticket, targets: tuple[str, ...], by: str) -> Ticket:
    """A supervisor has seen these alarms: what else their ladders reach notifies nobody."""
    seen = {
        clock.key: msgspec.structs.replace(clock, seen_by=by)
        for clock in ticket.clocks
        if clock.alarmed and clock.target in targets
    }
    clocks = tuple(seen.get(clock.key, clock) for clock in ticket.clocks)
    ticket = turn.save(ticket, clocks=clocks)
    for clock in seen.values():
        _emit(turn, SlaAcknowledged, ticket, clock, SLA_ESCALATIONS, by=by)
    return ticket


def _emit_lapse(turn: Turn, ticket: Ticket, clock: Clock, one: Lapse, *, loud: bool) -> None:
    level = one.level if one.mark is None else one.mark.name
    identity = f"{ticket.id}/{clock.target}/{clock.cycle}/{one.kind.value}/{level}"
    fields: dict[str, Any] = {"id": identity, "lapsed_at": one.at, "detected_at": turn.now}
    if one.kind is LapseKind.BREACHED:
        _emit(turn, SlaBreached, ticket, clock, SLA_ESCALATIONS, **fields)
        return
    notify = tuple(_whom(turn, ticket, one)) if loud and clock.seen_by is None else ()
    if one.mark is not None:
        left = one.mark.remaining
        seconds = None if left is None else left.total_seconds()
        said: dict[str, Any] = {"share": one.mark.share}
        fields["remaining_seconds"] = seconds
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
