"""The roots of all events."""

from datetime import datetime
from typing import ClassVar

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The root of all event data: nothing but its type."""

    TYPE: ClassVar[str]


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
