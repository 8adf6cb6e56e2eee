"""The rulebook compiled: routes behind their triggers, calendars, templates, pools by queue."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import starmap
from typing import Any

from channels.request import CustomerRequest
from rules.calendar import Calendar
from rules.conditions import Compiled as CompiledCondition
from rules.conditions import Context, Trigger, compile_condition, shown
from rules.decision import Facts
from rules.load import RulebookError, load_document, version
from rules.matcher import Keywords, Regexes, Span
from rules.model import Route, Rulebook
from rules.source import Problem, problem
from rules.templates import Texts, template_error, texts
from rules.textfold import fold
from rules.wording import nearest

FIELDS = ("text", "subject")
MAX_TEXT_CHARACTERS = 100_000
"""More of a text than this is not looked at by rules: a decision's cost is bounded."""


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    """A route with its compiled condition; `number` is its place in the order.

    `decides` has those of queue, type, priority, sla and ack that the route says something of.
    """

    number: int
    id: str
    condition: CompiledCondition
    decides: Mapping[str, Any]
    skills: Mapping[str, int]
    tags: tuple[str, ...]
    drop: str | None
    goes_on: bool


DECIDED = ("queue", "type", "priority", "sla", "ack")


def compile_route(number: int, route: Route) -> CompiledRoute:
    """`route`, the `number`-th, ready to be used."""
    action = route.then
    said = {name: getattr(action, name) for name in DECIDED}
    return CompiledRoute(
        number=number,
        id=route.id,
        condition=compile_condition(route.when),
        decides={name: value for name, value in said.items() if value is not None},
        skills=action.skills,
        tags=tuple(dict.fromkeys(action.tags)),
        drop=action.drop,
        goes_on=action.continue_,
    )


class Index:
    """Routes behind what a request must show for them to be looked at."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = list(starmap(compile_route, enumerate(routes)))
        self._by_trigger: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._always: list[int] = []
        for compiled in self.routes:
            if compiled.condition.triggers is None:
                self._always.append(compiled.number)
            for trigger in compiled.condition.triggers or ():
                self._by_trigger[trigger].append(compiled.number)
        self._fields = frozenset(field for field, _, _ in self._by_trigger)
        known = {one for compiled in self.routes for one in _texts(compiled.condition)}
        self._keywords = {name: Keywords(_values(known, name, "keyword")) for name in FIELDS}
        self._regexes = {name: Regexes(_values(known, name, "regex")) for name in FIELDS}

    def context(self, facts: Facts, calendars: Mapping[str, Calendar]) -> Context:
        """The request as conditions see it: every keyword and regex looked for, once."""
        keywords: dict[str, Mapping[str, Span]] = {}
        regexes: dict[str, Collection[str]] = {}
        for name in FIELDS:
            text = _readable(text_of(facts.request, name))
            words, patterns = self._keywords[name], self._regexes[name]
            keywords[name] = words.find(fold(text)) if text and words.words else {}
            regexes[name] = patterns.find(text) if patterns.patterns else ()
        return Context(facts, facts.request, keywords, regexes, calendars)

    def candidates(self, context: Context) -> Iterator[CompiledRoute]:
        """The routes that the request may match, in order; the others cannot."""
        by_trigger = self._by_trigger
        shows = shown(context, self._fields)
        found = [by_trigger[one] for one in shows if one in by_trigger]
        last = -1
        for number in merge(self._always, *found):
            if number != last:
                last = number
                yield self.routes[number]

    def span(self, name: str, pattern: str, context: Context) -> Span | None:
        """Where a regex matches in the original text."""
        return self._regexes[name].span(pattern, _readable(text_of(context.request, name)))


def text_of(request: CustomerRequest, name: str) -> str:
    """The text or the subject, as far as rules look at it."""
    text = request.text if name == "text" else request.subject
    return text[:MAX_TEXT_CHARACTERS] if text else ""


def _readable(text: str) -> str:
    """The text without lone surrogates, which have no UTF-8; every place in it stays the same."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _texts(condition: CompiledCondition) -> Iterator[Trigger]:
    """All keywords and regexes of a condition, also those that are not its triggers."""
    for part in condition.parts:
        yield from (one for one in part.triggers or () if one.how != "equals")
        for nested in part.nested:
            yield from _texts(nested)


def _values(triggers: Iterable[Trigger], name: str, how: str) -> list[str]:
    return [one.value for one in triggers if one.field == name and one.how == how]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rulebook in the form in which it decides."""

    rulebook: Rulebook
    version: str
    calendars: Mapping[str, Calendar]
    templates: Texts
    pool_of: Mapping[str, str]
    index: Index


def compile_rulebook(files: Mapping[str, str]) -> Compiled:
    """Load and compile. Raises `RulebookError` with everything that is wrong."""
    rulebook, document = load_document(files)
    problems: list[Problem] = []
    calendars: dict[str, Calendar] = {}
    for name, spec in rulebook.calendars.items():
        try:
            calendars[name] = Calendar.build(spec, files)
        except ValueError as error:
            steps = str(error).partition(":")[0].split(".")
            place = nearest(document, ("calendars", name, *steps))
            problems.append(problem(place, f"calendars.{name}: {error}"))
    found = texts(rulebook, files)
    for (ack, channel), by_language in found.items():
        for language, text in by_language.items():
            wrong = template_error(text)
            if wrong is not None:
                steps = [ack, channel, *([language] if language else [])]
                place = nearest(document, ("acks", *steps))
                problems.append(problem(place, f"acks.{'.'.join(steps)}: {wrong}"))
    if problems:
        raise RulebookError(problems)
    pool_of = {queue: name for name, pool in rulebook.pools.items() for queue in pool.queues}
    return Compiled(rulebook, version(files), calendars, found, pool_of, Index(rulebook.routes))
