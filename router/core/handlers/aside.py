"""A ticket is set aside, pending or on hold; time, or the customer, makes it go on."""

from datetime import datetime, timedelta

from router.core import clocks, moves, pools
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.events import TicketHeld, TicketPending
from router.core.handlers import work
from router.core.handlers.checks import own_ticket
from router.core.lifecycle import TicketState, Trigger
from router.core.turn import Turn

LONGEST = timedelta(days=366)
"""No ticket is set aside for longer at once."""


def pending(turn: Turn, command: Command) -> None:
    """The ticket waits for the customer; it no longer takes up the agent's capacity."""
    _set_aside(turn, command, Trigger.PENDING, TicketPending)


def hold(turn: Turn, command: Command) -> None:
    """The ticket waits for a third party, which the customer need not know."""
    _set_aside(turn, command, Trigger.HELD, TicketHeld)


def _set_aside(
    turn: Turn, command: Command, trigger: Trigger, kind: type[TicketPending | TicketHeld]
) -> None:
    ticket = own_ticket(turn, command, trigger)
    until = command.until
    asked = turn.asked or turn.at
    if until is not None and (until.tzinfo is None or not asked < until <= asked + LONGEST):
        raise Rejected(Rejection.FIELD_INVALID)
    moves.put_down(turn, ticket, done=False)
    ticket = turn.save(ticket, trigger, return_at=None, until=until)
    turn.emit(kind, ticket, agent=command.agent, reason=command.reason, until=until)
    clocks.paused(turn, ticket)
    turn.freed[command.agent] = None


def customer_wrote(
    turn: Turn, ticket: Ticket, received: datetime, at: datetime | None = None
) -> None:
    """A customer waits for an answer since `received`; what waited for them goes on (from `at`).

    What is on hold waits for somebody else: its agent sees the message and decides. An agent who
    is offline does not see it, so then the ticket goes back to its queue. Whoever waited until an
    instant did so at the latest until then.
    """
    at = at or received
    if ticket.until is not None and ticket.set_aside:
        at = min(at, ticket.until)
    if ticket.state is TicketState.RESOLVED:
        ticket = work.reopened(turn, ticket, "customer", received)
        pools.settle(turn, clocks.customer_wrote(turn, ticket, received))
        return
    if ticket.state is TicketState.PENDING:
        ticket = _goes_on(turn, ticket, "customer_replied", at)
    elif ticket.state is TicketState.ON_HOLD and _is_offline(turn, ticket):
        ticket = moves.requeue(turn, ticket, "customer_replied", at)
    clocks.customer_wrote(turn, ticket, received)


def _is_offline(turn: Turn, ticket: Ticket) -> bool:
    return turn.desk.agent(ticket.agent or "").presence == "offline"


def due(turn: Turn, ticket: Ticket, before: datetime) -> Ticket:
    """Before `before` the instant has come, or not, until which the ticket was set aside."""
    if ticket.set_aside and ticket.until is not None and ticket.until < before:
        return _goes_on(turn, ticket, "until", ticket.until)
    return ticket


def _goes_on(turn: Turn, ticket: Ticket, reason: str, at: datetime) -> Ticket:
    """With its agent, if they are there and have room for it; else it waits for another."""
    state = turn.desk.agent(ticket.agent or "")
    if state.presence == "available" and work.has_room(turn, ticket):
        return work.resumed(turn, ticket, reason, at)
    return moves.requeue(turn, ticket, reason, at)
