"""Stage 2, dispatch: tickets wait, are offered, worked on, watched, and never forgotten.

    step(event, given, now) -> outputs            one record of an input topic
    fire(before, now) -> outputs                  one due timer; `next_at` says when there is one

The core neither reads a clock nor draws a random number: the same events at the same instants
make the same outputs.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from channels.contract import decode
from channels.errors import Malformed
from channels.outbound import Receipt
from router.core import (
    assign,
    chain,
    clocks,
    escalation,
    follow_ups,
    merging,
    missed,
    moves,
    notices,
    opening,
    orders,
)
from router.core.commands import Address, Command, Rejected, Rejection, fingerprint
from router.core.desk import Desk
from router.core.entities.inputs import Remembered
from router.core.entities.ticket import Ticket
from router.core.events import (
    CommandAccepted,
    CommandRejected,
    Event,
    MessageReceipt,
    RulebookActivated,
    TicketClose,
    TicketClosed,
    TicketMessage,
    TicketMessageReceived,
    TicketMoved,
    TicketTriaged,
    WorkerAnswered,
)
from router.core.handlers import aside, presence, staff, talk, wrap_up
from router.core.handlers.checks import concerned
from router.core.handlers.verbs import HANDLERS
from router.core.letters import Letterhead
from router.core.lifecycle import TicketState, Trigger
from router.core.outputs import Given, Output
from router.core.packing import kept
from router.core.pools import followed, forward, forward_close, move_in, settle, surviving
from router.core.turn import Turn
from router.topics import MESSAGES_RECEIPTS, TICKETS_EVENTS, TICKETS_TRIAGED, Stage

COMMAND_MEMORY = timedelta(hours=24)


class Dispatch:
    """The core of one dispatch shard."""

    stage: ClassVar[Stage] = Stage.DISPATCH
    contracts: ClassVar[Mapping[str, type[Any]]] = {
        RulebookActivated.TYPE: RulebookActivated,
        TicketTriaged.TYPE: TicketTriaged,
        TicketMessage.TYPE: TicketMessage,
        TicketClose.TYPE: TicketClose,
        TicketMoved.TYPE: TicketMoved,
        WorkerAnswered.TYPE: WorkerAnswered,
        "agent.command": Command,
        "message.receipt": Receipt,
    }

    def __init__(self, head: Letterhead) -> None:
        self.desk = Desk()
        self.journal = self.desk.journal
        self._head = head
        self._steps: dict[type[Any], Callable[[Turn, Any], None]] = {
            RulebookActivated: self._activated,
            TicketTriaged: self._triaged,
            TicketMessage: self._message,
            TicketClose: self._close,
            TicketMoved: move_in,
            WorkerAnswered: orders.answered,
            Command: self._command,
            Receipt: self._receipt,
        }

    @property
    def activation(self) -> int:
        """The number of the rulebook's activation in force."""
        return self.desk.activation

    def step(self, event: object, given: Given, now: datetime) -> list[Output]:
        """One input. Raises on what cannot be processed; the caller rolls the journal back."""
        turn = Turn(self.desk, given.cause, given.at, now, given.raw)
        self._steps[type(event)](turn, event)
        return self._settled(turn)

    def next_at(self) -> datetime | None:
        """The instant of the earliest timer."""
        return self.desk.timers.next_at()

    def fire(self, before: datetime, now: datetime) -> list[Output] | None:
        """Handle the earliest timer that is due strictly before `before`; None: there is none."""
        due = self.desk.timers.due(before)
        if due is None:
            return None
        table, key, at = due
        # What the timer moves, it moves at the instant up to which everything has been read.
        turn = Turn(self.desk, self._timer_cause(table, key, at), min(before, now), now)
        if table == "ticket":
            self._ticket_due(turn, key, before)
        elif table == "agent":
            presence.due(turn, key, before)
        elif table == "stub":
            self.desk.stubs.delete(key)
        elif table == "gauge":
            self.desk.gauges.due(turn, key)
        elif table == "notice":
            notices.wake(turn, key)
        elif table == "acquaintance":
            self.desk.acquaintances.table.delete(key)
        else:
            self.desk.commands.delete(key)
        return self._settled(turn)

    def _timer_cause(self, table: str, key: str, at: datetime) -> str:
        """What a timer's outputs follow from: each version of a ticket is woken at most once."""
        if table == "ticket":
            return f"timer/ticket/{key}/{self.desk.tickets.rows[key].version}"
        return f"timer/{table}/{key}/{at.isoformat()}"

    def postpone(self, until: datetime) -> None:
        """The earliest timer's handling raised: put it off, so that the others are not blocked."""
        self.desk.timers.postpone(until)

    def caught_up(self, now: datetime) -> list[Output]:
        """The shard is up again: who could not answer while it was down gets the time anew."""
        turn = Turn(self.desk, f"caught-up/{now.isoformat()}", now, now)
        for agent in self.desk.agents.sorted():
            if agent.shift_at is not None:
                presence.renew(turn, agent.id)
            if agent.lease is not None:
                self.desk.change_agent(agent.id, lease_until=now + agent.lease)
        for ticket in self.desk.tickets.sorted():
            if ticket.offer is not None:
                timeout = self.desk.queue(ticket.queue).offer_timeout
                anew = max(ticket.offer.expires_at, now + timeout)  # less may be allowed by now
                offer = msgspec.structs.replace(ticket.offer, expires_at=anew)
                ticket = turn.save(ticket, offer=offer)  # noqa: PLW2901 - the next version of it
            elif ticket.return_at is not None:
                grace = self.desk.compiled.rulebook.presence.grace
                turn.save(ticket, return_at=max(ticket.return_at, now + grace))
            if ticket.relax_at is not None and ticket.relax_at < now:
                chain.step_anew(turn, ticket)
        return self._settled(turn)

    def refuse(self, kind: str, given: Given, problem: str, now: datetime) -> list[Output] | None:
        """A command that is none is rejected, if it says who sent it: a desktop waits for that.

        None: nobody can be answered.
        """
        if kind != "agent.command":
            return None
        try:
            sender = decode(Address, given.raw)
        except Malformed:
            return None
        turn = Turn(self.desk, given.cause, given.at, now, given.raw)
        _answer(turn, sender, Rejection.MALFORMED.value, problem)
        return turn.out.outputs

    def fallback(self, event: object, given: Given, now: datetime) -> list[Output] | None:
        """A triaged record whose step raised: the ticket is opened, parked, by the least code.

        It was acknowledged, so it must not vanish. None: this event needs no such care.
        """
        if not isinstance(event, (TicketTriaged, TicketMessage)):
            return None
        if self._known(event.ticket):
            return None
        turn = Turn(self.desk, f"{given.cause}/fallback", given.at, now)
        queue = self.desk.home("", event.pool)
        ticket = turn.save(opening.opened(turn, event, queue, sla=None))
        moves.park(turn, ticket, "unusable_record", turn.at)
        return turn.out.outputs

    def _known(self, ticket: str) -> bool:
        """Whether the ticket is here, merged into one that is, or went to another pool."""
        last, stub = followed(self.desk, ticket)
        return last in self.desk.tickets.rows or stub is not None

    def _settled(self, turn: Turn) -> list[Output]:
        chain.enter(turn)
        assign.match(turn)
        self.desk.gauges.tell(turn)
        return turn.out.outputs

    def _activated(self, turn: Turn, event: RulebookActivated) -> None:
        if event.activation <= self.activation:
            return
        tickets = [ticket for ticket in self.desk.tickets.sorted() if ticket.open]
        before = [(self.desk.promised(one), self.desk.places(one)) for one in tickets]
        pools, mixed = self.desk.pools_of_agents(), self.desk.mixed_queues()
        self.desk.rulebooks.put("current", kept(event))
        for ticket, (policies, places) in zip(tickets, before, strict=True):
            settled = settle(turn, clocks.remeasure(turn, policies, ticket))
            if settled is not None and settled.queue == ticket.queue:
                chain.rechain(turn, settled, places, was_mixed=settled.queue in mixed)
        notices.look_again(turn)
        for agent in self.desk.agents.sorted():
            self._agent_under_new_rules(turn, agent.id, pools.get(agent.id))

    def _agent_under_new_rules(self, turn: Turn, agent: str, pool: str | None) -> None:
        """An agent who has left the pool, or the rulebook, gives back what is in their hands."""
        spec = self.desk.roster.agents.get(agent)
        if spec is not None and spec.pool == pool:
            staff.under_new_rules(turn, agent)
            return
        presence.set_presence(turn, agent, "offline", "activation")
        reason = "agent_removed" if spec is None else "agent_moved"
        for key in self.desk.loads.owned(agent):
            moves.requeue(turn, self.desk.tickets.rows[key], reason)
        wrap_up.all_over(turn, agent, reason)
        self.desk.agents.delete(agent)  # in another pool it may be another shard that writes it

    def _triaged(self, turn: Turn, event: TicketTriaged) -> None:
        if self._known(event.ticket):
            return
        queue = self.desk.home(event.queue, event.pool)
        ticket = opening.known(
            self.desk, opening.opened(turn, event, queue, sla=event.sla), event.agent
        )
        started = clocks.of_new(turn, ticket, event.request.received_at)
        ticket = moves.enqueue(turn, ticket, clocks=started)
        clocks.announce(turn, ticket, started)
        settle(turn, ticket)

    def _message(self, turn: Turn, event: TicketMessage) -> None:
        if forward(turn, event.ticket, TICKETS_TRIAGED, event.TYPE):
            return
        ticket = surviving(turn, event.ticket)
        if ticket is None:
            raise LookupError(f"ticket {event.ticket} is not here: a message for it came too late")
        counted = merging.counted(ticket, event)
        if counted is None:
            return
        # What lapsed meanwhile is left to the timers: an earlier reply may still be unread.
        ticket = turn.save(ticket, **counted)
        turn.emit_queue(
            TicketMessageReceived,
            ticket,
            request=event.request.id,
            number=event.number,
            agent=ticket.agent,
            sender=event.request.sender.address,
            subject=event.request.subject,
            text=event.request.text[: opening.EXCERPT_CHARACTERS],
            automatic=event.automatic,
            joined=merging.joined_by(ticket, event.conversation),
        )
        if ticket.channel == "chat" and _tells(ticket, event):
            ticket = missed.heard(turn, ticket, event.request)
        if event.automatic is None:
            aside.customer_wrote(turn, ticket, event.request.received_at)

    def _close(self, turn: Turn, event: TicketClose) -> None:
        stub = self.desk.stubs.get(event.ticket)
        if stub is not None and stub.into is not None:
            return  # it ends with the ticket that it was merged into
        if forward_close(turn, event.ticket, event.TYPE):
            return
        ticket = self.desk.tickets.get(event.ticket)
        if ticket is None or ticket.state is not TicketState.RESOLVED:
            return  # it may have been closed already, and be kept for what is still to come
        if ticket.resolved_at == event.resolved_at:
            if ticket.wrapping_until is not None:
                ticket = wrap_up.over(turn, ticket, "closed")
            ticket = turn.save(ticket, Trigger.CLOSED)
            turn.emit(TicketClosed, ticket)
            follow_ups.closed(turn, ticket)
            for one in ticket.joined:
                self.desk.stubs.delete(one.ticket)

    def _receipt(self, turn: Turn, event: Receipt) -> None:
        if forward(turn, event.ticket or "", MESSAGES_RECEIPTS, MessageReceipt.TYPE):
            return
        ticket = surviving(turn, event.ticket or "")
        if ticket is not None:
            # What becomes of a notice is no matter of the desktops.
            emit = turn.emit if event.kind == "notice" else turn.emit_queue
            emit(
                MessageReceipt,
                ticket,
                message=event.message,
                kind=event.kind,
                outcome=event.outcome,
                permanent=event.permanent,
                reason=event.reason,
            )
            orders.receipt(turn, ticket, event)

    def _command(self, turn: Turn, command: Command) -> None:
        known, content = self.desk.commands.get(command.id), fingerprint(command)
        if known is not None:
            reused = known.content != content
            _answer(turn, command, Rejection.ID_REUSED.value if reused else known.rejection)
            return
        rejection: str | None = None
        mark = self.journal.mark()
        try:
            self._handle(turn, command)
        except Rejected as error:
            self.journal.rollback(mark)
            turn.discard()
            rejection = error.reason.value
        turn.at = turn.asked or turn.at
        self.desk.commands.put(
            command.id,
            Remembered(content=content, rejection=rejection, wake_at=turn.now + COMMAND_MEMORY),
        )
        _answer(turn, command, rejection)

    def _handle(self, turn: Turn, command: Command) -> None:
        if command.agent not in self.desk.roster.agents:
            raise Rejected(Rejection.UNKNOWN_AGENT)
        turn.asked = asked = turn.at
        for name in dict.fromkeys(ticket.id for ticket in concerned(turn, command)):
            if (ticket := self.desk.tickets.get(name)) is not None:
                turn.at = turn.instant(ticket)
                _caught_up(turn, ticket)
        own = self.desk.tickets.get(command.ticket or "")
        # What was asked before its ticket came to this pool is done then.
        turn.at = asked if own is None else turn.instant(own)
        if command.command == "reply":
            talk.reply(turn, command, self._head)
        else:
            HANDLERS[command.command](turn, command)

    def _ticket_due(self, turn: Turn, key: str, before: datetime) -> None:
        ticket = missed.due(turn, self.desk.tickets.rows[key], before)
        until, waited = before, ticket.waits
        if waited and ticket.relax_at is not None:
            until = min(before, ticket.relax_at)  # a chain that ends first is told first
        here = escalation.lapsed(turn, ticket, until)
        if here is None:
            return
        ticket = here
        if ticket.offer is not None and ticket.offer.expires_at < before:
            agent = ticket.offer.agent
            ticket = moves.end_offer(turn, ticket, ticket.offer, Trigger.OFFER_EXPIRED)
            presence.missed_offer(turn, agent)
        if ticket.aftercare is not None:
            ticket = follow_ups.due(turn, ticket, before)
        if ticket.return_at is not None and ticket.return_at < before:
            ticket = moves.requeue(turn, ticket, "agent_offline")
        if ticket.wrapping_until is not None and ticket.wrapping_until < before:
            ticket = wrap_up.over(turn, ticket, "time")
        if waited:
            _waited(turn, ticket, before)
        aside.due(turn, ticket, before)


def _waited(turn: Turn, ticket: Ticket, before: datetime) -> None:
    """Who refused may be asked again, and the chain's step may be over."""
    if any(refusal.until < before for refusal in ticket.refusals):
        ticket = moves.forget_refusals(turn, ticket, before)
    chain.due(turn, ticket, before)


def _caught_up(turn: Turn, ticket: Ticket) -> None:
    """What was due for the ticket before a command has happened; so a pause that is over is."""
    here = escalation.lapsed(turn, ticket, turn.at)
    if here is not None and aside.due(turn, here, turn.at) is not here:
        escalation.lapsed(turn, turn.desk.tickets.rows[here.id], turn.at)


def _tells(ticket: Ticket, event: TicketMessage) -> bool:
    """Whether the message says that the customer is there, or not: one window of two is neither."""
    return event.request.kind != "left" or event.conversation == ticket.conversation


def _answer(
    turn: Turn, command: Command | Address, rejection: str | None, problem: str | None = None
) -> None:
    fields = {
        "command": command.command, "id": command.id, "agent": command.agent,
        "ticket": command.ticket, "at": turn.at,
    }  # fmt: skip
    data: Event
    if rejection is None:
        data = CommandAccepted(**fields)  # type: ignore[arg-type] # one dict of checked fields
    else:
        data = CommandRejected(**fields, reason=rejection, problem=problem)  # type: ignore[arg-type] # as above
    turn.out.add(TICKETS_EVENTS, command.agent, data.TYPE, data, id=f"{turn.out.cause}/outcome")
