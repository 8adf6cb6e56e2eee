"""Who works, and where work waits: pools, queues, agents, as the rulebook writes them."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from channels.request import Channel
from rules.aftercare import Missed
from rules.scalars import Duration, Entry, Id, Many, Skills, Span

PresenceState = Literal["available", "busy", "away", "wrap_up", "offline"]
"""What an agent can be; only who is `available` is offered work."""

STAGES = ("newcomer", "junior", "regular", "senior")
"""Stages that need no entry in `stages`: as long as they have none, they limit nothing."""

NOTHING = timedelta(0)


def _shape(value: Any) -> str:
    return "mapping" if isinstance(value, dict) else "plain"


QueuePriority = Annotated[int, Field(ge=1, le=9)]
ServedQueues = Annotated[
    Annotated[list[Id], Tag("plain")] | Annotated[dict[Id, QueuePriority], Tag("mapping")],
    Discriminator(_shape),
]
WrapUp = Annotated[
    Annotated[Duration, Tag("plain")] | Annotated[dict[Channel, Duration], Tag("mapping")],
    Discriminator(_shape),
]
Weight = Annotated[int, Field(ge=0, le=1000)] | Literal["all"]

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
    missed: Missed | None = None
    """Where a chat goes whose customer leaves before anybody has answered: a queue, or a queue with
    the type and the SLA that it has there."""
    wrap_up: WrapUp = NOTHING
    """How long a resolved ticket still takes up its agent: `30s`; by channel `{hotline: 30s}`."""

    def wrap_up_of(self, channel: str) -> timedelta:
        """How long an agent wraps a ticket of `channel` up."""
        if isinstance(self.wrap_up, timedelta):
            return self.wrap_up
        found: dict[str, timedelta] = {str(name): span for name, span in self.wrap_up.items()}
        return found.get(channel, NOTHING)


class Stage(Entry):
    """How far agents have come, and what they are given there."""

    name: str | None = None
    """What people call it."""
    capacity: int | None = Field(default=None, ge=1, le=1000)
    """The most that they do at once, whatever their own capacity."""
    types: list[Id] = []
    """The only kinds of request that they get."""
    not_types: list[Id] = []
    """Kinds of request that they do not get."""


class Reserve(Entry):
    """For whom an agent is kept free."""

    tiers: Many[Id]
    """Only tickets of these tiers are offered to the agent."""
    lend_after: Span | None = None
    """Who had nothing to do for so long is offered one ticket of any tier; never, if not given."""


class Agent(Entry):
    """Who works."""

    name: str | None = None
    """What people call them."""
    pool: Id
    """The one pool that they belong to."""
    role: Literal["agent", "supervisor"] = "agent"
    """A supervisor may also do what concerns others, and change the agents of their pool."""
    queues: ServedQueues
    """The queues of that pool that they serve; with priorities, `{complaints: 1, billing: 2}`, who
    comes free gets what waits in a queue of 1 first."""
    skills: Skills = {}
    """What they can do, with levels."""
    capacity: int = Field(default=1, ge=0, le=1000)
    """How much they can do at once."""
    weights: dict[Channel, Weight] = {}
    """How much of the capacity a ticket of a channel takes: 1 where none is given; `all` is offered
    only to who has nothing else, and nothing is beside it."""
    stage: Id = "regular"
    """How far they have come: one of `stages`, or `newcomer`, `junior`, `regular`, `senior`."""
    calendar: Id | None = None
    """Their shifts: outside of them they are offered nothing."""
    reserve: Reserve | None = None
    """The tiers for which they are kept free."""

    def priority_of(self, queue: str) -> int:
        """The priority of one of their queues; 1 comes first."""
        return self.queues[queue] if isinstance(self.queues, dict) else 1

    def by_priority(self, queues: Iterable[str]) -> list[list[str]]:
        """Some of their queues, those of equal priority together; 1 comes first."""
        if not isinstance(self.queues, dict):
            return [list(queues)]
        ordered = sorted(queues, key=self.priority_of)
        return [list(equals) for _, equals in groupby(ordered, key=self.priority_of)]


class Protection(Entry):
    """Hard cases wear people out: how many one agent gets, and what comes after one."""

    types: list[Id] = []
    """Kinds of request that are hard."""
    tags: list[str] = []
    """Tags that make a ticket a hard one."""
    in_a_row: int | None = Field(default=None, ge=1)
    """So many hard tickets one after another, then another one, or a rest; else any number."""
    rest: Span = timedelta(minutes=10)
    """Who had no hard ticket in their hands for so long begins to count anew."""
    pause: Duration = NOTHING
    """How long an agent is offered nothing at all after a hard ticket."""


class PresenceReason(Entry):
    """Why an agent is not there, or is busy."""

    name: str | None = None
    """What people call it."""
    state: PresenceState
    """The presence that it is a reason of."""
    at_most: Span | None = None
    """After so long operations are told that the agent is overdue."""


class Ramp(Entry):
    """Who becomes available is filled gradually."""

    start: int = Field(default=1, ge=1, le=1000)
    """Up to so much of the capacity is filled at once."""
    every: Span = timedelta(seconds=30)
    """After each such time there is more."""
    step: int = Field(default=1, ge=1, le=1000)
    """So much more."""


class Presence(Entry):
    """An agent's presence is a lease that the desk renews."""

    lease: Span = timedelta(minutes=2)
    """How long an agent is present without a sign of life."""
    grace: Duration = timedelta(minutes=1)
    """How long after that the tickets go back."""
    missed_offers: int = Field(default=3, ge=1)
    """Who lets so many offers lapse one after another is `away`."""
    reasons: dict[Id, PresenceReason] = {}
    """Why agents are in a state. Who comes into one that has reasons must give one of them."""
    ramp: Ramp | None = None
    """How agents who become available are filled; at once, if not given."""
