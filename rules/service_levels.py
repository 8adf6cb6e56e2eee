"""In what time, and what happens when it is over: SLAs and ladders, as the rulebook writes them."""

from typing import Literal

from pydantic import Field

from rules.scalars import Duration, Entry, Id, Share, Span


class Sla(Entry):
    """Service-level targets, counted in `calendar` from the moment we got the message."""

    calendar: Id
    """The calendar in which the targets are counted."""
    first_response: Span | None = None
    """From the request to the first reply of a person."""
    next_response: Span | None = None
    """From the oldest message that waits for an answer to the reply."""
    resolution: Span | None = None
    """From the request to its resolution."""
    pause: list[Literal["pending", "on-hold"]] = []
    """States in which the clocks stop."""
    warn: list[Share] = []
    """Shares of a target at which a warning is given: `[50%, 75%]`."""
    warn_notify: list[str] = []
    """Whom a warning notifies: contacts, and free words for whoever watches `sla.escalations`."""
    ladder: Id | None = None
    """What happens after a breach."""


class LadderLevel(Entry):
    """One rung of a ladder."""

    level: int = Field(ge=1, le=9)
    """Its number, by which an escalation is known."""
    after: Duration
    """How long after the breach it is reached, by the clock on the wall."""
    notify: list[str] = []
    """Contacts, and free words for whoever watches `sla.escalations`."""
    raise_priority: int = Field(default=0, ge=0, le=9)
    """So much is added to the ticket's priority."""
    move_to: Id | None = None
    """The queue that gets the ticket."""
