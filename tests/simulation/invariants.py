"""What must hold of a shard's memory between any two of its turns.

No waiting ticket has an agent who could be offered it; and what is stored is what is remembered.
"""

from typing import Any

from router.core.desk import Desk
from router.core.dispatch import Dispatch
from router.core.tickets import Ticket
from router.shard import Core
from rules.people import Agent


def idle_beside_waiting(core: Dispatch) -> list[str]:
    """Agents who could have a ticket that waits to be offered, worked out ticket by ticket."""
    desk = core.desk
    if not desk.activation:
        return []
    free = [
        (name, agent)
        for name, agent in desk.compiled.rulebook.agents.items()
        if (state := desk.agents.get(name)) is not None and state.presence == "available"
    ]
    return [
        f"{name} is idle beside {ticket.id} in {ticket.queue}"
        for ticket in desk.tickets.rows.values()
        if ticket.state in {"queued", "parked"} and desk.queue(ticket.queue).mode == "push"
        for name, agent in free
        if _can(desk, name, agent, ticket)
    ]


def _can(desk: Desk, name: str, agent: Agent, ticket: Ticket) -> bool:
    targets = desk.queue(ticket.queue).targets
    target = targets[min(ticket.place, len(targets) - 1)] if targets else None
    queues = {ticket.queue, *(target.queues if target else ())}
    skills = ticket.skills | (target.skills if target else {})
    weights = {str(channel): weight for channel, weight in agent.weights.items()}
    load = sum(
        weights.get(one.channel, 1)
        for one in desk.tickets.rows.values()
        if (one.state == "assigned" and one.agent == name)
        or (one.state == "offered" and one.offer is not None and one.offer.agent == name)
    )
    return (
        bool(queues & set(agent.queues))
        and all(agent.skills.get(skill, 0) >= level for skill, level in skills.items())
        and load + weights.get(ticket.channel, 1) <= agent.capacity
        and all(refusal.agent != name for refusal in ticket.refusals)
    )


def remembered(core: Core) -> dict[str, dict[str, Any]]:
    """Every table of a core by name."""
    tables: dict[str, Any] = core.journal._tables
    return {name: dict(table.rows) for name, table in tables.items()}
