"""What only some tickets have: follow-ups, orders, the chat queue that they were missed in.

It is a part of the ticket, and so goes with it to another pool, and comes back after a restart;
a ticket that has none of it carries one empty field.
"""

from datetime import datetime
from typing import Any

import msgspec

MOST_ORDERS = 20
"""So many orders belong to one ticket at most."""

SENT = "sent"
"""What an order is until its worker accepts it."""

ENDED = frozenset({"done", "cancelled"})
"""What an order is for good."""


class FollowUp(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """A call-back or revisit that is to come at `due_at`; `number` counts within the ticket.

    `agent` asked for it, None: the type's rule; `prefers` is who should get it.
    """

    number: int
    kind: str
    due_at: datetime
    reason: str | None = None
    note: str | None = None
    phone: str | None = None
    agent: str | None = None
    prefers: str | None = None


class Order(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a worker was asked to do; `number` counts within the ticket, `notice` is our SMS."""

    number: int
    worker: str
    state: str
    address: str
    appointment: str
    ordered_at: datetime
    note: str | None = None
    phone: str | None = None
    notice: str = ""


class Left(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """The customer left the chat at `at`: what the ticket was before it came to queue `to`."""

    at: datetime
    queue: str
    to: str
    type: str | None = None
    sla: str | None = None


class Sign(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The chat's customer has left, or is back, at `at`: acted upon once all is read up to then."""

    left: bool
    at: datetime


class Aftercare(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """All of it. Of a ticket that follows up another, `asked` is what was wanted: attributes.

    `follow_ups` are those still to come, `numbered` how many there have been; `followed` says that
    the type's own has come, which no ticket gets twice.
    """

    asked: dict[str, Any] | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    numbered: int = 0
    followed: bool = False
    orders: tuple[Order, ...] = ()
    left: Left | None = None
    sign: Sign | None = None

    @property
    def unfinished(self) -> bool:
        """Whether something is still to come: a follow-up, or what a worker was asked to do."""
        return bool(self.follow_ups) or any(one.state not in ENDED for one in self.orders)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which something of it is due."""
        instants = [one.due_at for one in self.follow_ups]
        if self.sign is not None:
            instants.append(self.sign.at)
        return min(instants, default=None)


NOTHING = Aftercare()
