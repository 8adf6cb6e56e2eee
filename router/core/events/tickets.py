"""A ticket's life, from its opening to its end."""

from datetime import datetime
from typing import Any, ClassVar

from router.core.events.base import Event, TicketEvent


class TicketOpened(TicketEvent, frozen=True, kw_only=True):
    """Triage has opened a ticket, with the decision, its explanation and the fate of the ack."""

    TYPE: ClassVar[str] = "ticket.opened"
    request: str
    customer: str | None
    tier: str | None
    type: str | None
    priority: int
    skills: dict[str, int]
    sla: str | None
    tags: tuple[str, ...]
    rule: str
    ack: str | None
    ack_withheld: str | None
    previous: str | None
    explanation: dict[str, Any]


class TicketQueued(TicketEvent, frozen=True, kw_only=True):
    """A ticket waits: all that a desktop shows of it. `order` is its place in the queue's order.

    `follow_up` says what was asked for, of a ticket that follows up another (docs/follow-up.md).
    """

    TYPE: ClassVar[str] = "ticket.queued"
    type: str | None
    priority: int
    skills: dict[str, int]
    tier: str | None
    tags: tuple[str, ...]
    language: str | None
    customer: str | None
    sender: str
    sender_name: str | None
    subject: str | None
    text: str
    enqueued_at: datetime
    due_at: datetime | None
    order: datetime
    follow_up: dict[str, Any] | None = None


class TicketRequeued(TicketEvent, frozen=True, kw_only=True):
    """A ticket waits again, with its original age; `reason` says why."""

    TYPE: ClassVar[str] = "ticket.requeued"
    reason: str
    agent: str | None
    priority: int
    enqueued_at: datetime
    order: datetime


class TicketRemoved(TicketEvent, frozen=True, kw_only=True):
    """A ticket is no longer a matter of this queue (only on `agent.queue.<queue>`)."""

    TYPE: ClassVar[str] = "ticket.removed"
    reason: str
    agent: str | None = None


class TicketOverflowed(TicketEvent, frozen=True, kw_only=True):
    """The target chain has moved on: skills relaxed to `skills`, widened to `places`."""

    TYPE: ClassVar[str] = "ticket.overflowed"
    target: int
    skills: dict[str, int]
    places: tuple[str, ...]


class TicketParked(TicketEvent, frozen=True, kw_only=True):
    """The target chain has ended (or triage's record was unusable): somebody must look."""

    TYPE: ClassVar[str] = "ticket.parked"
    reason: str


class TicketTransferred(TicketEvent, frozen=True, kw_only=True):
    """The ticket was given to another queue, by its agent, by the ladder, or by `by`."""

    TYPE: ClassVar[str] = "ticket.transferred"
    from_queue: str
    agent: str | None
    reason: str
    by: str | None = None


class TicketsTransferred(Event, frozen=True, kw_only=True):
    """What came of a transfer of many: `refused` names the tickets that stay and why.

    `left` more would have matched, and wait for the next command.
    """

    TYPE: ClassVar[str] = "tickets.transferred"
    agent: str
    command: str
    queue: str
    from_queue: str | None
    moved: tuple[str, ...]
    refused: dict[str, str]
    left: int
    at: datetime


class TicketMessageReceived(TicketEvent, frozen=True, kw_only=True):
    """A further message of the customer has reached the ticket.

    `joined` is the merged ticket in whose conversation it was written.
    """

    TYPE: ClassVar[str] = "ticket.message"
    request: str
    number: int
    agent: str | None
    sender: str
    subject: str | None
    text: str
    automatic: str | None
    joined: str | None = None


class TicketReplied(TicketEvent, frozen=True, kw_only=True):
    """An agent has answered the customer; the message itself is on `messages.outbound`."""

    TYPE: ClassVar[str] = "ticket.replied"
    agent: str
    message: str
    text: str


class TicketNoted(TicketEvent, frozen=True, kw_only=True):
    """An agent has written a note for colleagues."""

    TYPE: ClassVar[str] = "ticket.noted"
    agent: str
    text: str


class TicketStepDone(TicketEvent, frozen=True, kw_only=True):
    """A step of the request type's procedure (SOP) is done."""

    TYPE: ClassVar[str] = "ticket.step_done"
    agent: str
    step: str


class TicketPending(TicketEvent, frozen=True, kw_only=True):
    """The ticket waits for the customer, at most `until`; clocks that pause have stopped."""

    TYPE: ClassVar[str] = "ticket.pending"
    agent: str
    reason: str | None
    until: datetime | None = None


class TicketHeld(TicketEvent, frozen=True, kw_only=True):
    """The ticket waits for a third party, at most `until`; clocks that pause have stopped."""

    TYPE: ClassVar[str] = "ticket.held"
    agent: str
    reason: str | None
    until: datetime | None = None


class TicketResumed(TicketEvent, frozen=True, kw_only=True):
    """Work on a ticket that was set aside goes on; `reason`: command, customer_replied, until."""

    TYPE: ClassVar[str] = "ticket.resumed"
    agent: str
    reason: str


class TicketResolved(TicketEvent, frozen=True, kw_only=True):
    """The agent holds the matter to be settled; the customer may still reopen it.

    Until `wrapping_until` the agent is still taken up by it.
    """

    TYPE: ClassVar[str] = "ticket.resolved"
    agent: str
    reason: str | None
    wrapping_until: datetime | None = None


class TicketWrappedUp(TicketEvent, frozen=True, kw_only=True):
    """A resolved ticket no longer takes up its agent; `reason`: time, command, reopened, closed, ….

    The further reasons are those for which an agent loses work: agent_removed, agent_moved.
    """

    TYPE: ClassVar[str] = "ticket.wrapped_up"
    agent: str
    reason: str


class TicketReopened(TicketEvent, frozen=True, kw_only=True):
    """A resolved ticket is open again; `by` an agent or `customer`."""

    TYPE: ClassVar[str] = "ticket.reopened"
    by: str


class TicketClosed(TicketEvent, frozen=True, kw_only=True):
    """The reopen window is over: the ticket is history."""

    TYPE: ClassVar[str] = "ticket.closed"


class TicketMerged(TicketEvent, frozen=True, kw_only=True):
    """The ticket has ended: its matter, and what the customer still writes, is that of `into`."""

    TYPE: ClassVar[str] = "ticket.merged"
    into: str
    by: str


class TicketMergedIn(TicketEvent, frozen=True, kw_only=True):
    """Another ticket was merged into this one; `waiting_since` is what it left unanswered."""

    TYPE: ClassVar[str] = "ticket.merged_in"
    merged: str
    merged_external_id: str
    subject: str | None
    text: str
    waiting_since: datetime | None
    agent: str | None
    by: str


class TicketSplit(TicketEvent, frozen=True, kw_only=True):
    """A new topic goes its own way: triage opens the ticket `opens` for the request."""

    TYPE: ClassVar[str] = "ticket.split"
    agent: str
    request: str
    opens: str
    subject: str | None
    text: str


class TicketUpdated(TicketEvent, frozen=True, kw_only=True):
    """What triage had decided was changed; `before` and `after` have only what differs."""

    TYPE: ClassVar[str] = "ticket.updated"
    agent: str
    before: dict[str, Any]
    after: dict[str, Any]
    order: datetime
    due_at: datetime | None


class TicketConsulted(TicketEvent, frozen=True, kw_only=True):
    """An agent asks a colleague (`to`) about the ticket, which stays where it is."""

    TYPE: ClassVar[str] = "ticket.consulted"
    agent: str
    to: str
    text: str
    subject: str | None
    sender: str


class DecisionFlagged(TicketEvent, frozen=True, kw_only=True):
    """Somebody holds triage's decision by `rule` to be wrong, and may say what was expected."""

    TYPE: ClassVar[str] = "decision.flagged"
    agent: str
    rule: str
    reason: str | None
    expected_queue: str | None
    expected_type: str | None
    type: str | None


class MessageReceipt(TicketEvent, frozen=True, kw_only=True):
    """What became of a message that we sent for this ticket."""

    TYPE: ClassVar[str] = "message.receipt"
    message: str
    kind: str
    outcome: str
    permanent: bool
    reason: str | None
