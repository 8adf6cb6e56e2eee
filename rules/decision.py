"""What the rules decide about one request, and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from channels.request import CustomerRequest


class Waiting(msgspec.Struct, frozen=True):
    """How full a queue is: tickets that wait in it, and since when the oldest of them does."""

    tickets: int
    oldest: datetime | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision may depend on: the request, who the customer is, and the instant.

    `customer` is the id in reference data; `previous` are the instants at which earlier tickets of
    the same address were opened; `queues` what is known of how full queues are.
    """

    request: CustomerRequest
    at: datetime
    customer: str | None = None
    tier: str | None = None
    language: str | None = None
    attributes: Mapping[str, Any] = msgspec.field(default_factory=dict)
    previous: tuple[datetime, ...] = ()
    queues: Mapping[str, Waiting] = msgspec.field(default_factory=dict)

    @property
    def attributes_seen(self) -> Mapping[str, Any]:
        """The request's attributes, and over them what reference data says of the customer."""
        if not self.attributes:
            return self.request.attributes
        return {**self.request.attributes, **self.attributes}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes. `sla` and `ack` are ids or null; `drop` is a reason or null.

    `explanation` says which routes were candidates, which clause of the winner matched which span
    of the text, and what was overridden.
    """

    queue: str
    pool: str
    type: str | None
    priority: int
    skills: dict[str, int]
    tier: str | None
    sla: str | None
    ack: str | None
    tags: tuple[str, ...]
    rule: str
    rulebook: str
    drop: str | None = None
    explanation: dict[str, Any] = msgspec.field(default_factory=dict)
