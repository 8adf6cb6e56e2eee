"""Work after the work: a resolved ticket takes up its agent until it is wrapped up."""

from router.core import moves
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.clock import ZERO
from router.core.entities.ticket import Ticket
from router.core.events import TicketWrappedUp
from router.core.handlers.checks import ticket_of
from router.core.lifecycle import TicketState
from router.core.turn import Turn


def began(turn: Turn, ticket: Ticket) -> dict[str, object]:
    """What is different of a ticket that is resolved: nothing wraps up what was in no hands."""
    span = turn.desk.queue(ticket.queue).wrap_up_of(ticket.channel)
    if span == ZERO or ticket.state is not TicketState.ASSIGNED:
        return {"weight": 0}
    return {"wrapping_until": turn.now + span}


def wrap_up(turn: Turn, command: Command) -> None:
    """The agent is done with the work after a ticket; without a ticket, after all of theirs."""
    if command.ticket is not None:
        ticket = ticket_of(turn, command)
        if ticket.wrapping_until is None:
            raise Rejected(Rejection.WRONG_STATE)
        if ticket.agent != command.agent:
            raise Rejected(Rejection.NOT_YOURS)
        over(turn, ticket, "command")
    elif not all_over(turn, command.agent, "command"):
        raise Rejected(Rejection.WRONG_STATE)


def all_over(turn: Turn, agent: str, reason: str) -> bool:
    """End whatever the agent wraps up; returns whether there was anything."""
    held = [turn.desk.tickets.rows[key] for key in turn.desk.loads.held(agent)]
    wrapping = [ticket for ticket in held if ticket.wrapping_until is not None]
    for ticket in wrapping:
        over(turn, ticket, reason)
    return bool(wrapping)


def over(turn: Turn, ticket: Ticket, reason: str) -> Ticket:
    """The ticket no longer takes up its agent, who may have other work."""
    agent = ticket.agent or ""
    ticket = turn.save(ticket, weight=0, wrapping_until=None)
    turn.emit(TicketWrappedUp, ticket, agent=agent, reason=reason)
    moves.busy(turn, agent)
    turn.freed[agent] = None
    return ticket
