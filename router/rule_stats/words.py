"""Tables of words, and the words for counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_ROWS = 40


@dataclass(frozen=True)
class Section:
    """A table: what it shows, and its rows. Columns whose name begins with `#` are of numbers."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str = ""


def counted(counts: Mapping[str, int]) -> str:
    """`complaints 3, (spam) 1`: the most first."""
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name} {count}" for name, count in found)


def many(count: int, what: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def times(count: int) -> str:
    """How often, in words."""
    return "once" if count == 1 else f"{count} times"


def percent(part: float, whole: float) -> str:
    """A share in percent; of nothing it is 0."""
    return f"{100 * part / whole:.1f}" if whole else "0.0"


def left(found: Sequence[object], most: int) -> str:
    """How many are not shown, if any."""
    return f"{len(found) - most} more: --json" if len(found) > most else ""
