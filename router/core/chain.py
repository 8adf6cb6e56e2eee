"""A queue's chain of targets: with the time a ticket waits, skills are relaxed and queues widened.

The times of the steps are cumulative since the ticket came to the queue (TaskRouter's targets). A
step may be passed over when nobody is there for it, and may give the ticket to another queue,
which is the overflow between pools; at the end of the chain the ticket is parked and escalated.
"""

from collections.abc import Sequence
from datetime import datetime

from router.core import clocks, escalation, moves
from router.core.entities.clock import ZERO
from router.core.entities.ticket import Ticket
from router.core.events import TicketOverflowed
from router.core.pools import transfer
from router.core.turn import Turn
from rules.people import QueueTarget


def due(turn: Turn, ticket: Ticket | None, before: datetime) -> None:
    """Every step whose time ended strictly before `before`, each after what lapsed before it."""
    while ticket is not None and ticket.waits:
        at = ticket.relax_at
        if at is None or at >= before:
            return
        here = escalation.lapsed(turn, ticket, at)
        if here is ticket:
            relax(turn, ticket, at)
        ticket = turn.desk.tickets.get(ticket.id)


def relax(turn: Turn, ticket: Ticket, at: datetime) -> None:
    """A step of the ticket's chain is over at `at`: relax, widen, move on, or park at the end."""
    targets = turn.desk.targets(ticket.queue)
    if ticket.place + 1 >= len(targets):
        moves.park(turn, ticket, "targets_exhausted", at)
        return
    elsewhere = targets[ticket.place + 1].move_to
    if elsewhere is not None:
        transfer(turn, ticket, elsewhere, None, "overflowed")
        return
    before = turn.desk.places(ticket)
    ticket = moves.chained(turn, ticket, place=ticket.place + 1)
    need = turn.desk.need(ticket)
    moves.show_anew(turn, ticket, before)
    turn.emit_queue(
        TicketOverflowed, ticket, target=ticket.place, skills=dict(need.skills), places=need.places
    )
    gone = [place for place in before if place not in need.places]
    moves.take_down(turn, ticket, gone, "overflowed")


def enter(turn: Turn) -> None:
    """Steps that are over before anybody is asked: by time, passed over, or a way elsewhere."""
    while turn.entering:
        ticket = turn.desk.tickets.get(turn.entering.popitem()[0])
        target = turn.desk.target(ticket) if ticket is not None else None
        if ticket is None or target is None or not ticket.waits:
            continue
        if target.move_to is not None:
            transfer(turn, ticket, target.move_to, None, "overflowed")
        elif clocks.chain_ended(ticket):
            continue
        elif moves.step_is_over(turn, ticket) or _is_skipped(turn, ticket, target):
            relax(turn, ticket, turn.instant(ticket))


def _is_skipped(turn: Turn, ticket: Ticket, target: QueueTarget) -> bool:
    need = turn.desk.need(ticket)
    return target.skip_if is not None and not turn.desk.candidates.available(need)


def step_anew(turn: Turn, ticket: Ticket) -> Ticket:
    """Give the chain's present step its whole time again: nobody was there to be asked."""
    passed = turn.desk.targets(ticket.queue)[: ticket.place]
    since = turn.now - sum((target.for_ or ZERO for target in passed), ZERO)
    return moves.chained(turn, ticket, chain_since=since)


def rechain(turn: Turn, ticket: Ticket, before: Sequence[str], *, was_mixed: bool) -> Ticket:
    """The rulebook has changed: the chain's step is what it is there now, and its queues know.

    `before` are the queues whose desktops have seen the ticket until now. A queue that `was_mixed`
    had a step before its `targets`.
    """
    last = max(len(turn.desk.targets(ticket.queue)) - 1, 0)
    place = ticket.place
    if place:
        place += (turn.desk.queue(ticket.queue).mode == "mixed") - was_mixed
    if min(place, last) != ticket.place:
        ticket = turn.save(ticket, place=min(place, last))
    at = moves.relax_at(turn, ticket) if ticket.waits or ticket.offer else None
    if at != ticket.relax_at:
        ticket = turn.save(ticket, relax_at=at)
    # Whether the step is over by time is its timer's to say: earlier commands may still be unread.
    target = turn.desk.target(ticket)
    if target is not None and target.move_to is not None:
        turn.entering[ticket.id] = None
    moves.show_anew(turn, ticket, before)
    here = turn.desk.places(ticket)
    moves.take_down(turn, ticket, [place for place in before if place not in here], "queue_removed")
    return ticket
