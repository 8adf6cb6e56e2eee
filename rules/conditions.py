"""Conditions compiled: clauses and nested conditions joined, and the triggers of the whole.

Only routes one of whose triggers is shown by a request are looked at, so a condition's triggers
are those of the one clause that fewest requests show.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from rules.clauses import clauses
from rules.parts import Compiled, Context, Part, Test, Trigger
from rules.when import Condition


def _always(_: Context) -> bool:
    return True


ALWAYS = Compiled(_always, None, _always)

Named = Callable[[str], Compiled]
"""The condition of a name in the section `conditions`."""

_SELECTIVITY = (
    ("text", "subject", "text~lookalikes", "subject~lookalikes"),
    ("sender", "attributes"),
    ("recipient", "account", "call_outcome"),
    ("automatic",),
    ("tier", "kind", "customer"),
    ("language",),
    ("channel",),
)
"""Fields from the most to the least telling: the first that a condition has is its trigger."""

_RANKS = {name: rank for rank, names in enumerate(_SELECTIVITY) for name in names}


def compile_condition(condition: Condition | None, named: Named) -> Compiled:
    """`condition` compiled; None always holds."""
    if condition is None:
        return ALWAYS
    return joined((*clauses(condition), *_nested(condition, named)))


def joined(parts: tuple[Part, ...]) -> Compiled:
    """All of these clauses."""
    if not parts:
        return ALWAYS
    triggers = _most_telling(part.triggers for part in parts)
    cheapest = sorted(parts, key=_cost)
    rest = [part.test for part in cheapest if not (part.triggers is triggers and part.is_shown)]
    return Compiled(_all(tuple(part.test for part in cheapest)), triggers, _all(tuple(rest)), parts)


def _cost(part: Part) -> int:
    """Clauses whose triggers were looked up already go first, those without triggers last."""
    if part.triggers is None:
        return 2
    return int(not part.is_shown)


def _all(tests: tuple[Test, ...]) -> Test:
    if not tests:
        return _always
    if len(tests) == 1:
        return tests[0]
    return lambda context: all(test(context) for test in tests)


def _any(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda context: any(test(context) for test in tests)


def _most_telling(choices: Iterable[frozenset[Trigger] | None]) -> frozenset[Trigger] | None:
    """The triggers that fewest requests show, of clauses that all must hold."""
    return min((one for one in choices if one is not None), key=_commonness, default=None)


def _commonness(triggers: frozenset[Trigger]) -> tuple[int, int]:
    return max((_RANKS[one.field] for one in triggers), default=0), len(triggers)


def _nested(condition: Condition, named: Named) -> Iterator[Part]:
    if condition.condition is not None:
        yield _one_of("condition", [_by_name(one, named) for one in condition.condition])
    if condition.any is not None:
        yield _one_of("any", [compile_condition(one, named) for one in condition.any])
    if condition.all is not None:
        demands = tuple(compile_condition(one, named) for one in condition.all)
        triggers = _most_telling(demand.triggers for demand in demands)
        yield Part("all", _all(tuple(one.test for one in demands)), triggers, demands)
    if condition.not_ is not None:
        excluded = compile_condition(condition.not_, named)
        test = excluded.test
        yield Part("not", lambda context: not test(context), None, (excluded,))


def _one_of(name: str, choices: Iterable[Compiled]) -> Part:
    choices = tuple(choices)
    triggers = frozenset[Trigger]().union(*(one.triggers or () for one in choices))
    indexed = all(choice.triggers is not None for choice in choices)
    tests = tuple(choice.test for choice in choices)
    return Part(name, _any(tests), triggers if indexed else None, choices)


def _by_name(name: str, named: Named) -> Compiled:
    found = named(name)
    part = Part(name, found.test, found.triggers, (found,))
    return Compiled(found.test, found.triggers, found.test, (part,))


class Library:
    """The named conditions of a rulebook, each compiled once. The names make no circle."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._conditions = conditions
        self._compiled: dict[str, Compiled] = {}

    def __call__(self, name: str) -> Compiled:
        """The condition of that name, compiled."""
        found = self._compiled.get(name)
        if found is None:
            found = self._compiled[name] = compile_condition(self._conditions[name], self)
        return found
