"""One step of dispatch: what it reads, changes and yields."""

from datetime import datetime
from typing import Any

import msgspec

from router.core.desk import Desk
from router.core.entities.ticket import Ticket
from router.core.events import TicketEvent
from router.core.lifecycle import Trigger, move
from router.core.outbox import Outbox
from router.topics import TICKETS_EVENTS, queue_topic


class Turn:
    """One step: the desk, the instants, and what comes of it.

    `at` is when the event happened (a command's time in the log, a request's arrival), `now` the
    shard's clock. A command has `asked` at its time; while it is done, `at` is the later coming of
    its ticket from another pool. `seeking` are tickets that need an agent, `freed` agents who may
    take more, `entering` tickets at a step of their queue's chain that may be over at once; all are
    settled at the end of the step (`router.core.chain.enter`, `router.core.assign.match`).
    """

    def __init__(
        self, desk: Desk, cause: str, at: datetime, now: datetime, raw: bytes = b"null"
    ) -> None:
        self.desk = desk
        self.at = at
        self.asked: datetime | None = None
        self.now = now
        self.out = Outbox(cause, now, raw)
        self.seeking: dict[str, None] = {}
        self.freed: dict[str, None] = {}
        self.entering: dict[str, None] = {}

    def save(self, ticket: Ticket, trigger: Trigger | None = None, **changes: Any) -> Ticket:
        """Store the ticket with `changes`, moved by `trigger` if one is given."""
        if trigger is not None:
            changes["state"] = move(ticket.state, trigger)
        changed = msgspec.structs.replace(ticket, version=ticket.version + 1, **changes)
        # Nobody else has it yet: what follows from the rest needs no second copy.
        msgspec.structs.force_setattr(changed, "wake_at", changed.next_wake())
        if changed.waits:
            self.seeking[changed.id] = None
        else:
            self.seeking.pop(changed.id, None)
        self.desk.tickets.put(changed.id, changed)
        if self.desk.kinds.protects:
            self._count_offered(ticket, changed)
        return changed

    def _count_offered(self, ticket: Ticket, changed: Ticket) -> None:
        """Hard tickets on offer count for their agent's row: one more, or less, is on offer."""
        offer = changed.offer or ticket.offer
        if offer is None:
            return
        hard = self.desk.kinds.hard
        if changed.offer is not ticket.offer or hard(changed) != hard(ticket):
            state = self.desk.agents.rows[offer.agent]
            rests = self.desk.rests(state)
            if state.rests and not rests:
                self.freed[state.id] = None
            self.desk.change_agent(state.id, rests=rests)

    def instant(self, ticket: Ticket) -> datetime:
        """When it happens to this ticket: what a command does, not before the ticket is there."""
        return self.at if self.asked is None else ticket.once_here(self.asked)

    def event(
        self,
        contract: type[TicketEvent],
        ticket: Ticket,
        /,
        queue: str | None = None,
        **fields: Any,
    ) -> TicketEvent:
        """An event about `ticket`, for its own queue or another."""
        return contract(
            ticket=ticket.id,
            conversation=ticket.conversation,
            external_id=ticket.external_id,
            channel=ticket.channel,
            account=ticket.account,
            pool=ticket.pool,
            queue=queue or ticket.queue,
            rulebook=ticket.rulebook,
            version=ticket.version,
            at=self.instant(ticket),
            **fields,
        )

    def emit(
        self,
        contract: type[TicketEvent],
        ticket: Ticket,
        /,
        *topics: str,
        id: str | None = None,
        **fields: Any,
    ) -> str:
        """Yield an event about `ticket` to `tickets.events` and the further `topics`."""
        key = ticket.conversation.partition("-")[0]
        data = self.event(contract, ticket, **fields)
        event_id = self.out.add(TICKETS_EVENTS, key, contract.TYPE, data, id=id)
        for topic in topics:
            self.out.add(topic, ticket.id, contract.TYPE, data, id=event_id)
        return event_id

    def discard(self) -> None:
        """Take back everything that this turn was about to yield."""
        self.out.outputs.clear()
        self.seeking.clear()
        self.freed.clear()
        self.entering.clear()

    def emit_queue(self, contract: type[TicketEvent], ticket: Ticket, /, **fields: Any) -> str:
        """Like `emit`, and to the topics of all queues whose agents may have the ticket."""
        topics = (queue_topic(queue) for queue in self.desk.places(ticket))
        return self.emit(contract, ticket, *topics, **fields)

    def tell_queue(
        self, contract: type[TicketEvent], ticket: Ticket, queue: str, /, **fields: Any
    ) -> None:
        """Yield an event to the topic of `queue` alone."""
        data = self.event(contract, ticket, queue=queue, **fields)
        self.out.add(queue_topic(queue), ticket.id, contract.TYPE, data)
