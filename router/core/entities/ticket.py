"""The ticket as dispatch keeps it: the unit of work that is routed."""

from datetime import datetime

import msgspec

from router.core.entities.aftercare import Aftercare
from router.core.entities.clock import Clock, Pause
from router.core.entities.entity import Entity
from router.core.lifecycle import OPEN, SET_ASIDE, WAITING, TicketState

MISSING_KEPT = 100
MOST_PAUSES = 1_000
"""Of a ticket that was put aside more often the oldest pauses count as time that was worked."""


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A ticket reserved for one agent until `expires_at` (TaskRouter's reservation)."""

    id: str
    agent: str
    expires_at: datetime


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """An agent who has just declined, or let an offer lapse, is not asked again until `until`."""

    agent: str
    until: datetime


class Joined(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A ticket that was merged into another, and which messages of its conversation have come."""

    ticket: str
    conversation: str
    number: int = 0
    missing: tuple[int, ...] = ()


class Ticket(Entity, frozen=True, kw_only=True):
    """One ticket. `enqueued_at` is its original age in the queue and survives every return.

    `chain_since` is when its queue's target chain began, `place` counts the steps that have
    passed since; `weight` is the capacity that it uses of its agent while offered or assigned;
    `last_agent` is whom the customer knows, since `last_agent_at` (None: at any time); `offers`
    counts those of the present queue that came to nothing; `waiting_since` is the oldest customer
    message that nobody has answered; `number` is the newest customer message's, `missing` are
    earlier ones that have not come yet; `sent` numbers our messages. `rule` is the route that
    decided, `sla_from` who named its SLA; `until` is when it goes on by itself while set aside;
    `joined` are the tickets that were merged into it. A resolved one is wrapped up until
    `wrapping_until`.

    What its clocks are worked out from: `cycle`, the newest; `opened`, the cycle in which it was
    last opened, at `opened_at` if not at its creation; `first`, that in which a first response is
    owed (a missed chat's begins anew); `comings`, how often it has come to a queue since then, the
    last time at `queued_at` unless the ladder moved it; `came_at`, when it came from another pool;
    `replied_at`, the newest reply since it was opened; `steps_done`; `pauses` since it was opened,
    the newest `MOST_PAUSES`.
    """

    id: str
    conversation: str
    pool: str
    queue: str
    channel: str
    account: str
    external_id: str
    rulebook: str
    state: TicketState
    version: int = 0
    type: str | None = None
    priority: int = 0
    skills: dict[str, int] = msgspec.field(default_factory=dict)
    tier: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    sla: str | None = None
    customer: str | None = None
    sender: str = ""
    sender_name: str | None = None
    answer_to: str = ""
    answer_name: str | None = None
    subject: str | None = None
    text: str = ""
    last_message_id: str | None = None
    references: tuple[str, ...] = ()
    created_at: datetime
    enqueued_at: datetime
    chain_since: datetime
    place: int = 0
    comings: int = msgspec.field(default=0, name="parked")
    agent: str | None = None
    last_agent: str | None = None
    last_agent_at: datetime | None = None
    weight: int = 0
    offer: Offer | None = None
    offers: int = 0
    refusals: tuple[Refusal, ...] = ()
    clocks: tuple[Clock, ...] = ()
    answered: bool = False
    cycle: int = 0
    opened: int = 0
    first: int = 0
    opened_at: datetime | None = None
    queued_at: datetime | None = None
    came_at: datetime | None = None
    replied_at: datetime | None = None
    steps_done: tuple[str, ...] = ()
    pauses: tuple[Pause, ...] = ()
    waiting_since: datetime | None = None
    number: int = 0
    missing: tuple[int, ...] = ()
    sent: int = 0
    return_at: datetime | None = None
    relax_at: datetime | None = None
    resolved_at: datetime | None = None
    aftercare: Aftercare | None = None
    wrapping_until: datetime | None = None
    rule: str = ""
    sla_from: str | None = None
    until: datetime | None = None
    joined: tuple[Joined, ...] = ()

    @property
    def open(self) -> bool:
        """Whether somebody still owes the customer something."""
        return self.state in OPEN

    @property
    def waits(self) -> bool:
        """Whether it seeks an agent."""
        return self.state in WAITING

    @property
    def set_aside(self) -> bool:
        """Whether its agent waits for somebody else before they go on with it."""
        return self.state in SET_ASIDE

    @property
    def holder(self) -> str | None:
        """The agent whose capacity it uses: it is offered, assigned to, or wrapped up by them."""
        if self.state is TicketState.OFFERED and self.offer is not None:
            return self.offer.agent
        if self.state is TicketState.ASSIGNED or self.wrapping_until is not None:
            return self.agent
        return None

    def once_here(self, at: datetime) -> datetime:
        """When what was asked of its pool at `at` is done: not before the ticket is there."""
        return at if self.came_at is None else max(at, self.came_at)

    def lacks(self, number: int) -> bool:
        """Whether the customer's message `number` has not come yet."""
        return number > self.number or number in self.missing

    def missing_after(self, number: int) -> tuple[int, ...]:
        """What is missing once message `number` has come."""
        return missing_after(self.number, self.missing, number)

    def refused_by(self, agent: str) -> bool:
        """Whether `agent` is not to be asked now."""
        return any(refusal.agent == agent for refusal in self.refusals)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which something about this ticket is due."""
        instants = [clock.next_at for clock in self.clocks if clock.next_at is not None]
        if self.offer is not None:
            instants.append(self.offer.expires_at)
        if self.waits:
            instants += [refusal.until for refusal in self.refusals]
            if self.relax_at is not None:
                instants.append(self.relax_at)
        if self.return_at is not None:
            instants.append(self.return_at)
        if self.aftercare is not None and (at := self.aftercare.next_wake()) is not None:
            instants.append(at)
        if self.wrapping_until is not None:
            instants.append(self.wrapping_until)
        if self.until is not None and self.set_aside:
            instants.append(self.until)
        return min(instants, default=None)


def missing_after(newest: int, missing: tuple[int, ...], number: int) -> tuple[int, ...]:
    """What is missing once message `number` has come: it may overtake others, or be late."""
    lacking = (*missing, *range(newest + 1, number))
    return tuple(one for one in lacking if one != number)[-MISSING_KEPT:]


class Stub(Entity, frozen=True, kw_only=True):
    """What is kept of a ticket that is no longer here: where its messages now go.

    It went to another pool, or was merged `into` another ticket.
    """

    ticket: str
    conversation: str
    pool: str
    into: str | None = None
