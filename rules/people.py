"""Who works, and where work waits: pools, queues, agents, as the rulebook writes them."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from channels.request import Channel
from rules.aftercare import Missed
from rules.scalars import Duration, Entry, Id, Skills, Span


class Pool(Entry):
    """Queues and agents that share work; one pool has one writer at a time."""

    name: str | None = None
    """What people call it."""
    queues: list[Id]
    """Its queues; a queue is in exactly one pool."""


class QueueTarget(Entry):
    """One step of a queue's chain, which begins when the ticket comes to the queue."""

    skills: Skills = {}
    """Levels that are asked for in this step, laid over the ticket's."""
    queues: list[Id] = []
    """Further queues whose agents are asked too."""
    for_: Span | None = Field(default=None, alias="for")
    """How long the step lasts. Where the last one ends, the ticket is parked and escalated."""


class Queue(Entry):
    """Where tickets wait."""

    name: str | None = None
    """What people call it."""
    mode: Literal["push", "pull"] = "push"
    """`push`: offered to the best agent; `pull`: agents take."""
    offer_timeout: Span = timedelta(seconds=30)
    """How long an offer waits for its agent."""
    targets: list[QueueTarget] = []
    """The chain of steps that relaxes skills and widens to other queues."""
    aging: Duration = timedelta(minutes=10)
    """How much waiting one step of priority is worth."""
    missed: Missed | None = None
    """Where a chat goes whose customer leaves before anybody has answered: a queue, or a queue with
    the type and the SLA that it has there."""


class Agent(Entry):
    """Who works."""

    name: str | None = None
    """What people call them."""
    pool: Id
    """The one pool that they belong to."""
    queues: list[Id]
    """The queues of that pool that they serve."""
    skills: Skills = {}
    """What they can do, with levels."""
    capacity: int = Field(default=1, ge=0, le=1000)
    """How much they can do at once."""
    weights: dict[Channel, Annotated[int, Field(ge=0, le=1000)]] = {}
    """How much of the capacity a ticket of a channel takes: 1 where none is given."""
    stage: Literal["newcomer", "junior", "regular", "senior"] = "regular"
    """How far they have come."""
    calendar: Id | None = None
    """Their shifts."""


class Presence(Entry):
    """An agent's presence is a lease that the desk renews."""

    lease: Span = timedelta(minutes=2)
    """How long an agent is present without a sign of life."""
    grace: Duration = timedelta(minutes=1)
    """How long after that the tickets go back."""
    missed_offers: int = Field(default=3, ge=1)
    """Who lets so many offers lapse one after another is `away`."""
