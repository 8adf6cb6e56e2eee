"""What has lapsed is told, and the ladder does what it says: raise the ticket, move it."""

from datetime import datetime

from router.core import clocks, moves
from router.core.desk import Turn
from router.core.pools import transfer
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
            ticket = moves.raise_priority(turn, ticket, rung.raise_priority)
        if rung.move_to is not None and rung.move_to != ticket.queue:
            moved = transfer(turn, ticket, rung.move_to, None, "escalated")
            if moved is None:
                return None
            ticket = moved
    return ticket
