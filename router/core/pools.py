"""Between pools a ticket goes whole, as a record: two writers never share it."""

from datetime import timedelta

import msgspec

from router.core import clocks, moves
from router.core.desk import Desk
from router.core.entities.ticket import Stub, Ticket
from router.core.events import TicketMoved, TicketTransferred
from router.core.lifecycle import Trigger
from router.core.tickets import modernized
from router.core.turn import Turn
from router.topics import TICKETS_TRIAGED

STUB_MEMORY = timedelta(days=90)
STUB_REST = timedelta(days=7)
"""What of it is left once a close was forwarded: longer than a shard is down."""


def transfer(
    turn: Turn, ticket: Ticket, queue: str, agent: str | None, reason: str, *, by: str | None = None
) -> Ticket | None:
    """Give the ticket to another queue; None: it has gone to another pool and is no longer here."""
    if turn.desk.compiled.pool_of[queue] == ticket.pool:
        return moves.transfer(turn, ticket, queue, agent, reason, by=by)
    _leave(turn, ticket, queue, agent, reason, by=by)
    return None


def _leave(
    turn: Turn, ticket: Ticket, queue: str, agent: str | None, reason: str, *, by: str | None
) -> None:
    """Write the ticket to the other pool; here a stub stays, which forwards what comes late."""
    left, pool = ticket.queue, turn.desk.compiled.pool_of[queue]
    ticket = turn.save(
        moves.given_up(turn, ticket, reason), Trigger.TRANSFERRED, pool=pool,
        queue=queue, agent=None, weight=0, place=0, offers=0,
        refusals=(), return_at=None, relax_at=None,
        last_agent=None if agent is not None else ticket.last_agent,
    )  # fmt: skip
    at = ticket.once_here(turn.at)
    data = TicketMoved(ticket=ticket, from_queue=left, agent=agent, reason=reason, by=by, at=at)
    extensions = {"activation": str(turn.desk.activation)}
    turn.out.add(TICKETS_TRIAGED, pool, TicketMoved.TYPE, data, extensions=extensions)
    turn.desk.tickets.delete(ticket.id)
    leave_stub(turn, ticket.id, ticket.conversation, pool)
    turn.seeking.pop(ticket.id, None)


def leave_stub(
    turn: Turn, ticket: str, conversation: str, pool: str, into: str | None = None
) -> None:
    """Remember where what comes late for a ticket has to go."""
    stub = Stub(
        ticket=ticket, conversation=conversation, pool=pool, into=into,
        wake_at=turn.now + STUB_MEMORY,
    )  # fmt: skip
    turn.desk.stubs.put(ticket, stub)


def move_in(turn: Turn, event: TicketMoved) -> None:
    """Take a ticket on that another pool has given up."""
    if event.ticket.id in turn.desk.tickets.rows:
        return
    turn.desk.stubs.delete(event.ticket.id)
    for one in event.ticket.joined:
        leave_stub(turn, one.ticket, one.conversation, event.ticket.pool, event.ticket.id)
    queue = turn.desk.home(event.ticket.queue, event.ticket.pool)
    came = modernized(event.ticket)
    left_at = event.at or turn.at
    ticket = moves.chained(
        turn, came, queue=queue, chain_since=turn.at, came_at=left_at,
        **clocks.coming(came, left_at, event.reason),
    )  # fmt: skip
    turn.emit(
        TicketTransferred, ticket, from_queue=event.from_queue, agent=event.agent,
        reason=event.reason, by=event.by,
    )  # fmt: skip
    moves.announce_queued(turn, ticket)
    moves.feedback(turn, ticket, "moved")
    left = msgspec.structs.replace(ticket, queue=event.from_queue)
    promised = turn.desk.promised(left)
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
    _, stub = followed(turn.desk, ticket)
    if stub is not None:
        turn.out.add(topic, stub.pool, kind, turn.out.raw, id=turn.out.cause)
    return stub is not None


def forward_close(turn: Turn, ticket: str, kind: str) -> bool:
    """Like `forward`. Soon nothing will come for the ticket, which need not be closed by this.

    Its customer may have written meanwhile: the pool that has it knows, and what is on its way to
    this one must still find it.
    """
    if not forward(turn, ticket, TICKETS_TRIAGED, kind):
        return False
    stub, rest = turn.desk.stubs.rows[ticket], turn.now + STUB_REST
    wake_at = rest if stub.wake_at is None else min(stub.wake_at, rest)
    turn.desk.stubs.put(ticket, msgspec.structs.replace(stub, wake_at=wake_at))
    return True


def surviving(turn: Turn, ticket: str) -> Ticket | None:
    """The ticket, or the one that it was merged into, at the end of the chain; None: not here."""
    last, _ = followed(turn.desk, ticket)
    return turn.desk.tickets.get(last)


def followed(desk: Desk, ticket: str) -> tuple[str, Stub | None]:
    """The last ticket that this one was merged into, or itself; its stub, if it is elsewhere."""
    stub = desk.stubs.get(ticket)
    while stub is not None and stub.into is not None:
        ticket, stub = stub.into, desk.stubs.get(stub.into)
    return ticket, stub
