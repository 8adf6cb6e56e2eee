"""Conditions compiled: a test on a request, and the triggers without which it cannot hold.

A trigger is something that a request shows once for all routes: a keyword in its text, a regex
that matches, a value of a field. A condition's triggers are a set of which at least one must be
shown, or None when it may hold whatever is shown; so only routes one of whose triggers is shown
are looked at.
"""

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from channels.request import CustomerRequest
from rules.calendar import Calendar
from rules.decision import Facts
from rules.matcher import Span
from rules.model import Condition, TextMatch
from rules.textfold import fold_keyword


class Trigger(NamedTuple):
    """`field` `text` or `subject` with `how` keyword or regex, or any other field with equals."""

    field: str
    how: str
    value: str


@dataclass(slots=True)
class Context:
    """A request as conditions see it: the facts, and what was found in its texts, once."""

    facts: Facts
    request: CustomerRequest
    keywords: Mapping[str, Mapping[str, Span]]
    regexes: Mapping[str, Collection[str]]
    calendars: Mapping[str, Calendar]


Test = Callable[[Context], bool]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition ready to be used. `parts` name the clauses that all must hold."""

    test: Test
    triggers: frozenset[Trigger] | None
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One clause, for the explanation: its name, its test, and the words whose spans show it."""

    name: str
    test: Test
    triggers: frozenset[Trigger] | None
    nested: tuple[Compiled, ...] = field(default=())


_SELECTIVITY = (
    ("text", "subject"),
    ("sender", "attributes"),
    ("account", "call_outcome"),
    ("automatic",),
    ("tier", "kind"),
    ("language",),
    ("channel",),
)
"""Fields from the most to the least telling: the first that a condition has is its trigger."""


def compile_condition(condition: Condition | None) -> Compiled:
    """`condition` compiled; None always holds."""
    if condition is None:
        return Compiled(_always, None)
    parts = tuple(_parts(condition))
    if not parts:
        return Compiled(_always, None)
    tests = tuple(part.test for part in parts)
    return Compiled(_all(tests), _most_telling(parts), parts)


def _always(_: Context) -> bool:
    return True


def _all(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda context: all(test(context) for test in tests)


def _most_telling(parts: Iterable[Part]) -> frozenset[Trigger] | None:
    """The triggers of the clause that fewest requests show."""
    known = [part.triggers for part in parts if part.triggers is not None]
    return min(known, key=_commonness, default=None)


def _commonness(triggers: frozenset[Trigger]) -> tuple[int, int]:
    ranks = (
        rank
        for trigger in triggers
        for rank, fields in enumerate(_SELECTIVITY)
        if trigger.field in fields
    )
    return max(ranks, default=0), len(triggers)


def _parts(condition: Condition) -> Iterable[Part]:
    if condition.text is not None:
        yield _text("text", condition.text)
    if condition.subject is not None:
        yield _text("subject", condition.subject)
    yield from _equalities(condition)
    if condition.sender is not None:
        yield _sender(_listed(condition.sender))
    for name, value in (condition.attributes or {}).items():
        yield _attribute(name, value)
    for calendar, state in (condition.hours or {}).items():
        wanted = state == "open"
        yield Part(f"hours.{calendar}", _hours(calendar, open_=wanted), None)
    if condition.automatic is not None:
        yield _automatic(condition.automatic)
    yield from _nested(condition)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(name: str, match: TextMatch) -> Part:
    words = frozenset(filter(None, map(fold_keyword, match.keywords or [])))
    patterns = frozenset(_listed(match.regex) if match.regex is not None else [])
    triggers = frozenset(
        [Trigger(name, "keyword", word) for word in words]
        + [Trigger(name, "regex", pattern) for pattern in patterns]
    )

    def test(context: Context) -> bool:
        return not (
            words.isdisjoint(context.keywords[name]) and patterns.isdisjoint(context.regexes[name])
        )

    return Part(name, test, triggers)


_FIELDS: dict[str, Callable[[Facts], str | None]] = {
    "channel": lambda facts: facts.request.channel,
    "account": lambda facts: facts.request.account,
    "kind": lambda facts: facts.request.kind,
    "tier": lambda facts: facts.tier,
    "call_outcome": lambda facts: facts.request.call.outcome if facts.request.call else None,
}


def _equalities(condition: Condition) -> Iterable[Part]:
    for name, read in _FIELDS.items():
        wanted = getattr(condition, name)
        if wanted is not None:
            values = frozenset(map(str, _listed(wanted)))
            triggers = frozenset(Trigger(name, "equals", value) for value in values)
            yield Part(name, _in(read, values), triggers)
    if condition.language is not None:
        values = frozenset(map(str, _listed(condition.language)))
        triggers = frozenset(Trigger("language", "equals", value) for value in values)
        yield Part("language", lambda context: _speaks(context.facts.language, values), triggers)


def _in(read: Callable[[Facts], str | None], values: frozenset[str]) -> Test:
    return lambda context: read(context.facts) in values


def languages(tag: str | None) -> tuple[str, ...]:
    """The tags that a language answers to: `zh-Hant` is `zh-Hant` and `zh` (RFC 4647, 3.3.1)."""
    if tag is None:
        return ()
    steps = tag.split("-")
    return tuple("-".join(steps[:count]) for count in range(len(steps), 0, -1))


def _speaks(tag: str | None, wanted: frozenset[str]) -> bool:
    return not wanted.isdisjoint(languages(tag))


def senders(address: str) -> tuple[str, ...]:
    """What a sender is matched by: the address, and for mail its `@domain`."""
    _, at, domain = address.rpartition("@")
    return (address, f"@{domain}") if at else (address,)


def _sender(wanted: list[str]) -> Part:
    exact = frozenset(one for one in wanted if not one.endswith("*"))
    starts = tuple(one[:-1] for one in wanted if one.endswith("*"))
    triggers = frozenset(Trigger("sender", "equals", one) for one in exact)

    def test(context: Context) -> bool:
        address = context.request.sender.address
        return not exact.isdisjoint(senders(address)) or address.startswith(starts)

    return Part("sender", test, None if starts else triggers)


def _attribute(name: str, wanted: Any) -> Part:
    values = frozenset(map(_plain, _listed(wanted)))
    triggers = frozenset(Trigger("attributes", "equals", f"{name}={value}") for value in values)

    def test(context: Context) -> bool:
        value = context.facts.attributes_seen.get(name)
        return isinstance(value, SCALAR) and _plain(value) in values

    return Part(f"attributes.{name}", test, triggers)


SCALAR = str | int | float | bool
"""Attributes of these types can be asked for; what nests cannot."""


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _hours(calendar: str, *, open_: bool) -> Test:
    return lambda context: context.calendars[calendar].is_open(context.facts.at) is open_


def _automatic(wanted: bool | list[str]) -> Part:  # noqa: FBT001 - the rulebook's own value
    reasons = frozenset([str(wanted)] if isinstance(wanted, bool) else wanted)
    triggers = frozenset(Trigger("automatic", "equals", reason) for reason in reasons)

    def test(context: Context) -> bool:
        return not reasons.isdisjoint(_reasons(context.request.automatic))

    return Part("automatic", test, triggers)


def _reasons(automatic: str | None) -> tuple[str, ...]:
    """What a request shows of a machine: that there was one, and why we think so."""
    return (str(False),) if automatic is None else (automatic, str(True))


def _nested(condition: Condition) -> Iterable[Part]:
    if condition.any is not None:
        choices = tuple(map(compile_condition, condition.any))
        tests = tuple(choice.test for choice in choices)
        triggers = frozenset[Trigger]().union(*(one.triggers or () for one in choices))
        indexed = all(choice.triggers is not None for choice in choices)
        yield Part("any", _any(tests), triggers if indexed else None, choices)
    if condition.all is not None:
        demands = tuple(map(compile_condition, condition.all))
        known = [demand.triggers for demand in demands if demand.triggers is not None]
        best = min(known, key=_commonness, default=None)
        yield Part("all", _all(tuple(one.test for one in demands)), best, demands)
    if condition.not_ is not None:
        excluded = compile_condition(condition.not_)
        test = excluded.test
        yield Part("not", lambda context: not test(context), None, (excluded,))


def _any(tests: tuple[Test, ...]) -> Test:
    return lambda context: any(test(context) for test in tests)


def shown(context: Context, fields: Container[str]) -> Iterator[tuple[str, str, str]]:
    """The triggers that a request shows, of those fields; plain tuples equal `Trigger`s."""
    for name, words in context.keywords.items():
        for word in words:
            yield name, "keyword", word
    for name, patterns in context.regexes.items():
        for pattern in patterns:
            yield name, "regex", pattern
    for name, values in _SHOWN.items():
        if name in fields:
            for value in values(context.facts):
                yield name, "equals", value


def _attributes(facts: Facts) -> Iterator[str]:
    for name, value in facts.attributes_seen.items():
        if isinstance(value, SCALAR):
            yield f"{name}={_plain(value)}"


def _one(read: Callable[[Facts], str | None]) -> Callable[[Facts], Iterable[str]]:
    def values(facts: Facts) -> Iterable[str]:
        value = read(facts)
        return () if value is None else (value,)

    return values


_SHOWN: dict[str, Callable[[Facts], Iterable[str]]] = {
    **{name: _one(read) for name, read in _FIELDS.items()},
    "language": lambda facts: languages(facts.language),
    "sender": lambda facts: senders(facts.request.sender.address),
    "automatic": lambda facts: _reasons(facts.request.automatic),
    "attributes": _attributes,
}
