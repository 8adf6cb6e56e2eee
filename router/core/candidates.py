"""Who could be given work now, as sets of agents: kept as agents come, go, take and end work.

What makes an agent unfit is said in `router.core.agents`; here the answers are kept, so that one
question about five thousand agents is a few numbers and'ed. An agent is looked at again when
something of theirs has changed.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from channels.request import Channel
from router.core.agents import AgentState, absent, full
from router.core.queues import Need
from router.core.roster import Roster
from rules.people import Agent, Strategy

FEW = 16
"""A set of no more agents than these is looked through one by one."""

Key = tuple[Any, ...]
"""By what agents are ranked: the least is asked first. It ends with the agent's name."""


class Standing(NamedTuple):
    """An agent as they stand: the rulebook's word, what they do, the load that they carry."""

    agent: Agent
    state: AgentState
    load: int


def _spare_capacity(one: Standing) -> Key:
    return one.load - one.agent.capacity, one.state.idle_since, one.state.id


def _longest_idle(one: Standing) -> Key:
    return one.state.idle_since, one.state.id


def _least_loaded(one: Standing) -> Key:
    return one.load / max(one.agent.capacity, 1), one.state.idle_since, one.state.id


def _round_robin(one: Standing) -> Key:
    return one.state.asked_at, one.state.id


KEYS: dict[Strategy, Callable[[Standing], Key]] = {
    "spare-capacity": _spare_capacity,
    "longest-idle": _longest_idle,
    "least-loaded": _least_loaded,
    "round-robin": _round_robin,
    "best-skill": _spare_capacity,
}
"""How each strategy ranks those who are fit; the best skilled are parted off before."""


class Ranking:
    """The agents who are there, in the order in which one strategy asks them."""

    def __init__(self, roster: Roster, key: Callable[[Standing], Key]) -> None:
        self._roster = roster
        self._key = key
        self._order: list[Key] = []
        self._keys: dict[str, Key] = {}

    def put(self, name: str, standing: Standing | None) -> None:
        """The agent stands so now; None: they are not there."""
        new = None if standing is None else self._key(standing)
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
        """The first of these, of whom there is at least one; they must all be there.

        Few are compared; of many one soon comes up in the order.
        """
        if agents.bit_count() <= FEW:
            return str(min(self._keys[name] for name in self._roster.members(agents))[-1])
        bits = self._roster.bits
        return next(str(key[-1]) for key in self._order if agents & bits[key[-1]])


class Candidates:
    """The agents who are there, and those who have room, under one rulebook."""

    def __init__(self, roster: Roster, standing: Callable[[str], Standing]) -> None:
        self._roster = roster
        self._standing = standing
        self._stale: set[str] = set()
        self._why: dict[str, str | None] = {}
        self._absent: dict[str, int] = {"offline": roster.everybody}
        self._present = 0
        self._full = dict.fromkeys(get_args(Channel), roster.everybody)
        self._rankings: dict[Strategy, Ranking] = {}

    def touch(self, name: str) -> None:
        """Something of this agent has changed."""
        if name in self._roster.bits:
            self._stale.add(name)

    def fit(self, need: Need) -> int:
        """Those who could be given such work now: they are there and have room."""
        return self.available(need) & ~self._full[need.channel]

    def available(self, need: Need) -> int:
        """Those who can do such work and are there, whether or not they have room."""
        self._refresh()
        return need.suited & self._present

    def channels(self, name: str) -> tuple[str, ...]:
        """The channels of which one agent could be given work now: they are there, with room."""
        self._refresh()
        bit = self._roster.bits[name]
        if not self._present & bit:
            return ()
        return tuple(channel for channel, those in self._full.items() if not those & bit)

    def first(self, agents: int, strategy: Strategy, need: Need) -> str:
        """Whom of these, who are fit, the strategy asks first."""
        if strategy == "best-skill":
            agents = self._roster.most_skilled(agents, [skill for skill, _ in need.skills])
        return self._ranking(strategy).first(agents)

    def count(self, agents: int, need: Need) -> dict[str, int]:
        """Why the others of the queues' agents cannot be given such work: reasons and numbers."""
        left = need.serving & ~agents
        found = {}
        for reason, absent_ones in sorted(self._absent.items()):
            found[reason] = left & absent_ones
        left &= self._present
        found["skills"] = left & ~need.suited
        left &= need.suited
        found["capacity"] = left & self._full[need.channel]
        found["refused"] = left & ~found["capacity"]
        return {reason: those.bit_count() for reason, those in sorted(found.items()) if those}

    def _refresh(self) -> None:
        if self._stale:
            for name in self._stale:
                self._look_at(name)
            self._stale.clear()

    def _look_at(self, name: str) -> None:
        standing, bit = self._standing(name), self._roster.bits[name]
        why = absent(standing.state)
        was = self._why.get(name, "offline")
        if why != was:
            self._mark(was, bit, there=False)
            self._mark(why, bit, there=True)
            self._why[name] = why
        for channel in self._full:
            self._mark_full(channel, standing, bit)
        for ranking in self._rankings.values():
            ranking.put(name, None if why else standing)

    def _mark(self, why: str | None, bit: int, *, there: bool) -> None:
        if why is None:
            self._present = self._present | bit if there else self._present & ~bit
        else:
            others = self._absent.get(why, 0) & ~bit
            self._absent[why] = others | bit if there else others

    def _mark_full(self, channel: str, standing: Standing, bit: int) -> None:
        others = self._full[channel] & ~bit
        is_full = full(standing.agent, standing.load, channel) is not None
        self._full[channel] = others | bit if is_full else others

    def _ranking(self, strategy: Strategy) -> Ranking:
        if strategy not in self._rankings:
            ranking = self._rankings[strategy] = Ranking(self._roster, KEYS[strategy])
            for name in self._roster.members(self._present):
                ranking.put(name, self._standing(name))
        return self._rankings[strategy]
