"""Who works under the rulebook in force: an agent is a bit, a set of agents a whole number.

So the agents of a queue who have two skills are three numbers and'ed, however many there are.
"""

from collections.abc import Iterable, Iterator, Mapping

from rules.people import Agent


class Roster:
    """The rulebook's agents by name, bit, queue and skill; made anew with every rulebook."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self.agents = agents
        self.names = tuple(sorted(agents))
        self.bits = {name: 1 << number for number, name in enumerate(self.names)}
        self.everybody = (1 << len(self.names)) - 1
        self._serving: dict[str, int] = {}
        self._levels: dict[str, dict[int, int]] = {}
        for name, agent in agents.items():
            bit = self.bits[name]
            for queue in agent.queues:
                self._serving[queue] = self._serving.get(queue, 0) | bit
            for skill, level in agent.skills.items():
                levels = self._levels.setdefault(skill, {})
                levels[level] = levels.get(level, 0) | bit

    def serving(self, queues: Iterable[str]) -> int:
        """Who serves any of these queues."""
        found = 0
        for queue in queues:
            found |= self._serving.get(queue, 0)
        return found

    def skilled(self, skill: str, least: int) -> int:
        """Who has this skill at this level or above."""
        if least <= 0:
            return self.everybody
        found = 0
        for level, those in self._levels.get(skill, {}).items():
            if level >= least:
                found |= those
        return found

    def most_skilled(self, agents: int, skills: Iterable[str]) -> int:
        """Those of a set whose levels of these skills are highest in all."""
        levels: dict[int, int] = {}
        for name in self.members(agents):
            has = self.agents[name].skills
            level = sum(has.get(skill, 0) for skill in skills)
            levels[level] = levels.get(level, 0) | self.bits[name]
        return levels[max(levels)]

    def members(self, agents: int) -> Iterator[str]:
        """The names of a set's agents, in order."""
        while agents:
            first = agents & -agents
            yield self.names[first.bit_length() - 1]
            agents ^= first
