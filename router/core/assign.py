"""Who gets what: tickets that seek an agent meet agents who are free.

Between steps one thing always holds: no waiting ticket has an agent who could be offered it. So
only what a step has touched needs a look: tickets that began to wait, agents who were freed.
"""

from typing import NamedTuple

from router.core.desk import Turn
from router.core.events import TicketOffered
from router.core.lifecycle import Trigger
from router.core.queues import Head, Place
from router.core.tickets import Offer, Ticket


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
    """The best agent for `ticket`: who knows the customer, else whom the queue's strategy asks."""
    desk = turn.desk
    need = desk.need(ticket)
    if not need.push:
        return None
    fit = desk.candidates.fit(need)
    for refusal in ticket.refusals:
        fit &= ~desk.roster.bits.get(refusal.agent, 0)
    if not fit:
        return None
    queue = desk.queue(ticket.queue)
    if _knows_customer(turn, ticket) & fit:
        agent = ticket.last_agent or ""
        why = "account_agent" if ticket.last_agent_at is None else "sticky"
    else:
        agent = desk.candidates.first(fit, queue.strategy, need)
        why = queue.strategy.replace("-", "_") if fit.bit_count() > 1 else "only_one"
    standing = desk.standing(agent)
    explanation = {
        "by": why,
        "spare": standing.agent.capacity - standing.load,
        "idle_since": standing.state.idle_since,
        "eligible": fit.bit_count(),
        "not_eligible": desk.candidates.count(fit, need),
        "skills": dict(need.skills),
    }
    return Choice(agent, explanation)


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


def next_for(turn: Turn, agent: str, queues: list[str], *, pushed_only: bool) -> Ticket | None:
    """The ticket that `agent` should have next from `queues`, by its place in the order."""
    channels = turn.desk.candidates.channels(agent)
    if not channels:
        return None
    bit = turn.desk.roster.bits[agent]
    best: Place | None = None
    for queue in queues:
        for head in turn.desk.waiting.heads(queue):
            place, need = head
            if best is not None and place >= best:
                break
            if need.suited & bit and need.channel in channels and (need.push or not pushed_only):
                found = _not_refused(turn, agent, queue, head)
                if found is not None and (best is None or found < best):
                    best = found
    return turn.desk.tickets.get(best.ticket) if best is not None else None


def _not_refused(turn: Turn, agent: str, queue: str, head: Head) -> Place | None:
    """The first ticket of one kind of work that `agent` has not just refused: mostly its head."""
    rows = turn.desk.tickets.rows
    if not rows[head.place.ticket].refused_by(agent):
        return head.place
    places = turn.desk.waiting.in_order(queue, head.need)
    return next((one for one in places if not rows[one.ticket].refused_by(agent)), None)


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
