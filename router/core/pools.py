"""Between pools a ticket goes whole, as a record: two writers never share it."""

from datetime import timedelta
from typing import ClassVar

from router.core import clocks, moves
from router.core.commands import Command
from router.core.desk import Turn
from router.core.events import Event, TicketClose, TicketMessage, TicketTransferred
from router.core.lifecycle import TicketState, Trigger
from router.core.tickets import Stub, Ticket
from router.topics import TICKETS_TRIAGED

STUB_MEMORY = timedelta(days=90)


class TicketMoved(Event, frozen=True, kw_only=True):
    """The whole ticket, for the pool that it goes to (topic `tickets.triaged`)."""

    TYPE: ClassVar[str] = "ticket.moved"
    ticket: Ticket
    from_queue: str
    agent: str | None
    reason: str


def leave_pool(turn: Turn, ticket: Ticket, command: Command) -> None:
    """Write the ticket to the other pool; here a stub stays, which forwards what comes late."""
    queue = command.queue or ""
    pool = turn.desk.compiled.pool_of[queue]
    left, agent = ticket.queue, ticket.agent
    ticket = moves.leave(turn, ticket, "transferred")
    if ticket.state is TicketState.PENDING:
        ticket = clocks.resumed(turn, ticket)
    ticket = turn.save(
        ticket, Trigger.TRANSFERRED, pool=pool, queue=queue, agent=None, weight=0, place=0,
        refusals=(), return_at=None, relax_at=None,
    )  # fmt: skip
    reason = command.reason or "transferred"
    data = TicketMoved(ticket=ticket, from_queue=left, agent=agent, reason=reason)
    turn.out.add(TICKETS_TRIAGED, pool, TicketMoved.TYPE, data, extensions=_after(turn))
    turn.desk.tickets.delete(ticket.id)
    stub = Stub(
        ticket=ticket.id, conversation=ticket.conversation, pool=pool,
        wake_at=turn.now + STUB_MEMORY,
    )  # fmt: skip
    turn.desk.stubs.put(ticket.id, stub)
    turn.seeking.pop(ticket.id, None)


def move_in(turn: Turn, event: TicketMoved) -> None:
    """Take a ticket on that another pool has given up."""
    turn.desk.stubs.delete(event.ticket.id)
    ticket = turn.save(event.ticket)
    ticket = turn.save(ticket, relax_at=moves.relax_at(turn, ticket))
    turn.emit(
        TicketTransferred, ticket, from_queue=event.from_queue, agent=event.agent,
        reason=event.reason,
    )  # fmt: skip
    moves.announce_queued(turn, ticket)
    moves.feedback(turn, ticket, "moved")


def forward(turn: Turn, event: TicketMessage | TicketClose) -> None:
    """A record for a ticket that has moved on: write it to the pool that has it now."""
    pool = turn.desk.stubs.rows[event.ticket].pool
    turn.out.add(TICKETS_TRIAGED, pool, event.TYPE, turn.out.raw, id=turn.out.cause)


def _after(turn: Turn) -> dict[str, str]:
    return {"activation": str(turn.desk.activation)}
