"""In what time, and what happens when it is over: SLAs and ladders, as the rulebook writes them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from channels.request import Channel
from rules.scalars import Duration, Entry, Id, Many, Span, Warn


class Targets(Entry):
    """In what time what happens; docs/sla.md defines each."""

    first_response: Span | None = None
    """From the request to the first reply of a person."""
    next_response: Span | None = None
    """From the oldest message that waits for an answer to the reply."""
    periodic: Span | None = None
    """From a reply to the next one, while the ticket is open."""
    resolution: Span | None = None
    """From the request, or its reopening, to its resolution."""
    requester_wait: Span | None = None
    """As `resolution`, but standing still exactly while the ticket is pending."""
    agent_work: Span | None = None
    """As `resolution`, but standing still exactly while it is pending or on hold."""
    queue_time: Span | None = None
    """From coming to a queue until an agent has the ticket."""

    def durations(self) -> dict[str, timedelta]:
        """The targets that are named, with their times."""
        found = ((name, getattr(self, name)) for name in Targets.model_fields)
        return {name: within for name, within in found if within is not None}


class Priorities(Entry):
    """A range of priorities."""

    at_least: int = Field(default=0, ge=0, le=9)
    """The lowest of them."""
    at_most: int = Field(default=9, ge=0, le=9)
    """The highest of them."""


class TicketFacts(Entry):
    """What tickets a row of targets is for: all that is given must hold."""

    tier: Many[Id] | None = None
    """The customer is of one of these tiers."""
    type: Many[Id] | None = None
    """It is one of these kinds of request."""
    priority: Priorities | None = None
    """Its priority, after the ladder has raised it, is in this range."""
    channel: Many[Channel] | None = None
    """It came by one of these channels."""
    queue: Many[Id] | None = None
    """It is in one of these queues."""

    def hold(self, *, priority: int, **named: str | None) -> bool:
        """Whether a ticket is one of those; `named` are its tier, type, channel and queue."""
        if self.priority and not self.priority.at_least <= priority <= self.priority.at_most:
            return False
        return all(value in wanted for value, wanted in self._wanted(named))

    def _wanted(self, named: dict[str, str | None]) -> Iterator[tuple[str | None, list[str]]]:
        for field, value in named.items():
            wanted = getattr(self, field)
            if wanted is not None:
                yield value, wanted


class ForSome(Entry):
    """What holds for some tickets only."""

    when: TicketFacts
    """Which tickets."""


class TargetRow(Targets, ForSome):
    """Other times for some tickets."""


class Counted(Entry):
    """What is counted in business time."""

    calendar: Id
    """The calendar in which the targets are counted."""


class Sla(Targets, Counted):
    """Service-level targets, counted in `calendar` from the moment we got the message."""

    targets: list[TargetRow] = []
    """Rows of other times; what the first that holds names replaces the SLA's own."""
    pause: list[Literal["pending", "on-hold"]] = []
    """States in which the clocks stop."""
    warn: list[Warn] = []
    """When to warn: shares of a target, or times before its end, `[50%, 75%, 10m]`."""
    warn_notify: list[str] = []
    """Whom a warning notifies: contacts, and free words for whoever watches `sla.escalations`."""
    ladder: Id | None = None
    """What happens after a breach."""

    def promised(
        self, *, tier: str | None, type: str | None, priority: int, channel: str, queue: str
    ) -> dict[str, timedelta]:
        """What a ticket is promised: the targets by name, with their times."""
        own = self.durations()
        for row in self.targets:
            if row.when.hold(priority=priority, tier=tier, type=type, channel=channel, queue=queue):
                return own | row.durations()
        return own


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
