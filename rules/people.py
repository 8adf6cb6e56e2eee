"""Who works, and where work waits: pools, queues, agents, as the rulebook writes them."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from channels.request import Channel
from rules.scalars import Duration, Entry, Id, Skills, Span

Strategy = Literal["spare-capacity", "longest-idle", "least-loaded", "round-robin", "best-skill"]
"""Whom a queue asks first among those who can do the work."""


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
    mode: Literal["push", "pull"] | None = None
    """Whether it is offered in this step, where that is not the queue's mode."""
    move_to: Id | None = None
    """The step gives the ticket to this queue, of this pool or another: it is the last one."""
    skip_if: Literal["nobody-available"] | None = None
    """The step is passed over when nobody who could do it is available as it begins."""
    for_: Span | None = Field(default=None, alias="for")
    """How long the step lasts. Where the last one ends, the ticket is parked and escalated."""


class Queue(Entry):
    """Where tickets wait."""

    name: str | None = None
    """What people call it."""
    mode: Literal["push", "pull", "mixed"] = "push"
    """`push`: offered to the best agent; `pull`: agents take; `mixed`: left for the agents to take
    for `push_after`, then offered."""
    push_after: Span = timedelta(minutes=1)
    """How long a ticket of a mixed queue waits to be taken before it is offered."""
    strategy: Strategy = "spare-capacity"
    """Whom of those who can do it is asked first: who has most capacity to spare; who has been idle
    longest; whose share of capacity in use is least; who was asked longest ago; who has the
    highest levels of the skills asked for. The longest idle breaks ties."""
    sticky: Duration = timedelta(days=7)
    """For how long after they last had one of the customer's tickets an agent is asked before all
    others; `0s` never."""
    offer_timeout: Span = timedelta(seconds=30)
    """How long an offer waits for its agent."""
    reoffer_after: Span | None = None
    """How long who has refused a ticket is not asked again; the offer timeout if none is given."""
    max_offers: int | None = Field(default=None, ge=1, le=1000)
    """After so many offers that came to nothing the ticket is parked and escalated."""
    targets: list[QueueTarget] = []
    """The chain of steps that relaxes skills and widens to other queues."""
    aging: Duration = timedelta(minutes=10)
    """How much waiting one step of priority is worth."""


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
