"""Conversations, and the customers' addresses on which they are held."""

from datetime import datetime

import msgspec

from router.core.entities.entity import Entity


class Conversation(Entity, frozen=True, kw_only=True):
    """One thread with one customer on one channel account.

    `count` numbers its messages; `message_ids` are the customer's own, newest last, and `last_at`
    is when a person last wrote: what a machine sends keeps no conversation alive. `into` is the
    ticket that its own was merged into; `aside`: it is one that we began.
    """

    id: str
    ticket: str
    pool: str
    state: str = "open"
    count: int = 1
    opened_at: datetime
    last_at: datetime
    resolved_at: datetime | None = None
    message_ids: tuple[str, ...] = ()
    into: str | None = None
    aside: bool = False

    @property
    def home(self) -> str:
        """The ticket that has its messages now."""
        return self.into or self.ticket


class Sent(msgspec.Struct, frozen=True, gc=False):
    """An automatic message that we sent: when, and a hash of the text that it answered."""

    at: datetime
    text: str


class Contact(Entity, frozen=True, kw_only=True):
    """A customer's address on one of our accounts, under its conversation key."""

    conversations: tuple[str, ...] = ()
    sent: tuple[Sent, ...] = ()
    opted_out: bool = False
    last_at: datetime
