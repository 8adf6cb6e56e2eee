"""All that is reported of a rulebook's routes, and the same for programs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from router.rule_stats.cost import Cost, RouteCost
from router.rule_stats.eager import shown_in_vain
from router.rule_stats.figures import Figures, Hits, Share
from router.rule_stats.sources import Besides
from router.rule_stats.standing import Standing
from router.whatif.replay import Book
from rules.decision import Facts
from rules.index import CompiledRoute
from rules.model import Action, Route
from rules.parts import Trigger

NO_HITS = Hits()
GOES_ON = "(goes on)"


@dataclass(frozen=True)
class Report:
    """What was counted and measured.

    `source` is where the decisions come from; with `anew` they were made by `book` just now, else
    they are those that the log has recorded, and `book` is in force. `activations` are those of
    each version in the log's history; `sample` are some of the requests.
    """

    source: str
    anew: bool
    book: Book
    since: datetime | None
    activations: Mapping[str, Sequence[int]]
    standing: Mapping[str, Standing]
    figures: Figures
    besides: Besides
    sample: Sequence[Facts]
    cost: Cost | None

    @property
    def routes(self) -> Sequence[Route]:
        """The rulebook's routes in their order."""
        return self.book.compiled.rulebook.routes

    def hits(self, name: str) -> Hits:
        """What is counted of a route, whether or not anything is."""
        return self.figures.routes.get(name, NO_HITS)

    @cached_property
    def foreign(self) -> list[str]:
        """The routes that decided, or were tried, and are none of the rulebook's."""
        return sorted(self.figures.routes.keys() - self._places.keys())

    @property
    def never(self) -> list[Route]:
        """The routes that had no say; but for the default, of which that is no fault."""
        return [
            route
            for route in self.routes
            if not route.takes_everything and not self.hits(route.id).all
        ]

    @cached_property
    def seldom(self) -> list[tuple[CompiledRoute, Counter[Trigger]]]:
        """What is tried often and matches seldom, the worst first, with what it is tried for."""
        found = [
            route
            for route in self.book.compiled.index.routes
            if not is_unindexed(route) and self.hits(route.id).seldom
        ]
        found.sort(key=lambda route: (-self.hits(route.id).in_vain, route.number))
        shown = shown_in_vain(self.book.compiled, found, self.sample)
        return [(route, shown[route.id]) for route in found]

    @cached_property
    def overlaps(self) -> list[tuple[str, str, int, str]]:
        """Winner, later one, how often, the first request; the commonest first."""
        found = [
            (winner, later, one.count, one.example)
            for (winner, later), one in self.figures.overlaps.items()
        ]
        return sorted(found, key=lambda one: (-one[2], one[0], one[1]))

    def place(self, name: str) -> str | None:
        """Where a route sends a request: a queue, `(spam)`, `(goes on)`; None if it is not here."""
        return self._places.get(name)

    @cached_property
    def _places(self) -> dict[str, str | None]:
        return {route.id: _place(route.then) for route in self.routes}

    @property
    def slowest(self) -> list[tuple[CompiledRoute, RouteCost]]:
        """The routes that were tried or cannot be indexed, the costliest first, if measured."""
        if self.cost is None:
            return []
        pairs = zip(self.book.compiled.index.routes, self.cost.routes, strict=True)
        found = [(route, cost) for route, cost in pairs if cost.tries or is_unindexed(route)]
        return sorted(found, key=lambda one: (-one[1].nanoseconds, one[0].number))

    def known(self, version: str) -> bool:
        """Whether the version is in the log's history, or is the rulebook that was tried."""
        return version == self.book.compiled.version or version in self.activations

    def as_data(self) -> dict[str, Any]:
        """For programs: one object."""
        figures, besides, book = self.figures, self.besides, self.book
        filed = figures.filed.total()
        return {
            "source": self.source,
            "decided": "anew" if self.anew else "recorded",
            "rulebook": {
                "source": book.source,
                "version": book.compiled.version,
                "routes": len(self.routes),
                "in_force_since": self.since,
            },
            **_shared(figures.all),
            "tickets": figures.all.decisions - filed,
            "filed": _by_name(figures.filed),
            "undecided": _by_name(besides.undecided),
            "unreadable": besides.unreadable,
            "repeated": besides.repeated,
            "missing": besides.missing,
            "cut": figures.cut,
            "timezone": str(figures.zone),
            "days": [{"day": day, **_shared(one)} for day, one in sorted(figures.days.items())],
            "versions": list(self._versions()),
            "routes": list(self._routes()),
            "never": [route.id for route in self.never],
            "seldom": [
                {"id": route.id, "tried_for": [_shown(*one) for one in commonest(shown)]}
                for route, shown in self.seldom
            ],
            "overlaps": [
                {
                    "winner": winner,
                    "later": later,
                    "count": count,
                    "example": example,
                    "went_to": self.place(winner),
                    "would_go_to": self.place(later),
                }
                for winner, later, count, example in self.overlaps
            ],
            "cost": None if self.cost is None else self._cost(self.cost),
        }

    def _versions(self) -> Iterator[dict[str, Any]]:
        for version, one in self.versions:
            yield {
                "version": version,
                "activations": list(self.activations.get(version, ())),
                "known": self.known(version),
                **_shared(one),
            }

    @property
    def versions(self) -> list[tuple[str, Share]]:
        """The versions that decided, in the order of their first decisions."""
        return sorted(self.figures.versions.items(), key=lambda one: (str(one[1].first), one[0]))

    def _routes(self) -> Iterator[dict[str, Any]]:
        names = {route.id: route.name for route in self.routes}
        for route in (*names, *self.foreign):
            hits, stands = self.hits(route), self.standing.get(route)
            yield {
                "id": route,
                "name": names.get(route),
                "in_rulebook": route in names,
                "won": hits.won,
                "continued": hits.continued,
                "tried": hits.tried,
                "overridden": hits.overridden,
                "queues": _by_name(hits.queues),
                "filed": _by_name(hits.filed),
                "first": hits.first,
                "last": hits.last,
                "unchanged_since": stands.since if stands else None,
                "decisions_with_it": stands.decisions if stands else None,
            }

    def _cost(self, cost: Cost) -> dict[str, Any]:
        return {
            "requests": len(cost.decisions),
            "mean_microseconds": _microseconds(cost.total / len(cost.decisions)),
            "p50_microseconds": _microseconds(cost.percentile(50)),
            "p99_microseconds": _microseconds(cost.percentile(99)),
            "search_microseconds": _microseconds(cost.search / len(cost.decisions)),
            "routes": [
                {
                    "id": route.id,
                    "indexed": not is_unindexed(route),
                    "tries": one.tries,
                    "microseconds_per_request": _microseconds(
                        one.nanoseconds / len(cost.decisions)
                    ),
                    "microseconds_per_try": _microseconds(one.nanoseconds / max(one.tries, 1)),
                    "share": round(one.nanoseconds / cost.total, 4) if cost.total else 0.0,
                }
                for route, one in self.slowest
            ],
        }


def commonest(shown: Mapping[Trigger, int]) -> list[tuple[Trigger, int]]:
    """What is shown most first."""
    return sorted(shown.items(), key=lambda one: (-one[1], one[0]))


def _shown(trigger: Trigger, count: int) -> dict[str, Any]:
    return {**trigger._asdict(), "count": count}


def _place(action: Action) -> str | None:
    if action.drop is not None:
        return f"({action.drop})"
    return GOES_ON if action.continue_ else action.queue


def is_unindexed(route: CompiledRoute) -> bool:
    """Whether it has a condition, and nothing that a request shows leads to it."""
    return route.condition.triggers is None and bool(route.condition.parts)


def _shared(one: Share) -> dict[str, Any]:
    return {
        "decisions": one.decisions,
        "default": one.default,
        "default_share": round(one.part, 4),
        "first": one.first,
        "last": one.last,
    }


def _by_name(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts)}


def _microseconds(nanoseconds: float) -> float:
    return round(nanoseconds / 1000, 3)
