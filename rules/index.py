"""The rulebook compiled: routes behind their triggers, calendars, templates, pools by queue."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge

from rules.calendar import Calendar
from rules.conditions import Compiled as CompiledCondition
from rules.conditions import Context, Trigger, compile_condition, shown
from rules.decision import Facts
from rules.load import RulebookError, load_document, version
from rules.matcher import Keywords, Regexes
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
    """A route with its compiled condition; `number` is its place in the order."""

    number: int
    route: Route
    condition: CompiledCondition


class Index:
    """Routes behind what a request must show for them to be looked at."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = [
            CompiledRoute(number, route, compile_condition(route.when))
            for number, route in enumerate(routes)
        ]
        self._by_trigger: dict[Trigger, list[int]] = defaultdict(list)
        self._always: list[int] = []
        for compiled in self.routes:
            if compiled.condition.triggers is None:
                self._always.append(compiled.number)
            for trigger in compiled.condition.triggers or ():
                self._by_trigger[trigger].append(compiled.number)
        known = set(self._by_trigger) | {
            trigger for compiled in self.routes for trigger in _texts(compiled.condition)
        }
        self._keywords = {name: Keywords(_values(known, name, "keyword")) for name in FIELDS}
        self._regexes = {name: Regexes(_values(known, name, "regex")) for name in FIELDS}

    def context(self, facts: Facts, calendars: Mapping[str, Calendar]) -> Context:
        """The request as conditions see it: every keyword and regex looked for, once."""
        request = facts.request
        said = {
            "text": request.text[:MAX_TEXT_CHARACTERS],
            "subject": (request.subject or "")[:MAX_TEXT_CHARACTERS],
        }
        keywords = {
            name: self._keywords[name].find(fold(text)) if self._keywords[name].words else {}
            for name, text in said.items()
        }
        regexes = {
            name: self._regexes[name].find(text) if self._regexes[name].patterns else set()
            for name, text in said.items()
        }
        return Context(facts, request, keywords, regexes, calendars)

    def candidates(self, context: Context) -> Iterator[CompiledRoute]:
        """The routes that the request may match, in order; the others cannot."""
        found = [self._by_trigger[one] for one in shown(context) if one in self._by_trigger]
        last = -1
        for number in merge(self._always, *found):
            if number != last:
                last = number
                yield self.routes[number]

    def span(self, name: str, pattern: str, context: Context) -> tuple[int, int] | None:
        """Where a regex matches in the original text."""
        text = context.request.text if name == "text" else context.request.subject or ""
        found = self._regexes[name].span(pattern, text[:MAX_TEXT_CHARACTERS])
        return (found.start, found.end) if found is not None else None


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
