"""A way through a rulebook that several readers of it share."""

from collections.abc import Iterator

from rules.model import Rulebook
from rules.source import Path
from rules.when import Condition, TextMatch


def every_condition(rulebook: Rulebook) -> Iterator[tuple[Path, Condition]]:
    """All conditions of a rulebook, those that have names and those of its routes."""
    for name, condition in rulebook.conditions.items():
        yield from conditions(("conditions", name), condition)
    for index, route in enumerate(rulebook.routes):
        yield from conditions(("routes", index, "when"), route.when)


def conditions(path: Path, condition: Condition | None) -> Iterator[tuple[Path, Condition]]:
    """A condition and all that nest in it, with their paths."""
    if condition is None:
        return
    yield path, condition
    for name, nested in (("any", condition.any), ("all", condition.all)):
        for index, one in enumerate(nested or []):
            yield from conditions((*path, name, index), one)
    yield from conditions((*path, "not"), condition.not_)


def matches(condition: Condition) -> Iterator[tuple[str, TextMatch]]:
    """The conditions on text in one condition, by field."""
    for field, match in (("text", condition.text), ("subject", condition.subject)):
        if match is not None:
            yield field, match
