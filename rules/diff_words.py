"""The differences between two rulebooks in words, section by section."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import yaml

from rules.diff import Change

NO_DIFFERENCE = "no difference in meaning"
LONGEST = 160
"""So many characters of a value are shown; `--json` has all of it."""

MOST_ITEMS = 12
_OF_ENTRIES = ("removed", "moved", "renamed", "added")


def in_words(changes: Sequence[Change]) -> Iterator[str]:
    """Lines for people; one line when there is no difference."""
    if not changes:
        yield NO_DIFFERENCE
    for section, found in groupby(changes, lambda one: one.section):
        ones = list(found)
        yield f"{section}: {_counts(ones)}"
        for one in ones:
            if not one.path and one.change in _OF_ENTRIES:
                yield f"  {one.change:8} {_of_entry(one)}"
        for name, clauses in groupby((one for one in ones if one.path), lambda one: one.name):
            yield f"  changed  {name}".rstrip()
            yield from (f"    {one.path}: {_of_clause(one)}" for one in clauses)


def _counts(changes: Sequence[Change]) -> str:
    names = {(one.name, "changed" if one.path else one.change) for one in changes}
    counts = Counter(change for _, change in names)
    return ", ".join(f"{count} {change}" for change, count in sorted(counts.items()))


def _of_entry(one: Change) -> str:
    if one.change == "renamed":
        return f"{one.old} -> {one.name}"
    if one.change == "moved":
        return f"{one.name}: from place {one.old} to {one.new}, {_place(one)}"
    where = "" if one.after is None else f" ({_place(one)})"
    return f"{one.name}{where}: {shown(one.old if one.change == 'removed' else one.new)}"


def _place(one: Change) -> str:
    return f"after {one.after}" if one.after else "first"


def _of_clause(one: Change) -> str:
    if one.change == "reordered":
        return f"in another order: {shown(one.new)}, was {shown(one.old)}"
    said = [
        f"{word} {_items(items)}"
        for word, items in (("added", one.added), ("removed", one.removed))
        if items
    ]
    if said:
        return "; ".join(said)
    if one.old is None:
        return f"added: {shown(one.new)}"
    if one.new is None:
        return f"removed: {shown(one.old)}"
    return f"{shown(one.old)} -> {shown(one.new)}"


def _items(items: Sequence[Any]) -> str:
    first = ", ".join(map(shown, items[:MOST_ITEMS]))
    more = len(items) - MOST_ITEMS
    return f"{first} and {more} more" if more > 0 else first


def shown(value: Any) -> str:
    """A value on one line, as the rulebook writes it."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=float("inf")
    ).strip()
    text = text.removesuffix("...").strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
