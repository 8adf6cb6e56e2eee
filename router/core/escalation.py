"""What has lapsed is told, and the ladder does what it says: raise the ticket, move it."""

from datetime import datetime

from router.core import clocks, moves, sla
from router.core.entities.clock import LapseKind
from router.core.entities.ticket import Ticket
from router.core.pools import transfer
from router.core.turn import Turn


def lapsed(turn: Turn, ticket: Ticket, before: datetime) -> Ticket | None:
    """Record what lapsed strictly before `before`, and do what the ladder says.

    None: the ladder has moved the ticket to another pool.
    """
    ticket, levels = clocks.lapse(turn, ticket, before)
    if not levels or not ticket.open:
        return ticket
    ladder = {rung.level: rung for rung in turn.desk.ladder(ticket.sla)}
    reached = [ladder[level] for level in levels]
    # Each clock's level does its own, whether they are told one by one or together, after downtime.
    ticket = moves.raise_priority(turn, ticket, sum(rung.raise_priority for rung in reached))
    goal = next((rung.move_to for rung in reversed(reached) if rung.move_to is not None), None)
    if goal is None or goal == ticket.queue:
        return ticket
    return transfer(turn, ticket, goal, None, "escalated")


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
