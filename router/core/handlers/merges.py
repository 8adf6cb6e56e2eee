"""Two tickets about one matter become one."""

from router.core import merging
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.handlers import aside
from router.core.handlers.checks import supervises, ticket_named, ticket_of
from router.core.turn import Turn


def merge(turn: Turn, command: Command) -> None:
    """The ticket ends, and its matter goes on as that of `into`, with all that comes for it."""
    ticket = ticket_of(turn, command)
    if command.into is None:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.into == ticket.id:
        raise Rejected(Rejection.FIELD_INVALID)
    into = ticket_named(turn, command.into)
    _fit_together(ticket, into)
    _may(turn, command, ticket, into)
    into = merging.merge(turn, ticket, into, command.agent)
    if ticket.waiting_since is not None:
        aside.customer_wrote(turn, into, ticket.waiting_since, turn.at)


def _fit_together(ticket: Ticket, into: Ticket) -> None:
    """What nobody can merge: other pools' work, what is settled or still to come, too much."""
    if ticket.pool != into.pool:
        raise Rejected(Rejection.OTHER_POOL)
    if not (ticket.open and into.open):
        raise Rejected(Rejection.WRONG_STATE)
    if ticket.aftercare is not None and ticket.aftercare.unfinished:
        raise Rejected(Rejection.UNFINISHED)
    if len(into.joined) + len(ticket.joined) >= merging.MOST_JOINED:
        raise Rejected(Rejection.TOO_MANY)


def _may(turn: Turn, command: Command, ticket: Ticket, into: Ticket) -> None:
    """An agent merges into their own ticket what is theirs or nobody's, of the same customer."""
    if supervises(turn, command, into.pool):
        return
    if into.agent != command.agent:
        raise Rejected(Rejection.NOT_YOURS)
    if not {ticket.agent, ticket.holder} <= {None, command.agent}:
        raise Rejected(Rejection.NOT_YOURS)
    if not merging.same_customer(ticket, into):
        raise Rejected(Rejection.OTHER_CUSTOMER)
