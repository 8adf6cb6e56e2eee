"""Who works under the rulebook in force: an agent is a bit, a set of agents a whole number.

So the agents of a queue who have two skills are three numbers and'ed, however many there are.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from router.core.queues import Need
from rules.people import Agent


class Suited(NamedTuple):
    """The agents for one kind of work: who serve its queues, who of them also have its skills.

    `by_skill` parts the latter, those with the highest levels in all first.
    """

    serving: int
    skilled: int
    by_skill: tuple[int, ...]


class Roster:
    """The rulebook's agents by name, bit, queue and skill; made anew with every rulebook."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self.agents = agents
        self.names = tuple(sorted(agents))
        self.bits = {name: 1 << number for number, name in enumerate(self.names)}
        self.everybody = (1 << len(self.names)) - 1
        self._serving: dict[str, int] = {}
        self._skilled: dict[tuple[str, int], int] = {}
        self._suited: dict[Need, Suited] = {}
        for name, agent in agents.items():
            for queue in agent.queues:
                self._serving[queue] = self._serving.get(queue, 0) | self.bits[name]

    def suited(self, need: Need) -> Suited:
        """The agents who can do this kind of work."""
        found = self._suited.get(need)
        if found is None:
            found = self._suited[need] = self._find(need)
        return found

    def _find(self, need: Need) -> Suited:
        serving = 0
        for place in need.places:
            serving |= self._serving.get(place, 0)
        skilled = serving
        for skill, level in need.skills:
            skilled &= self._with_skill(skill, level)
        return Suited(serving, skilled, self._by_skill(skilled, need) if need.best_skill else ())

    def _with_skill(self, skill: str, level: int) -> int:
        if (skill, level) not in self._skilled:
            self._skilled[skill, level] = self._set(
                lambda agent: agent.skills.get(skill, 0) >= level
            )
        return self._skilled[skill, level]

    def _set(self, holds: Callable[[Agent], bool]) -> int:
        found = 0
        for name, agent in self.agents.items():
            if holds(agent):
                found |= self.bits[name]
        return found

    def _by_skill(self, skilled: int, need: Need) -> tuple[int, ...]:
        levels: dict[int, int] = {}
        for name in self.members(skilled):
            agent = self.agents[name]
            level = sum(agent.skills.get(skill, 0) for skill, _ in need.skills)
            levels[level] = levels.get(level, 0) | self.bits[name]
        return tuple(levels[level] for level in sorted(levels, reverse=True))

    def members(self, agents: int) -> Iterator[str]:
        """The names of a set's agents, in order."""
        while agents:
            first = agents & -agents
            yield self.names[first.bit_length() - 1]
            agents ^= first
