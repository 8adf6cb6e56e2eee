"""A ticket, or many of them, goes to another queue."""

from router.core import pools
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.events import TicketsTransferred
from router.core.handlers.checks import known, own_ticket, supervises, ticket_of, waiting_in
from router.core.lifecycle import Trigger
from router.core.turn import Turn
from router.topics import TICKETS_EVENTS

MOST_AT_ONCE = 500
"""So many tickets are moved by one command: all of it is one transaction."""


def transfer(turn: Turn, command: Command) -> None:
    """Give the ticket to another queue, also of another pool; a supervisor gives any, or many."""
    if not command.queue:
        raise Rejected(Rejection.FIELD_MISSING)
    known(command.queue, turn.desk.compiled.rulebook.queues, Rejection.UNKNOWN_QUEUE)
    if command.tickets or command.from_queue:
        if command.ticket or (command.tickets and command.from_queue):
            raise Rejected(Rejection.FIELD_INVALID)
        _many(turn, command, command.queue)
        return
    ticket = ticket_of(turn, command)
    if not supervises(turn, command, ticket.pool):
        ticket = own_ticket(turn, command, Trigger.TRANSFERRED)
    elif not ticket.open:
        raise Rejected(Rejection.WRONG_STATE)
    _transferred(turn, command, ticket, command.queue)


def _transferred(turn: Turn, command: Command, ticket: Ticket, queue: str) -> None:
    """A supervisor's transfer names them; it is from whoever had the ticket all the same."""
    by = None if ticket.agent == command.agent else command.agent
    pools.transfer(turn, ticket, queue, ticket.agent, command.reason or "transferred", by=by)


def _many(turn: Turn, command: Command, queue: str) -> None:
    pool = turn.desk.roster.agents[command.agent].pool
    if not supervises(turn, command, pool):
        raise Rejected(Rejection.NOT_ALLOWED)
    tickets, refused = _chosen(turn, command, pool)
    asked = turn.at
    for ticket in tickets[:MOST_AT_ONCE]:
        turn.at = turn.instant(ticket)
        _transferred(turn, command, ticket, queue)
    turn.at = asked
    data = TicketsTransferred(
        agent=command.agent, command=command.id, queue=queue, from_queue=command.from_queue,
        moved=tuple(ticket.id for ticket in tickets[:MOST_AT_ONCE]), refused=refused,
        left=max(len(tickets) - MOST_AT_ONCE, 0), at=turn.at,
    )  # fmt: skip
    turn.out.add(TICKETS_EVENTS, command.agent, TicketsTransferred.TYPE, data)


def _chosen(turn: Turn, command: Command, pool: str) -> tuple[list[Ticket], dict[str, str]]:
    """The tickets to be moved, and of those that were named the ones that cannot be, with why."""
    if command.from_queue:
        if command.from_queue == command.queue:
            raise Rejected(Rejection.FIELD_INVALID)
        compiled = turn.desk.compiled
        known(command.from_queue, compiled.pool_of, Rejection.UNKNOWN_QUEUE)
        known(command.type, compiled.rulebook.types, Rejection.UNKNOWN_TYPE)
        if compiled.pool_of[command.from_queue] != pool:
            raise Rejected(Rejection.NOT_ALLOWED)
        return [one for one in waiting_in(turn, command) if one.pool == pool], {}
    if len(command.tickets) > MOST_AT_ONCE:
        raise Rejected(Rejection.TOO_MANY)
    tickets: list[Ticket] = []
    refused: dict[str, str] = {}
    for name in dict.fromkeys(command.tickets):
        reason = _refusal(turn, name, pool)
        if reason is None:
            tickets.append(turn.desk.tickets.rows[name])
        else:
            refused[name] = reason.value
    return tickets, refused


def _refusal(turn: Turn, name: str, pool: str) -> Rejection | None:
    """Why a ticket that a supervisor has named cannot be moved."""
    ticket = turn.desk.tickets.get(name)
    if ticket is None:
        stub = turn.desk.stubs.get(name)
        merged = stub is not None and stub.into is not None
        return Rejection.MERGED if merged else Rejection.UNKNOWN_TICKET
    if ticket.pool != pool:
        return Rejection.NOT_ALLOWED
    return None if ticket.open else Rejection.WRONG_STATE
