"""What must hold of any run, read off the topics alone.

These checks share no code with the router: they take events as plain JSON, in the order of each
topic, and know only the contract's words. Each returns the violations that it found.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from tests.simulation.reference import Lapse, Request, Sla, Ticket


@dataclass(frozen=True)
class Event:
    """A stored record, as any consumer sees it."""

    topic: str
    key: str
    id: str
    type: str
    time: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """What the checker knows of the rulebook: agents' capacity and weights, the SLAs.

    `serving` are the agents of queues without a chain, whose every ticket asks for the same;
    `aging` is what a step of priority is worth there, `bonus` what a tier is, in seconds; `raises`
    are the steps by which a level of the ladder raises it. Who has just come is not spared with
    less than `ramp` in hands; who had none of the `hard` types need not rest from them.
    """

    capacity: Mapping[str, int]
    weights: Mapping[str, Mapping[str, int]]
    slas: Mapping[str, Sla]
    serving: Mapping[str, Sequence[str]] = field(default_factory=dict)
    aging: Mapping[str, float] = field(default_factory=dict)
    bonus: Mapping[str, float] = field(default_factory=dict)
    raises: Mapping[int, int] = field(default_factory=dict)
    grace_seconds: float = 0
    ramp: int = 0
    hard: Sequence[str] = ()
    skills: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def weight(self, agent: str, channel: str) -> int:
        """How much of an agent's capacity a ticket takes."""
        return self.weights.get(agent, {}).get(channel, 1)


class Run:
    """All events of one run by topic, and by ticket in order.

    With `partitioned` topics the order of events of different tickets is not the log's to tell.
    `under` are the rules under which each of `tickets.events` may have come about, where they
    change.
    """

    def __init__(
        self,
        events: Iterable[Event],
        ended_at: datetime,
        *,
        partitioned: bool = False,
        under: Sequence[Sequence[Rules]] = (),
    ) -> None:
        self._under = under
        self.ended_at = ended_at
        self.partitioned = partitioned
        self.topics: dict[str, list[Event]] = defaultdict(list)
        self._places: dict[str, int] = {}
        self.tickets: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            if event.topic == "tickets.events":
                self._places.setdefault(event.id, len(self.topics[event.topic]))
            self.topics[event.topic].append(event)
            if event.topic == "tickets.events" and event.data.get("ticket"):
                self.tickets[event.data["ticket"]].append(event)

    def under(self, event: Event, rules: Rules) -> Sequence[Rules]:
        """The rules that an event of `tickets.events` may have come about under."""
        place = self._places[event.id]
        return self._under[place] if place < len(self._under) else (rules,)

    def of(self, topic: str, *types: str) -> list[Event]:
        """The events of a topic, of these types if any are given."""
        return [event for event in self.topics[topic] if not types or event.type in types]


WRITTEN_BY_EDGES = {
    "requests.inbound", "agent.commands", "messages.receipts", "customers", "rulebook",
}  # fmt: skip
"""At least once: what is not confirmed is published again, under the same id."""


def every_request_has_one_fate(run: Run, _: Rules) -> list[str]:
    """Each distinct request opened a ticket, joined one, was filed, or is a dead letter."""
    fates: Counter[str] = Counter()
    for event in run.of("tickets.events", "ticket.opened", "ticket.message", "request.filed"):
        fates[event.data["request"]] += 1
    for event in run.of("deadletter", "record.deadlettered"):
        envelope = event.data.get("envelope") or {}
        if event.data["origin"].get("topic") == "requests.inbound":
            fates[envelope.get("id", "?")] += 1
    came = {event.id for event in run.of("requests.inbound")}
    wrong = [f"request {one}: {fates[one]} fates" for one in sorted(came) if fates[one] != 1]
    return wrong + [f"fate of an unknown request {one}" for one in sorted(set(fates) - came)]


def repetitions_are_recognised(run: Run, _: Rules) -> list[str]:
    """What came twice is a duplicate as often as it came too often."""
    came = Counter(event.id for event in run.of("requests.inbound"))
    told = Counter(event.data["request"] for event in run.of("tickets.events", "request.duplicate"))
    return [
        f"request {one} came {count} times, {told[one]} duplicates"
        for one, count in sorted(came.items())
        if told[one] != count - 1
    ]


REPEATED = {
    "command.accepted", "command.rejected", "request.duplicate",  # by whoever asks again
    "ticket.message_triaged", "ticket.close", "message.receipt",  # by the pool that it has left
}  # fmt: skip
"""Said again under the same id; whatever of it counts has a check of its own."""


def no_output_is_stored_twice(run: Run, _: Rules) -> list[str]:
    """An event's id stands once in a topic that only the router writes."""
    wrong = []
    for topic, events in run.topics.items():
        if topic in WRITTEN_BY_EDGES:
            continue
        ids = Counter(event.id for event in events if event.type not in REPEATED)
        wrong += [f"{topic}: {one} stands {n} times" for one, n in sorted(ids.items()) if n > 1]
    return wrong


def each_ticket_is_acknowledged_as_decided(run: Run, _: Rules) -> list[str]:
    """One acknowledgement where one was decided and not withheld, none otherwise."""
    sent = Counter(
        event.data["ticket"] for event in run.of("messages.outbound") if event.data["kind"] == "ack"
    )
    wrong = []
    for event in run.of("tickets.events", "ticket.opened"):
        due = int(event.data["ack"] is not None and event.data["ack_withheld"] is None)
        if sent.pop(event.data["ticket"], 0) != due:
            wrong.append(f"ticket {event.data['ticket']}: acknowledgements other than {due}")
    return wrong + [f"an acknowledgement of no ticket: {ticket}" for ticket in sent]


def each_request_opens_one_ticket(run: Run, _: Rules) -> list[str]:
    """No second ticket for a request, and no ticket opened twice."""
    opened = Counter(event.data["ticket"] for event in run.of("tickets.events", "ticket.opened"))
    return [f"ticket {one} was opened {n} times" for one, n in sorted(opened.items()) if n > 1]


def dispatch_has_every_ticket(run: Run, _: Rules) -> list[str]:
    """What triage has opened, dispatch has queued (or parked)."""
    taken = {
        event.data["ticket"] for event in run.of("tickets.events", "ticket.queued", "ticket.parked")
    }
    opened = [event.data["ticket"] for event in run.of("tickets.events", "ticket.opened")]
    return [f"ticket {one} never reached dispatch" for one in opened if one not in taken]


_WAITS = {"ticket.queued", "ticket.requeued", "ticket.parked"}
_OFFER_ENDS = {"ticket.offer_declined", "ticket.offer_expired", "ticket.offer_rescinded"}


def one_agent_at_a_time(run: Run, _: Rules) -> list[str]:
    """A ticket is offered to, or in the hands of, one agent; no hand-over without an end."""
    wrong = []
    for ticket, events in run.tickets.items():
        holder: str | None = None
        for event in events:
            agent = event.data.get("agent")
            if event.type == "ticket.offered":
                if holder is not None:
                    wrong.append(f"ticket {ticket}: offered to {agent} while {holder} has it")
                holder = agent
            elif event.type == "ticket.assigned":
                if holder not in {None, agent}:
                    wrong.append(f"ticket {ticket}: assigned to {agent} while {holder} has it")
                holder = agent
            elif event.type in _WAITS | _OFFER_ENDS | {
                "ticket.transferred", "ticket.resolved", "ticket.closed", "ticket.reopened",
                "ticket.merged",
            }:  # fmt: skip
                holder = None
    return wrong


_TAKES = {"ticket.offered", "ticket.assigned", "ticket.resumed"}
_GIVES = _WAITS | _OFFER_ENDS | {
    "ticket.transferred", "ticket.resolved", "ticket.closed", "ticket.pending", "ticket.held",
    "ticket.merged", "ticket.wrapped_up",
}  # fmt: skip


def _moments(run: Run) -> list[list[Event]]:
    """Events after which the books must balance: each one, or all of one instant of a shard."""
    events = run.of("tickets.events")
    if not run.partitioned:
        return [[event] for event in events]
    events = sorted(events, key=lambda event: event.time)
    return [list(group) for _, group in groupby(events, key=lambda event: event.time)]


def departed(run: Run) -> Mapping[str, list[datetime]]:
    """When tickets left for another pool, which tells of it only when it has taken them in."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for event in run.of("tickets.triaged", "ticket.moved"):
        found[event.data["ticket"]["id"]].append(event.time)
    return found


class Hands:
    """What is in each agent's hands, event by event."""

    def __init__(self, run: Run, rules: Rules) -> None:
        self._left = departed(run)
        self._rules = rules
        self._held: dict[str, dict[str, tuple[int, datetime]]] = defaultdict(dict)
        self._holder: dict[str, str] = {}

    def take(self, event: Event) -> None:
        """Follow one of `tickets.events`."""
        ticket, agent = event.data.get("ticket"), event.data.get("agent")
        if ticket is None or event.type not in _TAKES | _GIVES:
            return
        if event.data.get("wrapping_until") is not None:
            return  # it is in the agent's hands until it is wrapped up
        if ticket in self._holder:
            self._held[self._holder.pop(ticket)].pop(ticket, None)
        if event.type in _TAKES and agent is not None:
            self._holder[ticket] = agent
            weight = self._rules.weight(agent, event.data["channel"])
            self._held[agent][ticket] = weight, event.time

    def load(self, agent: str, at: datetime) -> int:
        """How much the agent holds, without what has left for another pool by then."""
        return sum(
            weight
            for ticket, (weight, since) in self._held[agent].items()
            if not any(since <= left <= at for left in self._left.get(ticket, ()))
        )


def capacity_is_never_exceeded(run: Run, rules: Rules) -> list[str]:
    """No agent is given more than the rulebook allows, unless a supervisor forces it on them."""
    hands = Hands(run, rules)
    wrong = []
    for moment in _moments(run):
        taken: dict[str, Event] = {}
        for event in moment:
            hands.take(event)
            accepted = event.type == "ticket.assigned" and event.data["offer"] is not None
            if event.type in _TAKES and not accepted and not event.data.get("forced"):
                taken[event.data["agent"]] = event
        for agent, event in taken.items():
            load = hands.load(agent, event.time)
            most = max(one.capacity.get(agent, 0) for one in run.under(event, rules))
            if load > most:
                wrong.append(f"{agent} holds {load} of {most} after {event}")
    return wrong


def each_lapse_is_told_once(run: Run, _: Rules) -> list[str]:
    """(ticket, target, cycle, kind, level) is unique, and both topics tell the same."""
    identities: Counter[tuple[object, ...]] = Counter()
    lapses = ("sla.warning", "sla.breached", "sla.escalated")
    for event in run.of("sla.escalations", *lapses):
        data = event.data
        step = data.get("level", data.get("share"))
        identities[data["ticket"], data["target"], data["cycle"], event.type, step] += 1
    wrong = [f"told {n} times: {one}" for one, n in identities.items() if n > 1]
    here = {event.id for event in run.of("sla.escalations", *lapses)}
    there = {event.id for event in run.of("tickets.events", *lapses)}
    return wrong + [f"only in one topic: {one}" for one in sorted(here ^ there)]


def a_breach_comes_before_its_escalations(run: Run, _: Rules) -> list[str]:
    """Levels follow the breach in order, and lapse no earlier than they are due."""
    wrong = []
    reached: dict[tuple[str, str, int], int] = {}
    for event in run.of("sla.escalations", "sla.breached", "sla.escalated"):
        data = event.data
        clock = data["ticket"], data["target"], data["cycle"]
        if event.type == "sla.breached":
            reached[clock] = 0
        elif clock not in reached or data["level"] <= reached[clock]:
            wrong.append(f"level {data['level']} out of order: {clock}")
        else:
            reached[clock] = data["level"]
        if instant_of(data["detected_at"]) < instant_of(data["lapsed_at"]):
            wrong.append(f"detected before it lapsed: {event.id}")
    return wrong


def every_lapse_is_told_and_no_other(run: Run, rules: Rules) -> list[str]:
    """Warnings, breaches and levels of every target are those of the reference, at its instants."""
    requests = {
        event.id: Request(instant_of(event.data["received_at"]), event.data.get("automatic"))
        for event in run.of("requests.inbound")
    }
    told: dict[str, set[Lapse]] = defaultdict(set)
    for event in run.of("sla.escalations", "sla.warning", "sla.breached", "sla.escalated"):
        data = event.data
        step = float(data.get("level", data.get("share", 0)))
        kind = event.type.partition(".")[2]
        told[data["ticket"]].add(
            Lapse(data["target"], data["cycle"], kind, step, instant_of(data["lapsed_at"]))
        )
    wrong, left = [], _departures(run)
    for ticket, events in run.tickets.items():
        measured = _measured(run, rules, events)
        if measured is None:
            continue
        story = Ticket(measured, requests)
        for event in _as_it_happened(events, left[ticket]):
            story.take(event.type, event.data)
        due = set(story.lapses(run.ended_at))
        wrong += [f"ticket {ticket}: forgotten: {one}" for one in sorted(due - told[ticket])]
        may = set(story.lapses(run.ended_at, unaware=True))
        wrong += [f"ticket {ticket}: not due: {one}" for one in sorted(told[ticket] - may)]
    return wrong


def _by_new_rules(event: Event) -> bool:
    """Whether new rules have moved a clock: what lapsed while they were read is theirs."""
    return event.type == "sla.changed"


def _departures(run: Run) -> Mapping[str, list[str]]:
    """The instants at which tickets left for another pool."""
    found: dict[str, list[str]] = defaultdict(list)
    moves = run.of("tickets.triaged", "ticket.moved")
    for event in sorted(moves, key=lambda move: (move.time, instant_of(move.data["at"]))):
        found[event.data["ticket"]["id"]].append(event.data["at"])
    return found


def _as_it_happened(events: Sequence[Event], left: Sequence[str]) -> Iterator[Event]:
    """The events of a ticket; one that comes from another pool was transferred when it left."""
    departures, pool, since = iter(left), None, ""
    for event in events:
        here = event.data.get("pool", pool)
        if event.type == "ticket.transferred" and pool not in {None, here}:
            since = max(next(departures), since or left[0], key=instant_of)
            event = replace(event, data={**event.data, "at": since})  # noqa: PLW2901 - as above
        yield event
        pool = here


_DONE = {
    "ticket.assigned", "ticket.transferred", "ticket.replied", "ticket.pending", "ticket.held",
    "ticket.merged", "ticket.merged_in", "ticket.resolved",
}  # fmt: skip


def nothing_is_done_before_the_ticket_is_there(run: Run, _: Rules) -> list[str]:
    """What was asked of a pool before the ticket came to it is done at its coming."""
    wrong, left = [], _departures(run)
    for ticket, events in run.tickets.items():
        pool, since = None, datetime.min.replace(tzinfo=UTC)
        for event in _as_it_happened(events, left[ticket]):
            here = event.data.get("pool", pool)
            if event.type in _DONE and instant_of(event.data["at"]) < since:
                wrong.append(f"{event.type} of {ticket} before it came at {since}")
            if pool not in {None, here}:
                since = instant_of(event.data["at"])
            pool = here
    return wrong


def _measured(run: Run, rules: Rules, events: Sequence[Event]) -> Sla | None:
    """The targets of a ticket, where they were the same as long as it was there."""
    opened = next((event for event in events if event.type == "ticket.opened"), None)
    name: Any = None if opened is None else opened.data["sla"]
    if name not in rules.slas or any(_by_new_rules(event) for event in events):
        return None
    found: list[Sla] = []
    for event in events:
        found += [one.slas[name] for one in run.under(event, rules)]
    return found[0] if all(one == found[0] for one in found) else None


def messages_keep_their_order(run: Run, _: Rules) -> list[str]:
    """Of each conversation they are numbered upwards, also when its ticket was merged.

    One that had to follow the ticket, or what that was merged into, to another pool may come late.
    """
    wrong, left = [], departed(run)
    conversations: dict[str, list[int]] = defaultdict(list)
    followed: dict[str, int] = {}
    for event in run.of("tickets.events", "ticket.message"):
        ticket = event.data.get("joined") or event.data["ticket"]
        moves = [*left.get(ticket, ()), *left.get(event.data["ticket"], ())]
        if any(at <= event.time for at in moves):
            followed.setdefault(ticket, len(conversations[ticket]))
        conversations[ticket].append(event.data["number"])
    for ticket, numbers in conversations.items():
        kept = numbers[: followed.get(ticket)]
        late = len(set(numbers)) < len(numbers) or kept != sorted(kept) or min(numbers) < 2
        if late:
            wrong.append(f"ticket {ticket}: messages in the order {numbers}")
    return wrong


def what_was_merged_goes_on_in_one_ticket(run: Run, _: Rules) -> list[str]:
    """A merged ticket has no further events; what triage sent to it is the surviving ticket's."""
    into: dict[str, str] = {}
    wrong = []
    for ticket, events in run.tickets.items():
        types = [event.type for event in events]
        if "ticket.merged" not in types:
            continue
        ended = types.index("ticket.merged")
        into[ticket] = events[ended].data["into"]
        # Its outcome names the ticket too, and so may commands that come too late.
        later = [one for one in types[ended + 1 :] if not one.startswith("command.")]
        wrong += [f"ticket {ticket}: {one} after it was merged" for one in later]
    if not into:
        return wrong  # the embedded log forgets what every stage has read: whose it was is not told
    sent = {
        event.data["request"]["id"]: event.data["ticket"]
        for event in run.of("tickets.triaged", "ticket.message_triaged")
    }
    for event in run.of("tickets.events", "ticket.message"):
        ticket = sent[event.data["request"]]
        while ticket != event.data["ticket"] and ticket in into:
            ticket = into[ticket]
        if ticket != event.data["ticket"]:
            wrong.append(f"a message for {ticket} went to {event.data['ticket']}")
    return wrong


_MOVES = _TAKES | _GIVES | {"ticket.reopened"}


def what_waits_for_an_instant_is_woken(run: Run, _: Rules) -> list[str]:
    """No offer outlasts its time, and what was set aside until an instant goes on then."""
    wrong = []
    for ticket, events in run.tickets.items():
        moves = [event for event in events if event.type in _MOVES]
        last = moves[-1] if moves else None
        if last is None:
            wrong.append(f"ticket {ticket}: nothing became of it")
            continue
        until = last.data.get("expires_at") or last.data.get("until")
        if until is not None and instant_of(until) < run.ended_at:
            wrong.append(f"ticket {ticket}: forgotten since {until} ({last.type})")
    return wrong


def every_command_is_answered(run: Run, _: Rules) -> list[str]:
    """Each command has one outcome, the same however often it was sent."""
    outcomes: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for event in run.of("tickets.events", "command.accepted", "command.rejected"):
        outcomes[event.data["id"]].add((event.type, event.data.get("reason")))
    sent = {event.data["id"] for event in run.of("agent.commands")}
    return [
        f"command {one}: outcomes {sorted(outcomes[one], key=str)}"
        for one in sorted(sent)
        if len(outcomes[one]) != 1
    ]


def instant_of(text: str) -> datetime:
    """An instant as events write it."""
    return datetime.fromisoformat(text)


Checker = Callable[[Run, Rules], list[str]]

CHECKERS: tuple[Checker, ...] = (
    every_request_has_one_fate,
    repetitions_are_recognised,
    no_output_is_stored_twice,
    each_ticket_is_acknowledged_as_decided,
    each_request_opens_one_ticket,
    dispatch_has_every_ticket,
    one_agent_at_a_time,
    capacity_is_never_exceeded,
    each_lapse_is_told_once,
    a_breach_comes_before_its_escalations,
    every_lapse_is_told_and_no_other,
    nothing_is_done_before_the_ticket_is_there,
    messages_keep_their_order,
    what_was_merged_goes_on_in_one_ticket,
    what_waits_for_an_instant_is_woken,
    every_command_is_answered,
)


def violations(run: Run, rules: Rules, checkers: Sequence[Checker] = CHECKERS) -> list[str]:
    """Everything that does not hold, by checker."""
    return [
        f"{checker.__name__}: {problem}" for checker in checkers for problem in checker(run, rules)
    ]
