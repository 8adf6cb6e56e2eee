"""What the stages and the pools tell one another."""

from datetime import datetime
from typing import ClassVar

from channels.request import CustomerRequest
from router.core.entities.ticket import Ticket
from router.core.events.base import Event


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


class TicketMoved(Event, frozen=True, kw_only=True):
    """The whole ticket, for the pool that it goes to (topic `tickets.triaged`).

    It has left `at` the instant of what moved it; older versions did not say when.
    """

    TYPE: ClassVar[str] = "ticket.moved"
    ticket: Ticket
    from_queue: str
    agent: str | None
    reason: str
    by: str | None = None
    at: datetime | None = None


class QueueStatistics(Event, frozen=True, kw_only=True):
    """How full a queue is that a condition asks for; told at most every ten seconds.

    `waiting` tickets wait in it, the oldest of them since `oldest`.
    """

    TYPE: ClassVar[str] = "queue.statistics"
    queue: str
    waiting: int
    oldest: datetime | None
    at: datetime
