"""Ways through a rulebook that several readers of it share."""

from collections.abc import Iterator
from typing import Any

from rules.model import Condition
from rules.source import Path


def listed(value: Any) -> list[Any]:
    """A field that holds one item, several, or none, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def conditions(path: Path, condition: Condition | None) -> Iterator[tuple[Path, Condition]]:
    """A condition and all that nest in it, with their paths."""
    if condition is None:
        return
    yield path, condition
    for name, nested in (("any", condition.any), ("all", condition.all)):
        for index, one in enumerate(nested or []):
            yield from conditions((*path, name, index), one)
    yield from conditions((*path, "not"), condition.not_)
