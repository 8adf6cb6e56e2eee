"""Missed chats: the customer leaves before anybody has answered, and is to be called back.

The ticket goes on, in the queue that the rulebook names for it, as another type under another
SLA: its clocks begin anew, in a new cycle. Whoever comes back before the call finds the chat
where it was.
"""

from datetime import datetime
from typing import NamedTuple

from channels.request import CustomerRequest
from router.core import clocks, escalation, moves
from router.core.aftercare import Left, Sign
from router.core.desk import Turn
from router.core.lifecycle import TicketState
from router.core.tending import care_of, tended
from router.core.tickets import Ticket

_SIGNS_OF_LIFE = frozenset({"message", "returned"})


class Goal(NamedTuple):
    """Where a ticket goes, and what it is there."""

    queue: str
    type: str | None
    sla: str | None


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


def due(turn: Turn, ticket: Ticket, before: datetime) -> Ticket | None:
    """Act upon a sign from before `before`; what lapsed before it comes first.

    None: the ladder has moved the ticket to another pool, where the sign waits too.
    """
    sign = None if ticket.aftercare is None else ticket.aftercare.sign
    if sign is None or sign.at >= before:
        return ticket
    here = escalation.lapsed(turn, ticket, sign.at)
    if here is None:
        return None
    here = tended(turn, here, sign=None)
    return _left(turn, here, sign.at) if sign.left else _returned(turn, here, sign.at)


def _returned(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    left = care_of(ticket).left
    if left is None:
        return ticket
    ticket = tended(turn, ticket, left=None)
    is_there = turn.desk.compiled.pool_of.get(left.queue) == ticket.pool
    if ticket.queue != left.to or not _is_free(ticket) or not is_there:
        return ticket
    return _moved(turn, ticket, Goal(left.queue, left.type, left.sla), at, "returned")


def _left(turn: Turn, ticket: Ticket, at: datetime) -> Ticket:
    missed = turn.desk.queue(ticket.queue).missed
    if missed is None or ticket.answered or not _is_free(ticket):
        return ticket
    kept = Left(at=at, queue=ticket.queue, to=missed.queue, type=ticket.type, sla=ticket.sla)
    ticket = tended(turn, ticket, left=kept)
    types = turn.desk.compiled.rulebook.types
    of_type = types[missed.type].sla if missed.type else None
    sla = missed.sla or of_type or ticket.sla
    goal = Goal(missed.queue, missed.type or ticket.type, sla)
    return _moved(turn, ticket, goal, at, "missed")


def _is_free(ticket: Ticket) -> bool:
    """Whether nobody has the ticket in hand yet."""
    return ticket.waits or ticket.state is TicketState.OFFERED


def _moved(turn: Turn, ticket: Ticket, goal: Goal, at: datetime, reason: str) -> Ticket:
    """Give the ticket to another queue; what was promised before is over."""
    ticket = moves.release(turn, ticket, reason)
    ticket = clocks.anew(turn, ticket, at, reason, type=goal.type, sla=goal.sla)
    return moves.transfer(turn, ticket, goal.queue, None, reason)
