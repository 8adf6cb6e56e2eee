"""Missed chats: the customer leaves before anybody has answered, and is to be called back.

The ticket goes on, in the queue that the rulebook names for it, as another type under another
SLA: its clocks begin anew, in a new cycle. Whoever comes back before the call finds the chat
where it was.
"""

from datetime import datetime
from typing import NamedTuple

from channels.request import CustomerRequest
from router.core import clocks, escalation, moves
from router.core.entities.aftercare import Left, Sign
from router.core.entities.ticket import Ticket
from router.core.lifecycle import TicketState
from router.core.tending import care_of, tended
from router.core.turn import Turn

_SIGNS_OF_LIFE = frozenset({"message", "returned"})


class Goal(NamedTuple):
    """Where a ticket goes, what it is there, and why."""

    queue: str
    type: str | None
    sla: str | None
    reason: str


def heard(turn: Turn, ticket: Ticket, request: CustomerRequest) -> Ticket:
    """Remember the customer's latest sign; it is acted upon by a timer.

    For it ends clocks: what an agent did before, and what lapsed before, must have been read.
    """
    care, is_left = ticket.aftercare, request.kind == "left"
    if care is None:
        return tended(turn, ticket, sign=_sign(request)) if is_left else ticket
    if not is_left and (request.kind not in _SIGNS_OF_LIFE or request.automatic):
        return ticket
    known = [one.at for one in (care.sign, care.left) if one is not None]
    if not (is_left or known) or any(at > request.received_at for at in known):
        return ticket
    return tended(turn, ticket, sign=_sign(request))


def _sign(request: CustomerRequest) -> Sign:
    return Sign(left=request.kind == "left", at=request.received_at)


def due(turn: Turn, ticket: Ticket, before: datetime) -> Ticket:
    """Act upon a sign from before `before`; what lapsed before the sign comes first.

    Where the ladder moves the ticket for that, the sign waits until it has.
    """
    sign = None if ticket.aftercare is None else ticket.aftercare.sign
    if sign is None or sign.at >= before or escalation.would_move(turn, ticket, sign.at):
        return ticket
    goal, kept = _after_leaving(turn, ticket, sign.at) if sign.left else _after_return(turn, ticket)
    if goal is not None:
        here = escalation.lapsed(turn, ticket, sign.at)
        assert here is not None  # noqa: S101 - the ladder does not move it: see above
        ticket = here
    ticket = tended(turn, ticket, sign=None, left=kept)
    return ticket if goal is None else _moved(turn, ticket, goal, sign.at)


def _after_leaving(turn: Turn, ticket: Ticket, at: datetime) -> tuple[Goal | None, Left | None]:
    """Where the ticket goes now that its customer has left, and what is kept for their return."""
    missed = turn.desk.queue(ticket.queue).missed
    if missed is None or ticket.answered or not _is_free(ticket):
        return None, care_of(ticket).left
    types = turn.desk.compiled.rulebook.types
    of_type = types[missed.type].sla if missed.type else None
    sla = missed.sla or of_type or ticket.sla
    kept = Left(at=at, queue=ticket.queue, to=missed.queue, type=ticket.type, sla=ticket.sla)
    return Goal(missed.queue, missed.type or ticket.type, sla, "missed"), kept


def _after_return(turn: Turn, ticket: Ticket) -> tuple[Goal | None, None]:
    left = care_of(ticket).left
    if left is None or ticket.queue != left.to or not _is_free(ticket):
        return None, None
    if turn.desk.compiled.pool_of.get(left.queue) != ticket.pool:
        return None, None
    return Goal(left.queue, left.type, left.sla, "returned"), None


def _is_free(ticket: Ticket) -> bool:
    """Whether nobody has the ticket in hand yet."""
    return ticket.waits or ticket.state is TicketState.OFFERED


def _moved(turn: Turn, ticket: Ticket, goal: Goal, at: datetime) -> Ticket:
    """Give the ticket to another queue; what was promised before is over."""
    ticket = moves.release(turn, ticket, goal.reason)
    ticket = clocks.anew(turn, ticket, at, goal.reason, type=goal.type, sla=goal.sla)
    return moves.transfer(turn, ticket, goal.queue, None, goal.reason)
