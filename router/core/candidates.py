"""Who could be given work now, as sets of agents: kept as agents come, go, take and end work.

What makes an agent unfit is said in `router.core.agents`; here the answers are kept, so that one
question about five thousand agents is a few numbers and'ed. An agent is looked at again when
something of theirs has changed.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, NamedTuple

from router.core.agents import CHANNELS, absent, rooms
from router.core.entities.agent import AgentState
from router.core.queues import Need
from router.core.roster import Roster
from rules.people import Agent, Strategy

A_KEY = 8
"""To take an agent out of a set, with their key, costs about so many steps through the order."""

Key = tuple[Any, ...]
"""By what agents are ranked: the least is asked first. It ends with the agent's name."""


class Snapshot(NamedTuple):
    """An agent as they are now: what is set, what they do, the load that they carry."""

    agent: Agent
    state: AgentState
    load: int


class Mark(NamedTuple):
    """To which sets an agent belongs: why they are absent, or not; where they have room; spared."""

    why: str | None
    rooms: tuple[str, ...]
    rests: bool
    reserved: bool


OFFLINE = Mark("offline", (), rests=False, reserved=False)
"""Whoever never came."""


def _spare_capacity(one: Snapshot) -> Key:
    return one.load - one.agent.capacity, one.state.idle_since, one.state.id


def _longest_idle(one: Snapshot) -> Key:
    return one.state.idle_since, one.state.id


def _least_loaded(one: Snapshot) -> Key:
    return one.load / max(one.agent.capacity, 1), one.state.idle_since, one.state.id


def _round_robin(one: Snapshot) -> Key:
    return one.state.asked_at, one.state.id


KEYS: dict[Strategy, Callable[[Snapshot], Key]] = {
    "spare-capacity": _spare_capacity,
    "longest-idle": _longest_idle,
    "least-loaded": _least_loaded,
    "round-robin": _round_robin,
    "best-skill": _spare_capacity,
}
"""How each strategy ranks those who are fit; the best skilled are parted off before."""


def _with(agents: int, bit: int, belongs: object) -> int:
    """The set with an agent in it, or not."""
    return agents | bit if belongs else _without(agents, bit)


def _without(agents: int, those: int) -> int:
    """The set without those; `& ~those` says the same, and takes three times as long."""
    return agents ^ (agents & those)


class Ranking:
    """The agents who are there, with some room, in the order in which one strategy asks them."""

    def __init__(self, roster: Roster, key: Callable[[Snapshot], Key]) -> None:
        self._roster = roster
        self._key = key
        self._order: list[Key] = []
        self._keys: dict[str, Key] = {}

    def put(self, name: str, snapshot: Snapshot | None) -> None:
        """The agent is so now; None: they are not there, or full."""
        new = None if snapshot is None else self._key(snapshot)
        old = self._keys.get(name)
        if new == old:
            return
        if old is not None:
            del self._order[bisect_left(self._order, old)]
            del self._keys[name]
        if new is not None:
            insort(self._order, new)
            self._keys[name] = new

    def first(self, agents: int) -> str:
        """The first of these, of whom there is at least one; they must all have room.

        Few are compared; of many one soon comes up in the order.
        """
        few = agents.bit_count()
        if A_KEY * few <= len(self._order) / few:
            return str(min(self._keys[name] for name in self._roster.members(agents))[-1])
        bits = self._roster.bits
        return next(str(key[-1]) for key in self._order if agents & bits[key[-1]])


class Candidates:
    """The agents who are there, those who have room, and those who are spared, of one roster."""

    def __init__(self, roster: Roster, snapshot: Callable[[str], Snapshot]) -> None:
        self._roster = roster
        self._snapshot = snapshot
        self._stale: set[str] = set()
        self._marks: dict[str, Mark] = {}
        self._absent: dict[str, int] = {"offline": roster.everybody}
        self._present = self._resting = self._reserved = 0
        self._full = dict.fromkeys(CHANNELS, roster.everybody)
        self._rankings: dict[Strategy, Ranking] = {}

    def touch(self, name: str) -> None:
        """Something of this agent has changed."""
        if name in self._roster.bits:
            self._stale.add(name)

    def available(self, need: Need) -> int:
        """Those who can do such work and are there, whether or not they have room."""
        self._refresh()
        return int.from_bytes(need.suited, "little") & self._present

    def fit(self, need: Need) -> int:
        """Those who could be given such work now."""
        return _without(self.available(need), self._full[need.channel] | self._guarded(need))

    def channels(self, name: str) -> tuple[str, ...]:
        """The channels of which one agent could be offered work now: they are there, with room."""
        self._refresh()
        mark = self._marks.get(name, OFFLINE)
        return mark.rooms if mark.why is None else ()

    def is_guarded(self, name: str, need: Need) -> bool:
        """Whether one agent is spared, or kept from, such work."""
        return bool(self._guarded(need) & self._roster.bits[name])

    def first(self, agents: int, strategy: Strategy, need: Need) -> str:
        """Whom of these, who are fit, the strategy asks first."""
        if strategy == "best-skill":
            agents = self._roster.most_skilled(agents, [skill for skill, _ in need.skills])
        return self._ranking(strategy).first(agents)

    def count(self, agents: int, need: Need) -> dict[str, int]:
        """Why the others of the queues' agents cannot be given such work: reasons and numbers."""
        suited = int.from_bytes(need.suited, "little")
        left = _without(self._roster.serving(need), agents)
        found = {reason: left & those for reason, those in self._absent.items() if those}
        left &= self._present
        skilled = suited
        if need.barred:
            skilled = self._roster.skilled(need)
            found["stage"] = _without(left & skilled, suited)
        found["skills"] = _without(left, skilled)
        left &= suited
        found["capacity"] = left & self._full[need.channel]
        left ^= found["capacity"]
        if need.hard:
            found["rest"] = left & self._resting
            left ^= found["rest"]
        if self._reserved:
            found["reserved"] = left & self._kept_from(need)
            left ^= found["reserved"]
        found["refused"] = left
        return dict(sorted((reason, those.bit_count()) for reason, those in found.items() if those))

    def _guarded(self, need: Need) -> int:
        return (self._resting if need.hard else 0) | self._kept_from(need)

    def _kept_from(self, need: Need) -> int:
        return self._reserved and _without(self._reserved, self._roster.reserved_for(need.tier))

    def _refresh(self) -> None:
        if self._stale:
            for name in self._stale:
                self._look_at(name)
            self._stale.clear()

    def _look_at(self, name: str) -> None:
        agent, state, load = snapshot = self._snapshot(name)
        reserved = agent.reserve is not None and not state.lends
        mark = Mark(absent(state, load), rooms(agent, load), state.rests, reserved)
        old = self._marks.get(name, OFFLINE)
        if mark != old:
            self._marks[name] = mark
            self._move(self._roster.bits[name], old, mark)
        for ranking in self._rankings.values():
            ranking.put(name, snapshot if mark.why is None and mark.rooms else None)

    def _move(self, bit: int, old: Mark, new: Mark) -> None:
        """Put an agent into the sets to which they now belong, and out of the others."""
        if old.why != new.why:
            for why in filter(None, (old.why, new.why)):
                self._absent[why] = _with(self._absent.get(why, 0), bit, why == new.why)
            self._present = _with(self._present, bit, new.why is None)
        if old.rests != new.rests:
            self._resting = _with(self._resting, bit, new.rests)
        if old.reserved != new.reserved:
            self._reserved = _with(self._reserved, bit, new.reserved)
        if old.rooms != new.rooms:
            for channel, those in self._full.items():
                self._full[channel] = _with(those, bit, channel not in new.rooms)

    def _ranking(self, strategy: Strategy) -> Ranking:
        if strategy not in self._rankings:
            ranking = self._rankings[strategy] = Ranking(self._roster, KEYS[strategy])
            for name in self._roster.members(self._present):
                if self._marks[name].rooms:
                    ranking.put(name, self._snapshot(name))
        return self._rankings[strategy]
