"""Agents: presence, load, and who of them gets a ticket."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

import msgspec

from channels.request import Channel
from router.core.queues import Need
from router.core.state import Entity
from router.core.tickets import Ticket
from rules.people import Agent

NEVER = datetime.min.replace(tzinfo=UTC)

CHANNELS: tuple[str, ...] = get_args(Channel)

WHOLE = 1_000_000
"""The weight of a ticket that takes the whole of its agent: more than any capacity is."""


class AgentState(Entity, frozen=True, kw_only=True):
    """What dispatch knows of an agent besides the rulebook.

    With a `lease`, presence holds until `lease_until` unless renewed. `idle_since` is when the
    agent last got or ended work: the longest idle is asked first. `missed` counts the offers that
    lapsed one after another; `asked_at` is when a queue that asks in turn last did;
    `reason` is why they are in their presence, overdue at `overdue_at`.

    What holds only for a time is a field too, with the instant at which a timer changes it, so
    that fitness is a function of the state alone: `off_shift` until `shift_at`; at most `room` in
    hands until `ramp_at`; a reserve that `lends` from `lend_at` on; `hard` tickets in a row, of
    which the agent `rests` until `rest_at`; nothing at all until `pause_until`.

    `overlay` is what a supervisor has set over the rulebook's fields.
    """

    id: str
    presence: str = "offline"
    since: datetime
    idle_since: datetime
    lease: timedelta | None = None
    lease_until: datetime | None = None
    missed: int = 0
    asked_at: datetime = NEVER
    reason: str | None = None
    overdue_at: datetime | None = None
    off_shift: bool = False
    shift_at: datetime | None = None
    room: int | None = None
    ramp_at: datetime | None = None
    lends: bool = False
    lend_at: datetime | None = None
    hard: int = 0
    rests: bool = False
    rest_at: datetime | None = None
    pause_until: datetime | None = None
    overlay: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """A lease that an older program has stored ends when that wanted to be woken."""
        if self.lease is not None and self.lease_until is None:
            msgspec.structs.force_setattr(self, "lease_until", self.wake_at)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which something about this agent is due."""
        wake = self.lease_until
        for at in (
            self.overdue_at, self.shift_at, self.ramp_at, self.lend_at, self.rest_at,
            self.pause_until,
        ):  # fmt: skip
            if at is not None and (wake is None or at < wake):
                wake = at
        return wake


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
