"""What is odd about queues, the skills that they ask for, and ladders."""

from collections.abc import Callable, Iterator, Mapping

from rules.lint_routes import Finding
from rules.model import Rulebook
from rules.people import Agent
from rules.source import Path


def _unserved(rulebook: Rulebook) -> Iterator[Finding]:
    for name in rulebook.queues:
        if not _serving(rulebook, name) and not _moves_on(rulebook, name):
            yield ("queues", name), f"queue {name!r}: no agent serves it"


def _moves_on(rulebook: Rulebook, queue: str) -> bool:
    """Whether the queue's chain ends in another queue."""
    return any(target.move_to for target in rulebook.queues[queue].targets)


def _serving(rulebook: Rulebook, queue: str) -> list[Agent]:
    """The agents who can get a ticket of `queue`, by its targets' queues as well."""
    spec = rulebook.queues[queue]
    places = {queue}.union(*(target.queues for target in spec.targets))
    return [agent for agent in rulebook.agents.values() if not places.isdisjoint(agent.queues)]


def _skills(rulebook: Rulebook) -> Iterator[Finding]:
    for index, route in enumerate(rulebook.routes):
        if route.then.queue is not None:
            place: Path = ("routes", index, "then", "skills")
            yield from _lacking(rulebook, place, route.then.queue, route.then.skills)
    for name, queue in rulebook.queues.items():
        for number, target in enumerate(queue.targets):
            place = ("queues", name, "targets", number, "skills")
            yield from _lacking(rulebook, place, name, target.skills)


def _lacking(
    rulebook: Rulebook, path: Path, queue: str, skills: Mapping[str, int]
) -> Iterator[Finding]:
    serving = _serving(rulebook, queue)
    for skill, level in skills.items():
        best = max((agent.skills.get(skill, 0) for agent in serving), default=level)
        if best < level:
            said = f"nobody who serves {queue!r} has {skill} {level}"
            yield (*path, skill), f"{said} (the best: {best})" if best else said


def _ladders(rulebook: Rulebook) -> Iterator[Finding]:
    for name, rungs in rulebook.ladders.items():
        for index, rung in enumerate(rungs):
            path = ("ladders", name, index)
            if not (rung.notify or rung.raise_priority or rung.move_to):
                yield path, f"ladder {name!r}: level {rung.level} notifies nobody and does nothing"
            if index and rung.after < rungs[index - 1].after:
                said = f"level {rung.level} comes before level {rungs[index - 1].level}"
                yield path, f"ladder {name!r}: {said}"


LOOKS: tuple[Callable[[Rulebook], Iterator[Finding]], ...] = (
    _unserved,
    _skills,
    _ladders,
)
