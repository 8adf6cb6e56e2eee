"""What follows a request: call-backs, revisits, missed chats, orders to workers in the field."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from channels import phone
from rules.scalars import Duration, Entry, Id, Language, Span

LONGEST_FOLLOW_UP = timedelta(days=366)
"""No follow-up is set further ahead: a year, also a leap year."""


def _within_a_year(duration: timedelta) -> timedelta:
    if duration > LONGEST_FOLLOW_UP:
        raise ValueError("expected a year at most")
    return duration


def _phone(number: str) -> str:
    found = phone.normalize(number, None)
    if found is None:
        raise ValueError("expected a telephone number with its country code: +86 138 0013 8000")
    return found


Phone = Annotated[str, AfterValidator(_phone)]
"""A telephone number, written internationally; it becomes E.164."""


class FollowUpRule(Entry):
    """A follow-up (回访) that every resolved ticket of a type gets, once."""

    after: Annotated[Duration, AfterValidator(_within_a_year)]
    """So long after the ticket was resolved, by the clock on the wall."""
    kind: Literal["callback", "revisit"] = "revisit"
    """What it is called: `callback` or `revisit`."""
    calendar: Id | None = None
    """Where this calendar is closed then, it comes when it opens next."""
    note: str | None = None
    """What the agent is told; without it the customer's own words."""


class MissedChat(Entry):
    """What becomes of a chat that its customer leaves before anybody has answered."""

    queue: Id
    """The queue that gets the ticket, of the same pool."""
    type: Id | None = None
    """The kind of request that it is from then on."""
    sla: Id | None = None
    """Its SLA from then on; without it the type's. The clocks begin when the customer leaves."""


def _as_missed(value: object) -> object:
    return {"queue": value} if isinstance(value, str) else value


Missed = Annotated[MissedChat, BeforeValidator(_as_missed, json_schema_input_type=Id | MissedChat)]


class Worker(Entry):
    """Somebody who works at the customer's: gets orders, has no desk."""

    name: str | None = None
    """What people call them."""
    phone: Phone
    """Their mobile number, with its country code: `"+86 138 0013 8000"`."""
    language: Language | None = None
    """In which their orders are written."""
    areas: list[str] = []
    """Where they work: free words, for whoever chooses."""
    skills: list[str] = []
    """What they can do: free words, for whoever chooses."""


ORDER_TEXTS: dict[Language, str] = {
    "zh-Hans": (
        "派工单{{ order }}：{{ customer }}{{ phone }}，地址：{{ address }}"
        "{% if appointment %}，时间：{{ appointment }}{% endif %}。"
        "{% if note %}{{ note }}。{% endif %}回复1接单，2完工"
    ),
    "en": (
        "Order {{ order }}: {{ customer }} {{ phone }}, at {{ address }}"
        "{% if appointment %}, {{ appointment }}{% endif %}. "
        "{% if note %}{{ note }}. {% endif %}Reply 1 to accept, 2 when done."
    ),
}
CANCELLED_TEXTS: dict[Language, str] = {
    "zh-Hans": "派工单{{ order }}已取消：{{ address }} {{ appointment }}",
    "en": "Order {{ order }} is cancelled: {{ address }} {{ appointment }}",
}


class Orders(Entry):
    """How workers in the field are told of their orders (派工单)."""

    account: str | None = None
    """The SMS account that the notices leave by; needed where there are workers."""
    accept_within: Span | None = None
    """How long a worker has for accepting, in the calendar of the ticket's SLA."""
    notice: str | dict[Language, str] = ORDER_TEXTS
    """The SMS for a new order: a text, or one by language."""
    cancelled: str | dict[Language, str] = CANCELLED_TEXTS
    """The SMS for an order that is taken back."""
