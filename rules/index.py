"""The rulebook compiled: routes behind their triggers, calendars, templates, pools by queue."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from heapq import merge
from itertools import chain, groupby
from threading import Lock
from typing import Any

from rules.calendar import Calendar
from rules.clauses import readers, shown
from rules.conditions import Library, compile_condition, joined
from rules.decision import Facts
from rules.lists import words_of
from rules.load import RulebookError, load_document, version
from rules.lookup import Lists, Lookup
from rules.model import Route, Rulebook
from rules.notice_texts import notice_texts, wrong_notice_texts
from rules.order_texts import order_texts
from rules.parts import Compiled as CompiledCondition
from rules.parts import Context, Part, Test
from rules.source import Problem, problem
from rules.templates import Texts, template_error, texts
from rules.walk import every_condition
from rules.wording import nearest


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


def compile_route(number: int, route: Route, library: Library) -> CompiledRoute:
    """`route`, the `number`-th, ready to be used."""
    action = route.then
    said = {name: value for name in DECIDED if (value := getattr(action, name)) is not None}
    if "ack" in action.model_fields_set:
        said["ack"] = action.ack
    condition = compile_condition(route.when, library)
    bounds = tuple(_bounds(route))
    return CompiledRoute(
        number=number,
        id=route.id,
        condition=joined((*condition.parts, *bounds)) if bounds else condition,
        decides=said,
        skills=action.skills,
        tags=tuple(dict.fromkeys(action.tags)),
        drop=action.drop,
        goes_on=action.continue_,
    )


def _bounds(route: Route) -> Iterator[Part]:
    """When, and for which share of the requests, a route is in force."""
    if route.from_ is not None:
        yield Part("from", _since(route.from_), None)
    if route.until is not None:
        yield Part("until", _before(route.until), None)
    if route.rollout is not None:
        yield Part("rollout", _of_a_share(route.id, route.rollout), None)


def _since(instant: datetime) -> Test:
    return lambda context: context.facts.at >= instant


def _before(instant: datetime) -> Test:
    return lambda context: context.facts.at < instant


def _of_a_share(route: str, share: float) -> Test:
    """The same requests every time; each route draws its own, a larger share has the smaller's."""

    def test(context: Context) -> bool:
        named = f"{route}/{context.request.id}".encode()
        drawn = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest())
        return drawn < share * 2**64

    return test


class Index:
    """Routes behind what a request must show for them to be looked at."""

    def __init__(
        self, routes: Iterable[Route], library: Library | None = None, lists: Lists | None = None
    ) -> None:
        library = library or Library({})
        self.routes = [compile_route(number, route, library) for number, route in enumerate(routes)]
        self.lookup = Lookup((route.condition for route in self.routes), lists or {})
        self._by_trigger: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        self._always: list[int] = []
        for compiled in self.routes:
            if compiled.condition.triggers is None:
                self._always.append(compiled.number)
            for trigger in compiled.condition.triggers or ():
                self._by_trigger[trigger].append(compiled.number)
        self._readers = readers({field for field, _, _ in self._by_trigger})

    def context(self, facts: Facts, calendars: Mapping[str, Calendar]) -> Context:
        """The request as conditions see it: every keyword and regex looked for, once."""
        return Context(facts, facts.request, self.lookup.find(facts.request), calendars)

    def candidates(self, context: Context) -> Iterator[CompiledRoute]:
        """The routes that the request may match, in order; the others cannot."""
        by_trigger = self._by_trigger
        shows = shown(context, self._readers)
        found = [self._always, *(by_trigger[one] for one in shows if one in by_trigger)]
        routes = self.routes
        return (routes[number] for number in _in_order(found))


def _in_order(found: list[list[int]]) -> Iterable[int]:
    """The numbers of all lists, each once, in order; of many only as many as are asked for."""
    if sum(map(len, found)) <= _FEW:
        return sorted(set(chain.from_iterable(found)))
    return (number for number, _ in groupby(merge(*found)))


_FEW = 50
"""Up to so many candidates are put in order faster than they are merged one by one."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rulebook in the form in which it decides."""

    rulebook: Rulebook
    version: str
    calendars: Mapping[str, Calendar]
    templates: Texts
    pool_of: Mapping[str, str]
    index: Index
    asked_queues: frozenset[str] = frozenset()
    """The queues of which a condition asks how full they are."""
    order_texts: Texts = field(default_factory=dict)
    """What workers are told of their orders."""
    notices: Texts = field(default_factory=dict)
    """The texts of notices."""


def compile_rulebook(files: Mapping[str, str]) -> Compiled:
    """Load and compile. Raises `RulebookError` with everything that is wrong.

    All that need the same rulebook in a process share one: compiling thousands of routes takes
    seconds, which no shard should spend on its own. Who asks while it is compiled waits for that.
    """
    with _ASKING:
        one = _compilation(tuple(sorted(files.items())))
    return one.outcome()


class _Compilation:
    """One rulebook's compilation, made by the first thread that asks for its outcome."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._making = Lock()
        self._outcome: Compiled | list[Problem] | None = None

    def outcome(self) -> Compiled:
        """The compiled rulebook; raises a `RulebookError` of the caller's own."""
        with self._making:
            if self._outcome is None:
                try:
                    self._outcome = _compiled(self._files)
                except RulebookError as error:
                    self._outcome = error.problems
        if isinstance(self._outcome, Compiled):
            return self._outcome
        raise RulebookError(self._outcome)


_ASKING = Lock()
"""Held while a compilation is looked up, never while one is made."""


@lru_cache(maxsize=2)
def _compilation(names_and_texts: tuple[tuple[str, str], ...]) -> _Compilation:
    return _Compilation(dict(names_and_texts))


def _compiled(files: Mapping[str, str]) -> Compiled:
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
    notices = notice_texts(rulebook, files)
    for path, wrong in wrong_notice_texts(rulebook, notices):
        problems.append(problem(nearest(document, path), f"{'.'.join(map(str, path))}: {wrong}"))
    if problems:
        raise RulebookError(problems)
    pool_of = {queue: name for name, pool in rulebook.pools.items() for queue in pool.queues}
    lists = {name: words_of(one, files) for name, one in rulebook.lists.items()}
    index = Index(rulebook.routes, Library(rulebook.conditions), lists)
    asked = (name for _, one in every_condition(rulebook) for name in one.queues or ())
    return Compiled(
        rulebook, version(files), calendars, found, pool_of, index, frozenset(asked),
        order_texts(rulebook, files), notices,
    )  # fmt: skip
