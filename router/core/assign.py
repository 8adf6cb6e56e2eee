"""Who gets what: tickets that seek an agent meet agents who are free.

Between steps one thing always holds: no waiting ticket has an agent who could be offered it. So
only what a step has touched needs a look: tickets that began to wait, agents who were freed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain
from typing import NamedTuple

from router.core.agents import AgentState, unable, unfit
from router.core.desk import Turn
from router.core.events import TicketOffered
from router.core.lifecycle import Trigger
from router.core.queues import Need, Place
from router.core.tickets import Offer, Ticket
from rules.people import Agent

Judge = Callable[[Agent, AgentState, int, Need, Ticket], str | None]
"""Why an agent cannot have a ticket: `unfit`, or `unable` for one that the agent takes."""


class Choice(NamedTuple):
    """The agent who is offered a ticket, and why."""

    agent: str
    explanation: dict[str, object]


def match(turn: Turn) -> None:
    """Offer waiting tickets until no touched ticket and no freed agent can be served."""
    while turn.freed:
        found = _best_for_freed(turn)
        if found is None:
            break
        offer(turn, *found)
    for ticket in _in_order(turn):
        choice = choose(turn, ticket)
        if choice is not None:
            offer(turn, ticket, choice)
    turn.seeking.clear()


def choose(turn: Turn, ticket: Ticket) -> Choice | None:
    """The best agent for `ticket`: who knows the customer, has most to spare, idles longest."""
    need = turn.desk.need(ticket)
    if not need.push:
        return None
    fit: list[tuple[bool, int, AgentState]] = []
    reasons: list[str] = []
    for name in turn.desk.roster.serving(need.places):
        agent = turn.desk.roster.agents[name]
        state = turn.desk.agent(name)
        load = turn.desk.loads.load(name)
        reason = unfit(agent, state, load, need, ticket)
        if reason is None:
            fit.append((name != ticket.last_agent, load - agent.capacity, state))
        else:
            reasons.append(reason)
    if not fit:
        return None
    stranger, spare, state = min(
        fit, key=lambda one: (one[0], one[1], one[2].idle_since, one[2].id)
    )
    why = "sticky" if not stranger else ("spare_capacity" if len(fit) > 1 else "only_one")
    explanation = {
        "by": why,
        "spare": -spare,
        "idle_since": state.idle_since,
        "eligible": len(fit),
        "not_eligible": dict(sorted(Counter(reasons).items())),
        "skills": dict(need.skills),
    }
    return Choice(state.id, explanation)


def offer(turn: Turn, ticket: Ticket, choice: Choice) -> Ticket:
    """Reserve `ticket` for the chosen agent until the queue's offer timeout."""
    made = Offer(
        id=f"{ticket.id}.{ticket.version + 1}",
        agent=choice.agent,
        expires_at=turn.now + turn.desk.queue(ticket.queue).offer_timeout,
    )
    weight = turn.desk.weight(choice.agent, ticket)
    ticket = turn.save(ticket, Trigger.OFFERED, offer=made, weight=weight)
    turn.emit_queue(
        TicketOffered, ticket, agent=made.agent, offer=made.id,
        expires_at=made.expires_at, explanation=choice.explanation,
    )  # fmt: skip
    return ticket


def next_for(turn: Turn, agent: str, queues: Iterable[str], *, pushed_only: bool) -> Ticket | None:
    """The ticket that `agent` should have next from `queues`: by their priority, then in order.

    With `pushed_only` it is one to be offered; otherwise one that the agent takes.
    """
    judge = unfit if pushed_only else unable
    best: tuple[int, Place] | None = None
    for queue in queues:
        rank = turn.desk.roster.agents[agent].priority_of(queue)
        for need, head in turn.desk.waiting.heads(queue):
            if need.push or not pushed_only:
                found = _first_fit(turn, agent, queue, need, head, judge=judge)
                if found is not None and (best is None or (rank, found) < best):
                    best = rank, found
    return turn.desk.tickets.get(best[1].ticket) if best is not None else None


def _first_fit(
    turn: Turn, agent: str, queue: str, need: Need, head: Place, *, judge: Judge
) -> Place | None:
    """The first ticket of one kind of work that `agent` can be given: mostly its head.

    Only a refusal is the ticket's own; any other reason holds for all tickets of the same need.
    """
    desk = turn.desk
    state, load = desk.agent(agent), desk.loads.load(agent)
    for place in chain((head,), desk.waiting.in_need(queue, need)):
        reason = judge(
            desk.roster.agents[agent], state, load, need, desk.tickets.rows[place.ticket]
        )
        if reason is None:
            return place
        if reason != "refused":
            return None
    return None


def _best_for_freed(turn: Turn) -> tuple[Ticket, Choice] | None:
    """The first ticket in order that some freed agent can do, with the best agent for it."""
    best: tuple[Place, Ticket] | None = None
    for agent in list(turn.freed):
        spec = turn.desk.roster.agents.get(agent)
        ticket = next_for(turn, agent, spec.queues, pushed_only=True) if spec else None
        if ticket is None:
            del turn.freed[agent]
            continue
        place = turn.desk.waiting.place(ticket)
        if best is None or place < best[0]:
            best = place, ticket
    if best is None:
        return None
    choice = choose(turn, best[1])
    return (best[1], choice) if choice is not None else None


def _in_order(turn: Turn) -> list[Ticket]:
    """The tickets that seek an agent, first served first."""
    found = [turn.desk.tickets.rows[key] for key in turn.seeking]
    return sorted(found, key=turn.desk.waiting.place) if len(found) > 1 else found
