"""What is legal in a rulebook but most likely not meant. Warnings: nothing here stops a rulebook.

Only what can be proved is said: a route is called unreachable when an earlier one matches
whatever it matches, not when that merely seems likely.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import re2

from rules.implied import Reachable
from rules.load import load_document
from rules.model import Agent, Condition, Rulebook, TextMatch
from rules.source import Path, Problem, problem
from rules.textfold import fold_keyword
from rules.walk import conditions
from rules.wording import nearest

Finding = tuple[Path, str]
"""A path in the rulebook, and what is odd there."""

TEXT_CHANNELS = ("email", "sms", "chat")
"""The channels on which an acknowledgement can be sent."""


def lint(files: Mapping[str, str]) -> list[Problem]:
    """The warnings about a valid rulebook, in the order of files and lines.

    Raises:
        RulebookError: The rulebook is wrong.
    """
    rulebook, document = load_document(files)
    return sorted(problem(nearest(document, path), said) for path, said in findings(rulebook))


def findings(rulebook: Rulebook) -> Iterator[Finding]:
    """All that is odd, as paths and sentences."""
    for look in _LOOKS:
        yield from look(rulebook)


def _unreachable(rulebook: Rulebook) -> Iterator[Finding]:
    reachable = Reachable()
    for index, route in enumerate(rulebook.routes):
        earlier = reachable.taken_by(route.when)
        if earlier is not None:
            said = f"route {route.id!r} is never reached: {earlier!r} matches all that it matches"
            yield ("routes", index, "id"), said
        elif not route.then.continue_:
            reachable.take(route.id, route.when)


def _texts(rulebook: Rulebook) -> Iterator[Finding]:
    for index, route in enumerate(rulebook.routes):
        for path, condition in conditions(("routes", index, "when"), route.when):
            for name, match in (("text", condition.text), ("subject", condition.subject)):
                yield from _match((*path, name), match)


def _match(path: Path, match: TextMatch | None) -> Iterator[Finding]:
    if match is None:
        return
    first: dict[str, str] = {}
    for number, keyword in enumerate(match.keywords or ()):
        folded = fold_keyword(keyword)
        if folded in first:
            said = f"keyword {keyword!r} is the same as {first[folded]!r}"
            yield (*path, "keywords", number), said
        first.setdefault(folded, keyword)
    for pattern in match.regex or ():
        if re2.search(pattern, ""):
            yield (*path, "regex"), f"regex {pattern!r} matches any text, even none"


def _agents(rulebook: Rulebook) -> Iterator[Finding]:
    for name, agent in rulebook.agents.items():
        reason = _never_assigned(agent)
        if reason is not None:
            yield ("agents", name), f"agent {name!r} can never be assigned anything: {reason}"
            continue
        for channel, weight in agent.weights.items():
            if weight > agent.capacity:
                said = f"agent {name!r} never gets {channel}: weight {weight} > capacity"
                yield ("agents", name, "weights", channel), f"{said} {agent.capacity}"


def _never_assigned(agent: Agent) -> str | None:
    if not agent.queues:
        return "no queues"
    if agent.capacity == 0:
        return "no capacity"
    weights = {str(channel): weight for channel, weight in agent.weights.items()}
    if all(weights.get(one, 1) > agent.capacity for one in (*TEXT_CHANNELS, "hotline")):
        return f"every channel weighs more than the capacity {agent.capacity}"
    return None


def _unserved(rulebook: Rulebook) -> Iterator[Finding]:
    for name in rulebook.queues:
        if not _serving(rulebook, name):
            yield ("queues", name), f"queue {name!r}: no agent serves it"


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


def _without_targets(rulebook: Rulebook) -> Iterator[Finding]:
    inherited = [route.then for route in rulebook.routes if route.then.continue_]
    for index, route in enumerate(rulebook.routes):
        action = route.then
        if action.continue_ or action.drop or any(one.sla or one.type for one in inherited):
            continue
        if action.sla is None and (action.type is None or rulebook.types[action.type].sla is None):
            yield ("routes", index), f"route {route.id!r}: its tickets have no SLA of their own"


def _unused(rulebook: Rulebook) -> Iterator[Finding]:
    known: dict[str, Iterable[str]] = {
        "calendars": rulebook.calendars,
        "slas": rulebook.slas,
        "ladders": rulebook.ladders,
        "acks": rulebook.acks,
        "types": rulebook.types,
    }
    used = _used(rulebook)
    for section, names in known.items():
        for name in names:
            if name not in used[section]:
                yield (section, name), f"{section}: {name!r} is not used"


def _used(rulebook: Rulebook) -> dict[str, set[str | None]]:
    actions = [route.then for route in rulebook.routes]
    slas = rulebook.slas.values()
    hours = {calendar for one in _all_conditions(rulebook) for calendar in one.hours or ()}
    return {
        "calendars": {sla.calendar for sla in slas}
        | {agent.calendar for agent in rulebook.agents.values()}
        | hours,
        "slas": {action.sla for action in actions}
        | {tier.sla for tier in rulebook.tiers.values()}
        | {kind.sla for kind in rulebook.types.values()},
        "ladders": {sla.ladder for sla in slas},
        "acks": {action.ack for action in actions},
        "types": {action.type for action in actions},
    }


def _all_conditions(rulebook: Rulebook) -> Iterator[Condition]:
    for route in rulebook.routes:
        for _, condition in conditions((), route.when):
            yield condition


def _acks(rulebook: Rulebook) -> Iterator[Finding]:
    for index, route in enumerate(rulebook.routes):
        if route.then.ack is None or route.then.drop:
            continue
        written = rulebook.acks[route.then.ack]
        served = (route.when.channel if route.when else None) or TEXT_CHANNELS
        missing = [one for one in served if one in TEXT_CHANNELS and one not in written]
        if missing:
            said = f"ack {route.then.ack!r} has no text for {', '.join(map(str, missing))}"
            yield ("routes", index, "then", "ack"), f"{said}, which route {route.id!r} serves"


_LOOKS: tuple[Callable[[Rulebook], Iterator[Finding]], ...] = (
    _unreachable,
    _texts,
    _agents,
    _unserved,
    _skills,
    _ladders,
    _without_targets,
    _unused,
    _acks,
)
