"""A way through a rulebook that several readers of it share."""

from collections.abc import Iterator

from rules.model import Condition
from rules.source import Path


def conditions(path: Path, condition: Condition | None) -> Iterator[tuple[Path, Condition]]:
    """A condition and all that nest in it, with their paths."""
    if condition is None:
        return
    yield path, condition
    for name, nested in (("any", condition.any), ("all", condition.all)):
        for index, one in enumerate(nested or []):
            yield from conditions((*path, name, index), one)
    yield from conditions((*path, "not"), condition.not_)
