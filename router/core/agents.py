"""Agents: presence, load, and who of them gets a ticket."""

from collections.abc import Callable, Mapping
from typing import cast, get_args

from channels.request import Channel
from router.core.entities.agent import AgentState
from router.core.entities.ticket import Ticket
from router.core.queues import Need
from rules.people import Agent

CHANNELS: tuple[str, ...] = get_args(Channel)

WHOLE = 1_000_000
"""The weight of a ticket that takes the whole of its agent: more than any capacity is."""


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


def weight_of(agent: Agent, channel: str) -> int:
    """How much of the agent's capacity a ticket of `channel` takes; 1 unless the rulebook says."""
    weight = cast("Mapping[str, int | str]", agent.weights).get(channel, 1)
    return weight if isinstance(weight, int) else WHOLE


def has_room(agent: Agent, load: int, weight: int) -> bool:
    """Whether so much fits beside `load`; what takes the whole agent fits only beside nothing."""
    if weight == WHOLE:
        return load == 0 and agent.capacity > 0
    return agent.capacity - load >= weight


def absent(state: AgentState, load: int) -> str | None:
    """Why the agent is offered nothing at all now, whatever it is."""
    if state.presence != "available":
        return state.presence
    if state.off_shift:
        return "off_shift"
    if state.pause_until is not None:
        return "pause"
    return "ramp" if state.room is not None and load >= state.room else None


def unsuited(agent: Agent, need: Need) -> str | None:
    """Why the agent never gets work of this kind under the rulebook in force."""
    if not any(place in agent.queues for place in need.places):
        return "other_queues"
    if any(agent.skills.get(skill, 0) < level for skill, level in need.skills):
        return "skills"
    return "stage" if agent.stage in need.barred else None


def full(agent: Agent, load: int, channel: str) -> str | None:
    """Why the agent has no room for one more ticket of this channel now."""
    return None if has_room(agent, load, weight_of(agent, channel)) else "capacity"


def rooms(agent: Agent, load: int) -> tuple[str, ...]:
    """The channels of which the agent has room for one more ticket now."""
    if not agent.weights:
        return CHANNELS if has_room(agent, load, 1) else ()
    return tuple(channel for channel in CHANNELS if full(agent, load, channel) is None)


def guarded(agent: Agent, state: AgentState, need: Need) -> str | None:
    """Why the agent is spared, or kept from, work of this kind for a while."""
    if need.hard and state.rests:
        return "rest"
    reserve = agent.reserve
    if reserve is not None and not state.lends and need.tier not in reserve.tiers:
        return "reserved"
    return None


def unfit(agent: Agent, state: AgentState, load: int, need: Need, ticket: Ticket) -> str | None:
    """Why `agent` cannot be offered `ticket` now, or None when they can.

    A refusal comes last: all other reasons hold for every ticket of the same need.
    """
    reason = (
        absent(state, load)
        or unsuited(agent, need)
        or full(agent, load, need.channel)
        or guarded(agent, state, need)
    )
    if reason is None and ticket.refused_by(state.id):
        return "refused"
    return reason


def unable(agent: Agent, state: AgentState, load: int, need: Need, ticket: Ticket) -> str | None:
    """Why `agent` cannot take `ticket` themselves now, or None when they can.

    What spares an agent, or keeps them free, binds the router and not the agent. Whoever takes a
    certain ticket is not bound by their refusal either, which comes last.
    """
    reason = None if state.presence == "available" else state.presence
    reason = reason or unsuited(agent, need) or full(agent, load, need.channel)
    if reason is None and ticket.refused_by(state.id):
        return "refused"
    return reason
