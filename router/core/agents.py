"""Agents: presence, load, and who of them gets a ticket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from router.core.queues import Need
from router.core.state import Entity
from router.core.tickets import Ticket
from rules.people import Agent

NEVER = datetime.min.replace(tzinfo=UTC)


class AgentState(Entity, frozen=True, kw_only=True):
    """What dispatch knows of an agent besides the rulebook.

    With a `lease`, presence holds until `wake_at` unless renewed. `idle_since` is when the agent
    last got or ended work: the longest idle is asked first. `missed` counts the offers that lapsed
    one after another; `asked_at` is when a queue that asks in turn last did.
    """

    id: str
    presence: str = "offline"
    since: datetime
    idle_since: datetime
    lease: timedelta | None = None
    missed: int = 0
    asked_at: datetime = NEVER


class Loads:
    """The work in each agent's hands: an index over the tickets, told of every change.

    `touch` is told the agent whose load has changed.
    """

    def __init__(self, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._held: dict[str, dict[str, int]] = {}
        self._load: dict[str, int] = {}
        self._owned: dict[str, set[str]] = {}

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change."""
        if old is not None:
            self._forget(key, old)
        if new is None:
            return
        if (holder := new.holder) is not None:
            self._held.setdefault(holder, {})[key] = new.weight
            self._load[holder] = self._load.get(holder, 0) + new.weight
            self._touch(holder)
        if new.agent is not None and new.open:
            self._owned.setdefault(new.agent, set()).add(key)

    def _forget(self, key: str, old: Ticket) -> None:
        if (holder := old.holder) is not None:
            weight = self._held[holder].pop(key)
            self._load[holder] -= weight
            self._touch(holder)
        if old.agent is not None and old.open:
            self._owned[old.agent].discard(key)

    def load(self, agent: str) -> int:
        """The capacity in use."""
        return self._load.get(agent, 0)

    def held(self, agent: str) -> list[str]:
        """The tickets that are offered or assigned to `agent`."""
        return sorted(self._held.get(agent, ()))

    def owned(self, agent: str) -> list[str]:
        """The tickets that are the agent's own: assigned or pending."""
        return sorted(self._owned.get(agent, ()))


class Unfit(NamedTuple):
    """Why an agent was not chosen."""

    agent: str
    reason: str


def weight_of(agent: Agent, channel: str) -> int:
    """How much of the agent's capacity a ticket of `channel` takes; 1 unless the rulebook says."""
    weights: dict[str, int] = {str(name): weight for name, weight in agent.weights.items()}
    return weights.get(channel, 1)


def absent(state: AgentState) -> str | None:
    """Why the agent is offered nothing at all now, whatever it is."""
    return None if state.presence == "available" else state.presence


def unsuited(agent: Agent, need: Need) -> str | None:
    """Why the agent never gets work of this kind under the rulebook in force."""
    if not any(place in agent.queues for place in need.places):
        return "other_queues"
    if any(agent.skills.get(skill, 0) < level for skill, level in need.skills):
        return "skills"
    return None


def full(agent: Agent, load: int, channel: str) -> str | None:
    """Why the agent has no room for one more ticket of this channel now."""
    return None if agent.capacity - load >= weight_of(agent, channel) else "capacity"


def unfit(agent: Agent, state: AgentState, load: int, need: Need, ticket: Ticket) -> str | None:
    """Why `agent` cannot be offered `ticket` now, or None when they can.

    A refusal comes last: whoever takes the ticket nevertheless is fit for it otherwise.
    """
    reason = absent(state) or unsuited(agent, need) or full(agent, load, need.channel)
    if reason is None and ticket.refused_by(state.id):
        return "refused"
    return reason
