"""Between pools a ticket goes whole, as a record: two writers never share it."""

from datetime import timedelta
from typing import ClassVar

import msgspec

from router.core import clocks, moves
from router.core.desk import Turn
from router.core.events import Event, TicketTransferred
from router.core.lifecycle import Trigger
from router.core.tickets import Stub, Ticket, modernized
from router.topics import TICKETS_TRIAGED

STUB_MEMORY = timedelta(days=90)


class TicketMoved(Event, frozen=True, kw_only=True):
    """The whole ticket, for the pool that it goes to (topic `tickets.triaged`)."""

    TYPE: ClassVar[str] = "ticket.moved"
    ticket: Ticket
    from_queue: str
    agent: str | None
    reason: str


def transfer(
    turn: Turn, ticket: Ticket, queue: str, agent: str | None, reason: str
) -> Ticket | None:
    """Give the ticket to another queue; None: it has gone to another pool and is no longer here."""
    if turn.desk.compiled.pool_of[queue] == ticket.pool:
        return moves.transfer(turn, ticket, queue, agent, reason)
    _leave(turn, ticket, queue, agent, reason)
    return None


def _leave(turn: Turn, ticket: Ticket, queue: str, agent: str | None, reason: str) -> None:
    """Write the ticket to the other pool; here a stub stays, which forwards what comes late."""
    left, pool = ticket.queue, turn.desk.compiled.pool_of[queue]
    ticket = turn.save(
        moves.given_up(turn, ticket, reason), Trigger.TRANSFERRED, pool=pool,
        queue=queue, agent=None, weight=0, place=0,
        refusals=(), return_at=None, relax_at=None,
    )  # fmt: skip
    data = TicketMoved(ticket=ticket, from_queue=left, agent=agent, reason=reason)
    extensions = {"activation": str(turn.desk.activation)}
    turn.out.add(TICKETS_TRIAGED, pool, TicketMoved.TYPE, data, extensions=extensions)
    turn.desk.tickets.delete(ticket.id)
    stub = Stub(
        ticket=ticket.id, conversation=ticket.conversation, pool=pool,
        wake_at=turn.now + STUB_MEMORY,
    )  # fmt: skip
    turn.desk.stubs.put(ticket.id, stub)
    turn.seeking.pop(ticket.id, None)


def move_in(turn: Turn, event: TicketMoved) -> None:
    """Take a ticket on that another pool has given up."""
    if event.ticket.id in turn.desk.tickets.rows:
        return
    turn.desk.stubs.delete(event.ticket.id)
    queue = turn.desk.home(event.ticket.queue, event.ticket.pool)
    came = modernized(event.ticket)
    ticket = moves.chained(
        turn, came, queue=queue, chain_since=turn.at, **clocks.coming(came, turn.at, event.reason)
    )
    turn.emit(
        TicketTransferred, ticket, from_queue=event.from_queue, agent=event.agent,
        reason=event.reason,
    )  # fmt: skip
    moves.announce_queued(turn, ticket)
    moves.feedback(turn, ticket, "moved")
    left = msgspec.structs.replace(ticket, queue=event.from_queue)
    promised = clocks.policies(turn, left)
    ticket = clocks.remeasure(turn, promised, ticket, from_elsewhere=True)
    ticket = clocks.queues(turn, ticket)
    settle(turn, ticket)


def settle(turn: Turn, ticket: Ticket) -> Ticket | None:
    """Have the ticket where the rulebook in force wants it; None: it is no longer here."""
    queue = turn.desk.home(ticket.queue, ticket.pool)
    if queue != ticket.queue:
        return transfer(turn, ticket, queue, None, "queue_removed")
    if turn.desk.compiled.pool_of[queue] != ticket.pool:
        return transfer(turn, ticket, queue, None, "queue_moved")
    return ticket


def forward(turn: Turn, ticket: str, topic: str, kind: str) -> bool:
    """Whether `ticket` has moved on: then the input is written to the pool that has it now."""
    stub = turn.desk.stubs.get(ticket)
    if stub is not None:
        turn.out.add(topic, stub.pool, kind, turn.out.raw, id=turn.out.cause)
    return stub is not None
