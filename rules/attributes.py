"""Conditions on attributes: what connectors and reference data say beyond the common fields."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.decision import Facts
from rules.parts import Context, Part, equal
from rules.scalars import listed
from rules.textfold import fold
from rules.when import Comparison

Test = Callable[[Any, datetime], bool]
"""A comparison of an attribute's value, at the instant of the request."""

SCALAR = str | int | float | bool
"""Attributes of these types can be asked for; what nests cannot."""


def attribute(name: str, wanted: list[Any] | Comparison) -> Part:
    """The clause of one attribute: it is equal to one of the values, or compares as wanted."""
    return _compared(name, wanted) if isinstance(wanted, Comparison) else _equal(name, wanted)


def shown(facts: Facts) -> Iterator[str]:
    """What a request shows of its attributes."""
    for name, value in facts.attributes_seen.items():
        if isinstance(value, SCALAR):
            yield _shows(name, value)


def _shows(name: str, value: Any) -> str:
    """A name and a value as one; no rulebook has a NUL in either."""
    return f"{name}\0{_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _equal(name: str, wanted: list[Any]) -> Part:
    values = frozenset(map(_plain, wanted))

    def test(context: Context) -> bool:
        value = context.facts.attributes_seen.get(name)
        return isinstance(value, SCALAR) and _plain(value) in values

    return Part(
        f"attributes.{name}", test, equal("attributes", (_shows(name, one) for one in wanted))
    )


def _compared(name: str, wanted: Comparison) -> Part:
    tests = [make(getattr(wanted, one)) for one, make in _TESTS.items() if _given(wanted, one)]

    def test(context: Context) -> bool:
        value = context.facts.attributes_seen.get(name)
        return all(holds(value, context.facts.at) for holds in tests)

    return Part(f"attributes.{name}", test, None)


def _given(wanted: Comparison, name: str) -> bool:
    return getattr(wanted, name) is not None


def _present(wanted: bool) -> Test:  # noqa: FBT001 - the rulebook's value
    return lambda value, _: (value not in (None, "", [], {})) is wanted


def _is_not(wanted: list[Any]) -> Test:
    unequal = frozenset(map(_plain, wanted))
    return lambda value, _: unequal.isdisjoint(map(_plain, listed(value) or ()))


def _contains(wanted: list[str]) -> Test:
    parts = [fold(one).text for one in wanted]
    return lambda value, _: any(part in one for one in _texts(value) for part in parts)


def _starts_with(wanted: list[str]) -> Test:
    starts = tuple(fold(one).text for one in wanted)
    return lambda value, _: any(one.startswith(starts) for one in _texts(value))


def _texts(value: Any) -> list[str]:
    """An attribute, or each item of one that is a list, as folded text."""
    items = value if isinstance(value, list | tuple) else [value]
    return [fold(_plain(one)).text for one in items if isinstance(one, SCALAR)]


def _bound(holds: Callable[[float, float], bool]) -> Callable[[float], Test]:
    def bounded(bound: float) -> Test:
        def test(value: Any, _: datetime) -> bool:
            number = _number(value)
            return number is not None and holds(number, bound)

        return test

    return bounded


def _number(value: Any) -> float | None:
    """An attribute as a number: connectors send numbers as text too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _older_than(age: timedelta) -> Test:
    return lambda value, at: (instant := _instant(value)) is not None and at - instant > age


def _newer_than(age: timedelta) -> Test:
    return lambda value, at: (instant := _instant(value)) is not None and at - instant <= age


def _instant(value: Any) -> datetime | None:
    """An attribute as an instant; one without an offset is taken for UTC."""
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)


_TESTS: dict[str, Callable[[Any], Test]] = {
    "present": _present,
    "is_not": _is_not,
    "contains": _contains,
    "starts_with": _starts_with,
    "more_than": _bound(lambda value, bound: value > bound),
    "at_least": _bound(lambda value, bound: value >= bound),
    "less_than": _bound(lambda value, bound: value < bound),
    "at_most": _bound(lambda value, bound: value <= bound),
    "older_than": _older_than,
    "newer_than": _newer_than,
}
"""Each field of a comparison, and the test that it makes."""
