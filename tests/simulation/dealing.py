"""How work is dealt out: in order, to whoever has most to spare, at no other time than it is due.

As in `checkers`, only events are read, and nothing of the router's is used. What a queue without a
chain does can be worked out from them whole: tickets of one kind ask for the same there. Where the
router says that an agent was spared for a while, it must have had a reason to.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.checkers import Checker, Event, Hands, Rules, Run, departed, instant_of

HIGHEST = 9

Kind = tuple[str, str, str | None, tuple[tuple[str, int], ...]]
"""What tickets that ask for the same have in common: queue, channel, type, skills."""


@dataclass
class Seat:
    """A ticket that waits, or did: where, of which kind, since when, and what is added to that."""

    queue: str
    channel: str
    type: str | None
    skills: dict[str, int]
    since: datetime
    bonus: float
    priority: int
    aging: float

    @property
    def order(self) -> datetime:
        """Its place: earlier is served first."""
        return self.since - timedelta(seconds=self.priority * self.aging + self.bonus)

    @property
    def kind(self) -> Kind:
        """What it asks of an agent."""
        return self.queue, self.channel, self.type, tuple(sorted(self.skills.items()))


@dataclass
class Floor:
    """Who is there, what waits, and who refused what, event by event."""

    run: Run
    rules: Rules
    here: set[str] = field(default_factory=set)
    waiting: dict[str, Seat] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    lately: dict[str, str] = field(default_factory=dict)
    wrote: dict[str, str] = field(default_factory=dict)
    customers: dict[str, tuple[str, str]] = field(default_factory=dict)
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    strained: set[str] = field(default_factory=set)
    ages: dict[str, tuple[datetime, str | None]] = field(default_factory=dict)
    came: dict[str, datetime] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hands = Hands(self.run, self.rules)
        self.left = departed(self.run)
        for event in self.run.of("requests.inbound"):
            self.came[event.id] = instant_of(event.data["received_at"])

    def offers(self) -> Iterator[Event]:
        """Each offer in a queue without a chain, before it is followed."""
        for event in self.run.of("tickets.events"):
            if event.type == "ticket.offered" and event.data["queue"] in self.rules.serving:
                yield event
            self._follow(event)

    def _follow(self, event: Event) -> None:
        self.hands.take(event)
        step = getattr(self, "_" + event.type.replace(".", "_"), None)
        if step is not None:
            step(event, event.data)

    def _agent_presence(self, _: Event, data: dict[str, Any]) -> None:
        (self.here.add if data["state"] == "available" else self.here.discard)(data["agent"])

    def _ticket_opened(self, _: Event, data: dict[str, Any]) -> None:
        self.ages[data["ticket"]] = self.came[data["request"]], data["tier"]

    def _ticket_message(self, _: Event, data: dict[str, Any]) -> None:
        ticket = data["ticket"]
        if data["automatic"] is None and ticket in self.ages:
            self.wrote[ticket] = data["request"]

    def _ticket_reopened(self, event: Event, data: dict[str, Any]) -> None:
        """It begins to wait anew, from the message or the command that reopened it."""
        ticket, by = data["ticket"], data["by"]
        request = self.wrote.get(ticket, "")
        since = self.came[request] if by == "customer" else instant_of(data["at"])
        self.ages[ticket] = since, self.ages[ticket][1]
        self._forgive(ticket)

    def _ticket_queued(self, event: Event, data: dict[str, Any]) -> None:
        ticket, queue = data["ticket"], data["queue"]
        since, tier = self.ages[ticket]
        bonus, aging = self.rules.bonus.get(tier or "", 0), self.rules.aging.get(queue, 0)
        seat = Seat(
            queue, data["channel"], data["type"], data["skills"], since, bonus,
            data["priority"], aging,
        )  # fmt: skip
        if ticket not in self.seats:
            self._who_comes(ticket, data)
        self.waiting[ticket] = self.seats[ticket] = seat
        self.since[ticket] = event.time

    def _who_comes(self, ticket: str, data: dict[str, Any]) -> None:
        """Whose ticket it is, and whom they know in this pool."""
        key = data["customer"] or data["conversation"].partition("-")[0]
        self.customers[ticket] = data["pool"], key
        if (data["pool"], key) in self.known:
            self.lately[ticket] = self.known[data["pool"], key]

    def _ticket_requeued(self, event: Event, data: dict[str, Any]) -> None:
        ticket = data["ticket"]
        self.waiting[ticket] = seat = self.seats[ticket]
        seat.priority = data["priority"]
        self.since[ticket] = event.time

    def _ticket_updated(self, _: Event, data: dict[str, Any]) -> None:
        """What is asked for is something else now, or more urgent."""
        seat = self.seats[data["ticket"]]
        seat.priority = data["after"].get("priority", seat.priority)
        seat.skills = data["after"].get("skills", seat.skills)

    def _sla_escalated(self, _: Event, data: dict[str, Any]) -> None:
        """The ladder raises the priority, also of what does not wait now."""
        seat = self.seats.get(data["ticket"])
        if seat is not None:
            steps = self.rules.raises.get(data["level"], 0)
            seat.priority = min(seat.priority + steps, HIGHEST)

    def _ticket_offered(self, _: Event, data: dict[str, Any]) -> None:
        self.waiting.pop(data["ticket"], None)

    def _ticket_assigned(self, _: Event, data: dict[str, Any]) -> None:
        ticket, agent = data["ticket"], data["agent"]
        self.lately[ticket] = self.known[data["pool"], self.customers[ticket][1]] = agent
        if self.seats[ticket].type in self.rules.hard:
            self.strained.add(agent)
        self._forgive(data["ticket"])
        self._gone(_, data)

    def _gone(self, _: Event, data: dict[str, Any]) -> None:
        self.waiting.pop(data["ticket"], None)

    _ticket_resolved = _ticket_closed = _ticket_merged = _gone

    def _ticket_transferred(self, _: Event, data: dict[str, Any]) -> None:
        self.waiting.pop(data["ticket"], None)
        if data["agent"] is not None:
            self.lately.pop(data["ticket"], None)
            self.refused.add((data["agent"], data["ticket"]))

    def _ticket_offer_declined(self, event: Event, data: dict[str, Any]) -> None:
        self.refused.add((data["agent"], data["ticket"]))
        self._ticket_offer_rescinded(event, data)

    _ticket_offer_expired = _ticket_offer_declined

    def _ticket_offer_rescinded(self, event: Event, data: dict[str, Any]) -> None:
        self.since[data["ticket"]] = event.time
        self.waiting[data["ticket"]] = self.seats[data["ticket"]]

    def _forgive(self, ticket: str) -> None:
        self.refused = {one for one in self.refused if one[1] != ticket}

    def waits(self, ticket: str, at: datetime) -> bool:
        """Whether it does, and is not on its way to another pool."""
        since = self.since[ticket]
        return not any(since <= left <= at for left in self.left.get(ticket, ()))

    def asks(self, agent: str, ticket: str) -> bool:
        """Whether the agent was surely to be asked: for how long a refusal holds, timers say."""
        return (agent, ticket) not in self.refused

    def spared(self, agent: str, event: Event) -> bool:
        """Whether the router says that somebody was, and it may have been this agent."""
        said, load = event.data["explanation"]["not_eligible"], self.hands.load(agent, event.time)
        hard = agent in self.strained
        rests = hard and self.seats[event.data["ticket"]].type in self.rules.hard
        reasons = {"ramp": load >= self.rules.ramp, "pause": hard, "rest": rests}
        return any(holds and reason in said for reason, holds in reasons.items())

    def able(self, agent: str, ticket: str) -> bool:
        """Whether the agent has the skills that are asked for."""
        has = self.rules.skills.get(agent, {})
        return all(has.get(one, 0) >= level for one, level in self.seats[ticket].skills.items())


def nothing_overtakes_by_more_than_the_bound(run: Run, rules: Rules) -> list[str]:
    """Whoever is offered a ticket could have had no other of its kind with an earlier key.

    The key is arrival less `aging` for each step of priority less the tier's bonus: so a ticket is
    overtaken by those alone that came within so long after it, and nothing starves.
    """
    floor, wrong = Floor(run, rules), []
    for event in floor.offers():
        ticket, agent = event.data["ticket"], event.data["agent"]
        seat = floor.seats[ticket]
        for other, waits in floor.waiting.items():
            sooner = (
                waits.kind == seat.kind and waits.order < seat.order and floor.asks(agent, other)
            )
            if sooner and floor.waits(other, event.time):
                late = (seat.order - waits.order).total_seconds()
                wrong.append(f"{agent} is offered {ticket}, {late:g} s after {other} in order")
    return wrong


def work_goes_to_whoever_has_most_to_spare(run: Run, rules: Rules) -> list[str]:
    """Of those who are there, have room and have not refused; but who knows the customer first."""
    floor, wrong = Floor(run, rules), []
    leaving = {at for departures in floor.left.values() for at in departures}
    for event in floor.offers():
        in_force = run.under(event, rules)
        if event.time in leaving or len(in_force) > 1:
            continue  # what was before and what after it the log does not tell
        ticket, chosen, queue = (event.data[name] for name in ("ticket", "agent", "queue"))
        known, why = floor.lately.get(ticket), event.data["explanation"]["by"]
        if (why == "sticky") != (known == chosen):
            wrong.append(f"{chosen} is offered {ticket} ({why}), whose customer knows {known}")
        spare = {
            agent: in_force[0].capacity[agent] - floor.hands.load(agent, event.time)
            for agent in floor.here.intersection(rules.serving[queue])
            if floor.able(agent, ticket) and (agent == chosen or floor.asks(agent, ticket))
        }
        if chosen not in spare:
            wrong.append(f"{chosen} is offered {ticket} of {queue}, and cannot do it")
        better = {
            one
            for one, most in spare.items()
            if most >= rules.weight(one, event.data["channel"])
            and (one == known or most > spare.get(chosen, 0))
            and not floor.spared(one, event)
        }
        if better and chosen != known:
            wrong.append(f"{chosen} is offered {ticket} of {queue}: {spare} at {event.time}")
    return wrong


def no_timer_is_early(run: Run, rules: Rules) -> list[str]:
    """An offer does not expire, nor is work taken from who has gone, before it is time."""
    due: dict[str, datetime] = {}
    wrong = []
    for event in run.of("tickets.events"):
        data = event.data
        if event.type == "ticket.offered":
            due[data["offer"]] = instant_of(data["expires_at"])
        elif event.type == "agent.presence" and data["state"] == "offline":
            due[data["agent"]] = event.time + timedelta(seconds=rules.grace_seconds)
        elif event.time <= _fires(event, due):
            wrong.append(f"{event.type} of {data['ticket']} at {event.time}")
    return wrong


def _fires(event: Event, due: dict[str, datetime]) -> datetime:
    """The instant after which an event may come, if a timer makes it."""
    if event.type == "ticket.offer_expired":
        return due[event.data["offer"]]
    if event.type == "ticket.requeued" and event.data["reason"] == "agent_offline":
        return due[event.data["agent"]]
    if event.type in {"sla.warning", "sla.breached", "sla.escalated"}:
        return instant_of(event.data["lapsed_at"]) - timedelta(microseconds=1)
    return datetime.min.replace(tzinfo=event.time.tzinfo)


def each_offer_comes_to_one_end(run: Run, _: Rules) -> list[str]:
    """Accepted, declined, expired or taken back, once; at the end of a quiet run none is open."""
    ends: Counter[str] = Counter()
    made: dict[str, Event] = {}
    kinds: dict[str, set[str]] = defaultdict(set)
    for event in run.of("tickets.events"):
        offer: Any = event.data.get("offer")
        if event.type == "ticket.offered":
            made[offer] = event
        elif offer is not None and event.type.startswith("ticket."):
            ends[offer] += 1
            kinds[offer].add(event.type)
    moved = {event.data["ticket"]["id"] for event in run.of("tickets.triaged", "ticket.moved")}
    wrong = [f"an end of no offer: {offer}" for offer in ends.keys() - made.keys()]
    return wrong + [
        f"offer {offer} came to {sorted(kinds[offer])}"
        for offer, event in made.items()
        if ends[offer] != 1 and event.data["ticket"] not in moved
    ]


DEALING: tuple[Checker, ...] = (
    nothing_overtakes_by_more_than_the_bound,
    work_goes_to_whoever_has_most_to_spare,
    no_timer_is_early,
    each_offer_comes_to_one_end,
)
