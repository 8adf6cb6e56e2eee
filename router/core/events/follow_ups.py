"""Call-backs, revisits, and the orders to workers outside."""

from datetime import datetime
from typing import ClassVar

from router.core.events.base import TicketEvent


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
