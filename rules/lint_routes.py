"""What is odd about routes, their texts, and what they name."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import re2

from rules.conditions import Library, compile_condition
from rules.implied import Reachable
from rules.model import Action, Defaults, Rulebook
from rules.parts import Part
from rules.source import Path
from rules.textfold import fold_keyword
from rules.walk import every_condition, matches
from rules.when import TextMatch
from rules.wording import did_you_mean

Finding = tuple[Path, str]
"""A path in the rulebook, and what is odd there."""

TEXT_CHANNELS = ("email", "sms", "chat")
"""The channels on which an acknowledgement can be sent."""


def _unreachable(rulebook: Rulebook) -> Iterator[Finding]:
    reachable = Reachable()
    for index, route in enumerate(rulebook.routes):
        earlier = reachable.taken_by(route.when)
        if earlier is not None:
            said = f"route {route.id!r} is never reached: {earlier!r} matches all that it matches"
            yield ("routes", index, "id"), said
        elif not (route.then.continue_ or route.is_bounded):
            reachable.take(route.id, route.when)


def _unindexed(rulebook: Rulebook) -> Iterator[Finding]:
    library = Library(rulebook.conditions)
    for index, route in enumerate(rulebook.routes):
        compiled = compile_condition(route.when, library)
        if route.when is None or compiled.triggers is not None:
            continue
        if not compiled.parts:
            said = f"route {route.id!r}: the condition is empty: it always holds"
            yield ("routes", index, "when"), said
        else:
            names = ", ".join(f"`{part.name}`" for part in compiled.parts)
            cost = sum(map(_cost_microseconds, compiled.parts))
            said = f"route {route.id!r} cannot be indexed: {names} shows nothing to find it by"
            yield ("routes", index, "when"), f"{said}; it costs every request about {cost:.1f} µs"


_COSTS = {"cel": 2.3, "attributes": 1.6, "previous_tickets": 1.3, "attachments": 1.0, "hours": 0.9}
"""Microseconds of a clause that is tried by itself, as `python -m bench.rules` prints them."""


def _cost_microseconds(part: Part) -> float:
    nested = sum(_cost_microseconds(one) for inner in part.nested for one in inner.parts)
    return _COSTS.get(part.name.partition(".")[0], 0.4) + nested


def over(rulebook: Rulebook, at: datetime) -> Iterator[Finding]:
    """Routes whose time is over."""
    for index, route in enumerate(rulebook.routes):
        if route.until is not None and route.until <= at:
            said = f"route {route.id!r} is over since {route.until.isoformat()}"
            yield ("routes", index, "until"), said


def _texts(rulebook: Rulebook) -> Iterator[Finding]:
    for path, condition in every_condition(rulebook):
        for name, match in matches(condition):
            yield from _match((*path, name), match)


def _match(path: Path, match: TextMatch) -> Iterator[Finding]:
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


def _without_targets(rulebook: Rulebook) -> Iterator[Finding]:
    inherited: list[Action | Defaults] = [
        rulebook.defaults,
        *(route.then for route in rulebook.routes if route.then.continue_),
    ]
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
        "lists": rulebook.lists,
        "conditions": rulebook.conditions,
    }
    used = _used(rulebook)
    for section, names in known.items():
        for name in names:
            if name not in used[section]:
                yield (section, name), f"{section}: {name!r} is not used"


def _used(rulebook: Rulebook) -> dict[str, set[str | None]]:
    actions: list[Action | Defaults] = [
        rulebook.defaults,
        *(route.then for route in rulebook.routes),
    ]
    slas = rulebook.slas.values()
    asked = [condition for _, condition in every_condition(rulebook)]
    looked_for = [match for one in asked for _, match in matches(one)]
    lists: set[str | None] = {name for match in looked_for for name in match.lists or ()}
    lists |= {name for one in asked for name in one.sender_list or ()}
    return {
        "calendars": {sla.calendar for sla in slas}
        | {agent.calendar for agent in rulebook.agents.values()}
        | {one.quiet.outside for one in rulebook.contacts.values() if one.quiet}
        | {calendar for one in asked for calendar in one.hours or ()},
        "slas": {action.sla for action in actions}
        | {tier.sla for tier in rulebook.tiers.values()}
        | {kind.sla for kind in rulebook.types.values()},
        "ladders": {sla.ladder for sla in slas},
        "acks": {action.ack for action in actions},
        "types": {action.type for action in actions},
        "lists": lists,
        "conditions": {name for one in asked for name in one.condition or ()},
    }


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


def _overruled(rulebook: Rulebook) -> Iterator[Finding]:
    """Queues that are decided in vain."""
    for index, route in enumerate(rulebook.routes):
        if route.then.continue_ and route.then.queue is not None:
            said = f"route {route.id!r} goes on, so its queue is replaced by that of the last route"
            yield ("routes", index, "then", "queue"), said


REASONS = (
    "dsn", "auto-reply", "daemon", "loop", "no-reply", "list", "bulk", "short-code",
)  # fmt: skip
"""Why our channels take a sender for a machine (`CustomerRequest.automatic`)."""


def _reasons(rulebook: Rulebook) -> Iterator[Finding]:
    """Reasons why somebody is a machine that no channel of ours gives."""
    for path, condition in every_condition(rulebook):
        wanted = condition.automatic
        for number, reason in enumerate(wanted if isinstance(wanted, list) else ()):
            if reason not in REASONS:
                said = f"no channel says {reason!r} of a machine{did_you_mean(reason, REASONS)}"
                yield (*path, "automatic", number), said


LOOKS: tuple[Callable[[Rulebook], Iterator[Finding]], ...] = (
    _unreachable,
    _unindexed,
    _texts,
    _without_targets,
    _unused,
    _acks,
    _overruled,
    _reasons,
)
