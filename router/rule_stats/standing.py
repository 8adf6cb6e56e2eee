"""Since when the routes of the rulebook in force are in force, as they are now. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from channels.errors import Malformed
from router.rulebook_history import Entry
from rules.load import load
from rules.model import Route


@dataclass(frozen=True, slots=True)
class Standing:
    """A route is in force unchanged `since`; `decisions` were made under versions that have it."""

    since: datetime
    decisions: int


def standing(
    entries: Sequence[Entry], routes: Iterable[Route], decisions: Mapping[str, int]
) -> dict[str, Standing]:
    """How each of `routes`, of the last of `entries`, stands; `decisions` are those by version.

    What a condition names elsewhere (a list, a calendar) is not compared. A version that this
    program cannot read has none of the routes.
    """
    known = _Versions(entries)
    since: dict[str, datetime] = {}
    left = {route.id: route for route in routes}
    wanted = dict(left)
    for entry in reversed(entries):
        there = known.routes(entry.version)
        left = {name: route for name, route in left.items() if there.get(name) == route}
        if not left:
            break
        since |= dict.fromkeys(left, entry.at)
    made = [(known.routes(version), count) for version, count in decisions.items()]
    return {
        name: Standing(at, sum(count for there, count in made if there.get(name) == wanted[name]))
        for name, at in since.items()
    }


class _Versions:
    """The routes of each version, read when they are asked for."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._files = {entry.version: entry.files for entry in entries}
        self._routes: dict[str, dict[str, Route]] = {}

    def routes(self, version: str) -> Mapping[str, Route]:
        """By id; none of a version that the history does not have."""
        if version not in self._routes:
            self._routes[version] = _routes(self._files.get(version))
        return self._routes[version]


def _routes(files: Mapping[str, str] | None) -> dict[str, Route]:
    try:
        return {} if files is None else {route.id: route for route in load(files).routes}
    except Malformed:
        return {}
