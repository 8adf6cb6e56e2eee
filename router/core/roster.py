"""Who works: an agent is a bit, a set of agents a whole number.

So the agents of a queue who have two skills are three numbers and'ed, however many there are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from router.core.entities.agent import AgentState
from router.core.overlays import effective
from router.core.queues import Need
from rules.model import Rulebook
from rules.people import Agent

Sets = dict[Any, int]
"""Sets of agents by what they have in common."""


class Roster:
    """The agents by name, bit, queue and skill, as the rulebook and their supervisors want them.

    It is made anew with every rulebook, and for one agent when a supervisor changes that one.
    """

    def __init__(self, rulebook: Rulebook, states: Mapping[str, AgentState]) -> None:
        self.agents: dict[str, Agent] = {}
        self.names = tuple(sorted(rulebook.agents))
        self.bits = {name: 1 << number for number, name in enumerate(self.names)}
        self.places = {name: (n // 8, 1 << n % 8) for n, name in enumerate(self.names)}
        """Where each agent stands in `Need.suited`: the byte, and the bit in it."""
        self.everybody = (1 << len(self.names)) - 1
        self._rulebook = rulebook
        self._serving: Sets = {}
        self._levels: dict[str, Sets] = {}
        self._stages: Sets = {}
        self._reserves: Sets = {}
        for name in self.names:
            state = states.get(name)
            self._add(name, state.overlay if state is not None else {})

    def _add(self, name: str, overlay: Mapping[str, Any]) -> None:
        self.agents[name] = effective(self._rulebook, name, overlay)
        bit = self.bits[name]
        self._mark(name, lambda those: those | bit)

    def _mark(self, name: str, change: Callable[[int], int]) -> None:
        """Change every set that the agent is to be in, or was."""
        agent = self.agents[name]
        for queue in agent.queues:
            self._serving[queue] = change(self._serving.get(queue, 0))
        for skill, level in agent.skills.items():
            levels = self._levels.setdefault(skill, {})
            levels[level] = change(levels.get(level, 0))
        self._stages[agent.stage] = change(self._stages.get(agent.stage, 0))
        for tier in agent.reserve.tiers if agent.reserve else ():
            self._reserves[tier] = change(self._reserves.get(tier, 0))

    def changed(self, key: str, old: AgentState | None, new: AgentState | None) -> bool:
        """Follow one agent's change; whether it is one of what a supervisor has set."""
        before, after = old.overlay if old else {}, new.overlay if new else {}
        if before == after or key not in self.agents:
            return False
        bit = self.bits[key]
        self._mark(key, lambda those: those & ~bit)
        self._add(key, after)
        return True

    def find(self, need: Need) -> None:
        """Work out whom a kind of work suits: asked of one agent, a few bytes are enough."""
        need.suited = self.suited(need).to_bytes(len(self.names) // 8 + 1, "little")

    def serving(self, need: Need) -> int:
        """Who serves one of the places where such work waits."""
        found = 0
        for place in need.places:
            found |= self._serving.get(place, 0)
        return found

    def skilled(self, need: Need) -> int:
        """Who of those has the skills that are asked for as well."""
        found = self.serving(need)
        for skill, level in need.skills:
            found &= self._with_skill(skill, level)
        return found

    def suited(self, need: Need) -> int:
        """Who of those is at a stage that gets such work as well."""
        found = self.skilled(need)
        for stage in need.barred:
            found &= ~self._stages.get(stage, 0)
        return found

    def _with_skill(self, skill: str, least: int) -> int:
        if least <= 0:
            return self.everybody
        found = 0
        for level, those in self._levels.get(skill, {}).items():
            if level >= least:
                found |= those
        return found

    def reserved_for(self, tier: str | None) -> int:
        """Who is kept free for a tier, among others perhaps."""
        return self._reserves.get(tier, 0)

    def most_skilled(self, agents: int, skills: Iterable[str]) -> int:
        """Those of a set whose levels of these skills are highest in all."""
        levels: Sets = {}
        for name in self.members(agents):
            has = self.agents[name].skills
            level = sum(has.get(skill, 0) for skill in skills)
            levels[level] = levels.get(level, 0) | self.bits[name]
        return levels[max(levels)]

    def members(self, agents: int) -> Iterator[str]:
        """The names of a set's agents, the last one first: so the number becomes shorter."""
        while agents:
            last = agents.bit_length() - 1
            yield self.names[last]
            agents ^= 1 << last
