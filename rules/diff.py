"""What differs in meaning between two rulebooks: entries by name, their clauses by path.

Compared is what the model says, with defaults filled in, and with the files that it names in place
of their names. So comments, layout, and where things stand in which file make no difference, and
fields that the model gains are compared without a word here.
"""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rules.meaning import meaning

_NAMED_BY = ("id", "level")
_ALTERNATIVES = frozenset({"when", "any", "all", "not", "conditions", "lists"})
"""Below these the order of a list means nothing: it holds when one, or when all, of it do."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is the clause of the entry `name` of `section`, with dots.

    `old` and `new` are the values, None where there is none; of a list, or a text of several
    lines, `added` and `removed` are what came and went. Of an entry whose place counts `after` is
    the entry before it, "" for none; of one that moved `old` and `new` are its places, from 1.
    """

    section: str
    name: str
    change: Literal["added", "removed", "renamed", "moved", "changed", "reordered"]
    path: str = ""
    old: Any = None
    new: Any = None
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()
    after: str | None = None


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """What differs between two rulebooks' files. Raises `RulebookError` for one that is wrong."""
    before, after = meaning(old), meaning(new)
    return [
        change
        for section in before
        for change in _section(section, before[section], after[section])
    ]


# -- entries


def _section(section: str, old: Any, new: Any) -> Iterator[Change]:
    before, after = _entries(old), _entries(new)
    renamed = dict(_renamed(before, after))
    follows: dict[str, str] = {}
    if isinstance(new, list):
        follows = dict(zip(after, ("", *after), strict=False))
    for name in [name for name in before if name not in after and name not in renamed]:
        yield Change(section, name, "removed", old=before[name])
    for name in [name for name in after if name not in before and name not in renamed.values()]:
        yield Change(section, name, "added", new=after[name], after=follows.get(name))
    for name, other in renamed.items():
        yield Change(section, other, "renamed", old=name, new=other)
    yield from _moves(section, [renamed.get(name, name) for name in before], follows)
    for name in [name for name in after if name in before]:
        for one in _clauses(before[name], after[name], (section,)):
            yield replace(one, section=section, name=name)


def _entries(section: Any) -> dict[str, Any]:
    if not isinstance(section, list):
        return dict(section)
    return {one["id"]: {key: one[key] for key in one if key != "id"} for one in section}


def _renamed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Entries that are the same under another name."""
    left = {name: _key(body) for name, body in after.items() if name not in before}
    for name, body in before.items():
        if name not in after and body:
            found = next((other for other, key in left.items() if key == _key(body)), None)
            if found is not None:
                del left[found]
                yield name, found


def _moves(section: str, before: Sequence[str], follows: Mapping[str, str]) -> Iterator[Change]:
    """The fewest moves that make the one order of the other."""
    places = {name: place for place, name in enumerate(follows, 1)}
    was = {name: place for place, name in enumerate(before, 1)}
    common = [name for name in before if name in places]
    stay = _longest_rise([places[name] for name in common])
    for name in common:
        if places[name] not in stay:
            yield Change(
                section, name, "moved", old=was[name], new=places[name], after=follows[name]
            )


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """The longest rising sequence among different numbers (patience sorting)."""
    tops: list[int] = []
    below: dict[int, int | None] = {}
    for number in numbers:
        pile = bisect_left(tops, number)
        below[number] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [number]
    found: set[int] = set()
    last = tops[-1] if tops else None
    while last is not None:
        found.add(last)
        last = below[last]
    return found


# -- clauses


Path = tuple[str, ...]


def _clauses(old: Any, new: Any, path: Path) -> Iterator[Change]:
    """The differences of two values at `path`; None stands for a value that is not there."""
    if _key(old) == _key(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _clauses(old.get(key), new.get(key), (*path, str(key)))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _listed(old, new, path)
    elif isinstance(old, str) and isinstance(new, str) and "\n" in old + new:
        yield from _items(old.splitlines(), new.splitlines(), path)
    else:
        yield _at(path, old=old, new=new)


def _at(path: Path, **what: Any) -> Change:
    return Change("", "", **({"change": "changed"} | what), path=".".join(path[1:]))


def _listed(old: list[Any], new: list[Any], path: Path) -> Iterator[Change]:
    for key in _NAMED_BY:
        if all(isinstance(one, dict) and key in one for one in (*old, *new)):
            yield from _named(old, new, path, key)
            return
    if not any(isinstance(one, dict | list) for one in (*old, *new)):
        yield from _items(old, new, path)
    else:
        yield from _unnamed(old, new, path)


def _named(old: list[Any], new: list[Any], path: Path, key: str) -> Iterator[Change]:
    """Lists of steps or levels: by what names each."""
    word = "level " if key == "level" else ""
    before, after = ({f"{word}{one[key]}": one for one in ones} for ones in (old, new))
    for name in dict.fromkeys((*before, *after)):
        yield from _clauses(before.get(name), after.get(name), (*path, name))
    common = [[name for name in one if name in before and name in after] for one in (before, after)]
    if key == "id" and common[0] != common[1]:
        yield _at(path, change="reordered", old=common[0], new=common[1])


def _items(old: Sequence[Any], new: Sequence[Any], path: Path) -> Iterator[Change]:
    """A list of plain values, or the lines of a text: what came and what went, or their order."""
    before, after = Counter(map(_key, old)), Counter(map(_key, new))
    added = tuple(json.loads(one) for one in (after - before).elements())
    removed = tuple(json.loads(one) for one in (before - after).elements())
    if added or removed:
        yield _at(path, added=added, removed=removed)
    both = before & after
    stayed = [[one for one in ones if _key(one) in both] for ones in (old, new)]
    moved = stayed[0] != stayed[1] and len(stayed[0]) == len(stayed[1])
    if moved and not _ALTERNATIVES.intersection(path):
        yield _at(path, change="reordered", old=list(old), new=list(new))


def _unnamed(old: list[Any], new: list[Any], path: Path) -> Iterator[Change]:
    """Lists of mappings: what is equal belongs together, then what has the same fields."""
    left = list(enumerate(new, 1))
    places: list[int] = []
    rest: list[tuple[int, Any]] = []
    for place, one in enumerate(old, 1):
        same = next((other for other in left if _key(other[1]) == _key(one)), None)
        if same is None:
            rest.append((place, one))
        else:
            left.remove(same)
            places.append(same[0])
    for place, one in rest:
        like = next((other for other in left if _fields(other[1]) == _fields(one)), None)
        if like is not None:
            left.remove(like)
        yield from _clauses(one, like[1] if like else None, (*path, str(place)))
    for place, one in left:
        yield from _clauses(None, one, (*path, str(place)))
    if places != sorted(places) and not _ALTERNATIVES.intersection(path):
        yield _at(path, change="reordered", old=old, new=new)


def _fields(value: Any) -> Any:
    return set(value) if isinstance(value, dict) else None


def _key(value: Any) -> str:
    """Equal for what is the same; `true` is not `1`."""
    return json.dumps(value, sort_keys=True)
