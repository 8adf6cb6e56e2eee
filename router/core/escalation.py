"""What has lapsed is told, and the ladder does what it says: raise the ticket, move it."""

from datetime import datetime

from router.core import clocks, moves, sla
from router.core.desk import Turn
from router.core.pools import transfer
from router.core.sla import LapseKind
from router.core.tickets import Ticket


def lapsed(turn: Turn, ticket: Ticket, before: datetime) -> Ticket | None:
    """Record what lapsed strictly before `before`, and do what the ladder says.

    None: the ladder has moved the ticket to another pool.
    """
    ticket, levels = clocks.lapse(turn, ticket, before)
    for rung in turn.desk.ladder(ticket.sla):
        if rung.level not in levels or not ticket.open:
            continue
        if rung.raise_priority:
            steps = rung.raise_priority * levels.count(rung.level)
            ticket = moves.raise_priority(turn, ticket, steps)
        if rung.move_to is not None and rung.move_to != ticket.queue:
            moved = transfer(turn, ticket, rung.move_to, None, "escalated")
            if moved is None:
                return None
            ticket = moved
    return ticket


def would_move(turn: Turn, ticket: Ticket, before: datetime) -> bool:
    """Whether something has lapsed before `before` for which the ladder moves the ticket."""
    ladder = turn.desk.ladder(ticket.sla)
    levels = {rung.level for rung in ladder if rung.move_to not in {None, ticket.queue}}
    return any(
        lapse.kind is LapseKind.ESCALATED and lapse.level in levels
        for clock in (ticket.clocks if levels else ())
        if (policy := turn.desk.policy(ticket, clock.target)) is not None
        for lapse in sla.advance(clock, before, policy, ticket.pauses)[1]
    )
