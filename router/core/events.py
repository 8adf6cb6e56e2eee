"""What happens to a ticket, as facts in the past tense: the data of every event we emit.

Each class is one `ce_type` (its `TYPE`); `ALL` lists them for the JSON Schemas. Instants are UTC.
"""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from channels.request import CustomerRequest


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The root of all event data: nothing but its type."""

    TYPE: ClassVar[str]


class RequestDuplicate(Event, frozen=True, kw_only=True):
    """A request that we already have came again; nothing else happens."""

    TYPE: ClassVar[str] = "request.duplicate"
    request: str
    channel: str
    account: str
    external_id: str
    at: datetime


class RequestFiled(Event, frozen=True, kw_only=True):
    """A request that opens no ticket; `reason`: history, spam, opt-out, receipt, left, …."""

    TYPE: ClassVar[str] = "request.filed"
    request: str
    channel: str
    account: str
    external_id: str
    conversation: str | None
    reason: str
    rule: str | None = None
    rulebook: str | None = None
    explanation: dict[str, Any] = msgspec.field(default_factory=dict)
    at: datetime


class TicketEvent(Event, frozen=True, kw_only=True):
    """What every event of a ticket says. `version` counts the ticket's changes from 1."""

    ticket: str
    conversation: str
    external_id: str
    channel: str
    account: str
    pool: str
    queue: str
    rulebook: str
    version: int = 0
    at: datetime


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


class TicketTriaged(Event, frozen=True, kw_only=True):
    """Triage's order to dispatch: take this ticket on (topic `tickets.triaged`).

    `agent` is who looks after the customer, whoever had their last ticket.
    """

    TYPE: ClassVar[str] = "ticket.triaged"
    ticket: str
    conversation: str
    pool: str
    queue: str
    type: str | None
    priority: int
    skills: dict[str, int]
    tier: str | None
    sla: str | None
    tags: tuple[str, ...]
    language: str | None
    customer: str | None
    rule: str
    rulebook: str
    activation: int
    number: int
    previous: str | None
    agent: str | None = None
    request: CustomerRequest
    sla_from: str | None = None


class TicketMessage(Event, frozen=True, kw_only=True):
    """Triage's order to dispatch: a further message; `number` counts within the conversation."""

    TYPE: ClassVar[str] = "ticket.message_triaged"
    ticket: str
    conversation: str
    pool: str
    number: int
    activation: int
    automatic: str | None
    request: CustomerRequest


class TicketClose(Event, frozen=True, kw_only=True):
    """Triage's order to close a resolved ticket: its reopen window is over."""

    TYPE: ClassVar[str] = "ticket.close"
    ticket: str
    conversation: str
    pool: str
    resolved_at: datetime


class TicketFeedback(Event, frozen=True, kw_only=True):
    """Dispatch's word to triage (topic `tickets.feedback`).

    `change`: resolved, reopened, moved, or merged `into` another ticket.
    """

    TYPE: ClassVar[str] = "ticket.feedback"
    ticket: str
    conversation: str
    change: str
    pool: str
    queue: str
    at: datetime
    into: str | None = None


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


class TicketOffered(TicketEvent, frozen=True, kw_only=True):
    """A ticket is reserved for one agent until they accept, decline or `expires_at`."""

    TYPE: ClassVar[str] = "ticket.offered"
    agent: str
    offer: str
    expires_at: datetime
    explanation: dict[str, Any]


class OfferEnded(TicketEvent, frozen=True, kw_only=True):
    """The root of the three ways in which an offer comes to nothing."""

    agent: str
    offer: str
    reason: str | None = None


class TicketOfferDeclined(OfferEnded, frozen=True, kw_only=True):
    """The agent has declined."""

    TYPE: ClassVar[str] = "ticket.offer_declined"


class TicketOfferExpired(OfferEnded, frozen=True, kw_only=True):
    """The agent has not answered in time."""

    TYPE: ClassVar[str] = "ticket.offer_expired"


class TicketOfferRescinded(OfferEnded, frozen=True, kw_only=True):
    """The offer was taken back; `reason`: transferred, escalated, disconnected, offline, …."""

    TYPE: ClassVar[str] = "ticket.offer_rescinded"


class TicketAssigned(TicketEvent, frozen=True, kw_only=True):
    """An agent has the ticket: by an accepted offer, taken from the queue, or given by `by`.

    `forced`: it was more than the agent's capacity, or not of their skills or queues.
    """

    TYPE: ClassVar[str] = "ticket.assigned"
    agent: str
    offer: str | None
    by: str | None = None
    forced: bool = False


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


class FollowUpEvent(TicketEvent, frozen=True, kw_only=True):
    """The root of what becomes of a follow-up; `number` counts within its ticket."""

    number: int
    kind: str
    due_at: datetime


class FollowUpScheduled(FollowUpEvent, frozen=True, kw_only=True):
    """A call-back or revisit is to come; `agent` asked for it, null: its type's rule."""

    TYPE: ClassVar[str] = "follow_up.scheduled"
    reason: str | None
    agent: str | None
    prefers: str | None


class FollowUpDue(FollowUpEvent, frozen=True, kw_only=True):
    """A follow-up's time has come: it has become the request `request`."""

    TYPE: ClassVar[str] = "follow_up.due"
    request: str


class FollowUpCancelled(FollowUpEvent, frozen=True, kw_only=True):
    """A follow-up does not come; `agent` took it back, null: the ticket was reopened."""

    TYPE: ClassVar[str] = "follow_up.cancelled"
    agent: str | None
    reason: str


class OrderEvent(TicketEvent, frozen=True, kw_only=True):
    """The root of what becomes of an order to a worker; `order` is its number to be read out."""

    number: int
    order: str
    worker: str


class OrderCreated(OrderEvent, frozen=True, kw_only=True):
    """A worker is sent to the customer; `message` is the SMS that says so."""

    TYPE: ClassVar[str] = "order.created"
    agent: str
    address: str
    appointment: str
    note: str | None
    message: str | None


class OrderUpdated(OrderEvent, frozen=True, kw_only=True):
    """An order is accepted, arrived, done or cancelled; `agent` null: its worker said so by SMS."""

    TYPE: ClassVar[str] = "order.updated"
    state: str
    agent: str | None
    note: str | None
    message: str | None


class OrderNoticeFailed(OrderEvent, frozen=True, kw_only=True):
    """A worker's SMS did not arrive, or may not have: nobody is on the way."""

    TYPE: ClassVar[str] = "order.notice_failed"
    message: str
    outcome: str
    reason: str | None


class WorkerAnswered(Event, frozen=True, kw_only=True):
    """Triage's word to each pool: a worker's SMS about the order `order`, null: their newest there.

    `state` is what the order is now: accepted, done; or `unreachable`, which the provider says of
    our SMS to them, with its `reason`.
    """

    TYPE: ClassVar[str] = "worker.answered"
    worker: str
    pool: str
    state: str
    order: str | None
    request: str
    activation: int
    reason: str | None = None


class SlaEvent(TicketEvent, frozen=True, kw_only=True):
    """What every event of a service-level clock says; (target, cycle) names it in its ticket."""

    target: str
    cycle: int
    due_at: datetime | None
    agent: str | None = None


class SlaStarted(SlaEvent, frozen=True, kw_only=True):
    """A clock has started."""

    TYPE: ClassVar[str] = "sla.started"
    sla: str


class SlaPaused(SlaEvent, frozen=True, kw_only=True):
    """A clock has stopped counting."""

    TYPE: ClassVar[str] = "sla.paused"


class SlaResumed(SlaEvent, frozen=True, kw_only=True):
    """A clock counts on."""

    TYPE: ClassVar[str] = "sla.resumed"


class SlaChanged(SlaEvent, frozen=True, kw_only=True):
    """A clock is measured by another SLA or calendar."""

    TYPE: ClassVar[str] = "sla.changed"
    sla: str


class SlaMet(SlaEvent, frozen=True, kw_only=True):
    """What the clock waited for has happened; `in_time` says whether before it lapsed."""

    TYPE: ClassVar[str] = "sla.met"
    in_time: bool


class SlaLapse(SlaEvent, frozen=True, kw_only=True):
    """The root of warning, breach and escalation.

    `lapsed_at` is when it was due, `detected_at` when we noticed; they differ after a downtime.
    """

    lapsed_at: datetime
    detected_at: datetime


class SlaWarning(SlaLapse, frozen=True, kw_only=True):
    """A share of the target is used up; `remaining_seconds` of it are left, if that was asked."""

    TYPE: ClassVar[str] = "sla.warning"
    share: float
    remaining_seconds: float | None = None
    notify: tuple[str, ...] = ()


class SlaBreached(SlaLapse, frozen=True, kw_only=True):
    """The target has lapsed."""

    TYPE: ClassVar[str] = "sla.breached"


class SlaEscalated(SlaLapse, frozen=True, kw_only=True):
    """A lapse is handed to `level`; a level that a higher one overtook notifies nobody."""

    TYPE: ClassVar[str] = "sla.escalated"
    level: int
    notify: tuple[str, ...]


class SlaAcknowledged(SlaEvent, frozen=True, kw_only=True):
    """A supervisor has seen the alarm: the clock's later levels are recorded, but notify nobody."""

    TYPE: ClassVar[str] = "sla.acknowledged"
    by: str


class SlaCleared(SlaEvent, frozen=True, kw_only=True):
    """An alarm is over; `reason`: met, assigned, resolved, transferred, merged, changed, missed."""

    TYPE: ClassVar[str] = "sla.cleared"
    reason: str


class NoticeEvent(Event, frozen=True, kw_only=True):
    """What every event of a notice says: whom it is for, and about which alarm."""

    notice: str
    contact: str
    ticket: str
    target: str
    cycle: int
    level: int
    at: datetime


class NoticeHeld(NoticeEvent, frozen=True, kw_only=True):
    """A notice waits for the end of its contact's quiet hours."""

    TYPE: ClassVar[str] = "notice.held"
    until: datetime


class NoticeWithheld(NoticeEvent, frozen=True, kw_only=True):
    """A notice that waited is not sent: cleared, acknowledged, overtaken, contact_removed."""

    TYPE: ClassVar[str] = "notice.withheld"
    reason: str


class AgentPresence(Event, frozen=True, kw_only=True):
    """An agent's presence has changed; `reason`: command, lease, missed_offers, activation.

    `presence_reason` is why the agent is in that state, `by` the supervisor who has set it.
    """

    TYPE: ClassVar[str] = "agent.presence"
    agent: str
    pool: str
    state: str
    reason: str
    presence_reason: str | None = None
    by: str | None = None
    at: datetime


class AgentOverdue(Event, frozen=True, kw_only=True):
    """An agent has been in a state, since `since`, for longer than its reason allows."""

    TYPE: ClassVar[str] = "agent.overdue"
    agent: str
    pool: str
    state: str
    presence_reason: str
    since: datetime
    due_at: datetime
    at: datetime


class AgentChanged(Event, frozen=True, kw_only=True):
    """What is set of an agent over the rulebook: all of it, in `changes`; empty: nothing any more.

    `by` is the supervisor; nobody where a new rulebook no longer allows what was set.
    """

    TYPE: ClassVar[str] = "agent.changed"
    agent: str
    pool: str
    by: str | None
    changes: dict[str, Any]
    at: datetime


class CommandAccepted(Event, frozen=True, kw_only=True):
    """A desktop's command has taken effect."""

    TYPE: ClassVar[str] = "command.accepted"
    command: str
    id: str
    agent: str
    ticket: str | None
    at: datetime


class CommandRejected(Event, frozen=True, kw_only=True):
    """A desktop's command has changed nothing; `reason` is one of `commands.Rejection`.

    `problem` says of a malformed one which field is wrong.
    """

    TYPE: ClassVar[str] = "command.rejected"
    command: str
    id: str
    agent: str
    ticket: str | None
    reason: str
    problem: str | None = None
    at: datetime


class QueueStatistics(Event, frozen=True, kw_only=True):
    """How full a queue is that a condition asks for; told at most every ten seconds.

    `waiting` tickets wait in it, the oldest of them since `oldest`.
    """

    TYPE: ClassVar[str] = "queue.statistics"
    queue: str
    waiting: int
    oldest: datetime | None
    at: datetime


class RulebookActivated(Event, frozen=True, kw_only=True):
    """A rulebook is in force from here on; activations are numbered, a rollback is a new one.

    `files` are its texts by name; where they would be too large for a record they are none, and
    `packed` has them: their JSON, deflated (zlib), in base64. `by` is who wanted it, `origin` the
    way it came: folder (the watched one) or command; `rollback_of` is the activation that it goes
    back to; `routes` how many routes it has, 0 where nobody has counted them.
    """

    TYPE: ClassVar[str] = "rulebook.activated"
    activation: int
    version: str
    files: dict[str, str]
    packed: str = ""
    by: str = ""
    note: str = ""
    origin: str = "folder"
    rollback_of: int | None = None
    routes: int = 0


def _leaves(root: type[Event]) -> list[type[Event]]:
    children = root.__subclasses__()
    found = [leaf for child in children for leaf in _leaves(child)]
    return found if "TYPE" not in vars(root) else [root, *found]


ALL: tuple[type[Event], ...] = tuple(sorted(_leaves(Event), key=lambda event: event.__name__))
"""Every event, for the schemas and the docs."""

Raw = msgspec.Raw
