"""Who gets what: tickets that seek an agent meet agents who are free.

Between steps one thing always holds: no waiting ticket has an agent who could be offered it. So
only what a step has touched needs a look: tickets that began to wait, agents who were freed.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from router.core.agents import rooms
from router.core.entities.ticket import Offer, Ticket
from router.core.events import TicketOffered
from router.core.lifecycle import Trigger
from router.core.queues import Entry, Need
from router.core.turn import Turn

FEW = 16
"""So many agents who are freed in one step are searched for one by one, more as a crowd."""


class Choice(NamedTuple):
    """The agent who is offered a ticket, and why."""

    agent: str
    explanation: dict[str, object]


def match(turn: Turn) -> None:
    """Offer waiting tickets until no touched ticket and no freed agent can be served."""
    crowd = Crowd(turn) if len(turn.freed) > FEW else None
    while turn.freed or crowd is not None:
        found = best_for_freed(turn, crowd)
        if found is None:
            break
        offer(turn, *found)
    for ticket in _in_order(turn):
        choice = choose(turn, ticket)
        if choice is not None:
            offer(turn, ticket, choice)
    turn.seeking.clear()


def choose(turn: Turn, ticket: Ticket) -> Choice | None:
    """The best agent for `ticket`: who knows the customer, else whom the queue's strategy asks."""
    desk = turn.desk
    need = desk.waiting.need(ticket.id)
    if not need.push:
        return None
    fit = desk.candidates.fit(need)
    if ticket.refusals:
        fit &= ~_refusers(turn, ticket)
    if not fit:
        return None
    queue, eligible = desk.queue(ticket.queue), fit.bit_count()
    if _knows_customer(turn, ticket) & fit:
        agent = ticket.last_agent or ""
        why = "account_agent" if ticket.last_agent_at is None else "sticky"
    else:
        agent = desk.candidates.first(fit, queue.strategy, need)
        why = queue.strategy.replace("-", "_") if eligible > 1 else "only_one"
    chosen = desk.snapshot(agent)
    explanation = {
        "by": why,
        "spare": chosen.agent.capacity - chosen.load,
        "idle_since": chosen.state.idle_since,
        "eligible": eligible,
        "not_eligible": desk.candidates.count(fit, need),
        "skills": dict(need.skills),
    }
    return Choice(agent, explanation)


def _refusers(turn: Turn, ticket: Ticket) -> int:
    """The agents, as a set, who are not to be asked again yet."""
    found = 0
    for refusal in ticket.refusals:
        found |= turn.desk.roster.bits.get(refusal.agent, 0)
    return found


def _knows_customer(turn: Turn, ticket: Ticket) -> int:
    """The agent, as a set, who is asked before all others for this ticket."""
    known = turn.desk.roster.bits.get(ticket.last_agent or "", 0)
    since = ticket.last_agent_at
    if known and since is not None and turn.now - since > turn.desk.queue(ticket.queue).sticky:
        return 0
    return known


def offer(turn: Turn, ticket: Ticket, choice: Choice) -> Ticket:
    """Reserve `ticket` for the chosen agent until the queue's offer timeout."""
    queue = turn.desk.queue(ticket.queue)
    made = Offer(
        id=f"{ticket.id}.{ticket.version + 1}",
        agent=choice.agent,
        expires_at=turn.now + queue.offer_timeout,
    )
    weight = turn.desk.weight(choice.agent, ticket)
    ticket = turn.save(ticket, Trigger.OFFERED, offer=made, weight=weight)
    if queue.strategy == "round-robin":
        turn.desk.change_agent(choice.agent, asked_at=turn.now)
    turn.emit_queue(
        TicketOffered, ticket, agent=made.agent, offer=made.id,
        expires_at=made.expires_at, explanation=choice.explanation,
    )  # fmt: skip
    return ticket


def next_for(turn: Turn, agent: str, queues: Iterable[str], *, pushed_only: bool) -> Entry | None:
    """What `agent` should have next from `queues`: by their priority, then in order.

    With `pushed_only` it is one to be offered; otherwise one that the agent takes.
    """
    search = Search(turn, agent, pushed_only=pushed_only)
    for equals in turn.desk.roster.agents[agent].by_priority(queues) if search.channels else ():
        best = search.first(equals)
        if best is not None:
            return best
    return None


class Search:
    """What one agent could be given: offered, or taken by themselves (`agents.unable`)."""

    def __init__(self, turn: Turn, agent: str, *, pushed_only: bool) -> None:
        self._desk, self._agent, self._offered = turn.desk, agent, pushed_only
        self._place = turn.desk.roster.places[agent]
        self.channels = turn.desk.candidates.channels(agent) if pushed_only else self._to_take()

    def _to_take(self) -> tuple[str, ...]:
        spec, state, load = self._desk.snapshot(self._agent)
        if state.presence != "available":
            return ()
        return rooms(spec, load)

    def first(self, queues: Iterable[str]) -> Entry | None:
        """The first in these queues that the agent could be given."""
        return self._desk.waiting.first(queues, self._open_of, self._has_refused)

    def _open_of(self, needs: list[Need]) -> list[int]:
        """Which of these kinds of work suit the agent, who could have them now."""
        byte, bit = self._place
        return [
            number
            for number, need in enumerate(needs)
            if need.suited[byte] & bit and self._is_open_to(need)
        ]

    def _is_open_to(self, need: Need) -> bool:
        if need.channel not in self.channels:
            return False
        return not self._offered or (
            need.push and not self._desk.candidates.is_guarded(self._agent, need)
        )

    def _has_refused(self, entry: Entry) -> bool:
        ticket = self._desk.tickets.rows[entry.ticket]
        return bool(ticket.refusals) and ticket.refused_by(self._agent)


class Crowd:
    """Many agents who came free at once, and to whom their queues are equal: one search for all.

    A new rulebook frees everybody, and one search for each of them after each offer takes too long.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn, self._agents = turn, 0
        self._queues: dict[str, None] = {}
        roster = turn.desk.roster
        for name in list(turn.freed):
            spec = roster.agents.get(name)
            if spec is not None and isinstance(spec.queues, list):
                self._agents |= roster.bits[name]
                self._queues.update(dict.fromkeys(spec.queues))
                del turn.freed[name]

    def first(self) -> Entry | None:
        """The first in order that one of them could be offered."""
        return self._turn.desk.waiting.first(self._queues, self._open_of, self._have_refused)

    def _open_of(self, needs: list[Need]) -> Iterator[int]:
        """Which of these kinds of work somebody of them could have now."""
        return (number for number, need in enumerate(needs) if self._fit(need))

    def _fit(self, need: Need) -> int:
        return self._turn.desk.candidates.fit(need) & self._agents if need.push else 0

    def _have_refused(self, entry: Entry) -> bool:
        ticket = self._turn.desk.tickets.rows[entry.ticket]
        return bool(ticket.refusals) and not self._fit(entry.need) & ~_refusers(self._turn, ticket)


def best_for_freed(turn: Turn, crowd: Crowd | None = None) -> tuple[Ticket, Choice] | None:
    """The first ticket in order that some freed agent can do, with the best agent for it."""
    best = crowd.first() if crowd is not None else None
    for agent in list(turn.freed):
        spec = turn.desk.roster.agents.get(agent)
        first = next_for(turn, agent, spec.queues, pushed_only=True) if spec else None
        if first is None:
            del turn.freed[agent]
        elif best is None or first < best:
            best = first
    if best is None:
        return None
    ticket = turn.desk.tickets.rows[best.ticket]
    choice = choose(turn, ticket)
    return (ticket, choice) if choice is not None else None


def _in_order(turn: Turn) -> list[Ticket]:
    """The tickets that seek an agent, first served first."""
    found = [turn.desk.tickets.rows[key] for key in turn.seeking]
    return sorted(found, key=turn.desk.waiting.place) if len(found) > 1 else found
