"""What decisions come to: hits, what each route is in the way of, what is tried in vain. Pure.

A decision is counted by what its explanation says, under whatever version it was made, and
whether the log has recorded it or it was made just now. What explanations leave out (of more than
20 candidates, of more than 5 overridden) cannot be counted: `cut` says how many were so long.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from rules.decide import CANDIDATES_SHOWN, OVERRIDDEN_SHOWN

ALWAYS = "always"
"""The clause by which the default wins: of each rulebook one route alone has no condition."""
SELDOM = 0.1
"""A route that matches less than this share of what it is tried for is looked for by too much."""
SELDOM_TRIED = 10
"""Of what is tried less often than this nothing can be said."""


class Decided(NamedTuple):
    """One decision. `queue` is None where the request was filed, for the reason `filed`."""

    request: str
    at: datetime
    rulebook: str
    rule: str
    queue: str | None
    filed: str | None
    explanation: Mapping[str, Any]


@dataclass(slots=True)
class Hits:
    """One route: how often it `won`, or added something and went on (`continued`).

    It was `tried` whenever a request showed something that it looks for and nothing before it had
    won; it was `overridden` where it would have matched too. `queues` and `filed` are what became
    of the requests that it won.
    """

    won: int = 0
    continued: int = 0
    tried: int = 0
    overridden: int = 0
    queues: Counter[str] = field(default_factory=Counter)
    filed: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def all(self) -> int:
        """How often it had a say."""
        return self.won + self.continued

    @property
    def in_vain(self) -> int:
        """How often it was tried and did not match."""
        return self.tried - self.all

    @property
    def seldom(self) -> bool:
        """Whether it is tried often and matches seldom."""
        return self.tried >= SELDOM_TRIED and self.all < SELDOM * self.tried

    def hit(self, at: datetime) -> None:
        """Note when."""
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)


@dataclass(slots=True)
class Share:
    """Decisions, and those of them that fell to the default; the instants of the first and last."""

    decisions: int = 0
    default: int = 0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def part(self) -> float:
        """The share that fell to the default; of nothing it is 0."""
        return self.default / self.decisions if self.decisions else 0.0

    def add(self, at: datetime, *, default: bool) -> None:
        """One more."""
        self.decisions += 1
        self.default += default
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)


@dataclass(slots=True)
class Overlap:
    """How often one route won where a later one would have matched too; the first such request."""

    count: int = 0
    first: tuple[datetime, str] | None = None

    @property
    def example(self) -> str:
        """The id of the first request; of those of one instant the smallest."""
        return self.first[1] if self.first else ""

    def add(self, one: Decided) -> None:
        """One more."""
        found = one.at, one.request
        self.count += 1
        self.first = found if self.first is None else min(self.first, found)


@dataclass(slots=True)
class Figures:
    """Everything counted; days are those of `zone`, an overlap's key is (winner, later one)."""

    zone: tzinfo
    all: Share = field(default_factory=Share)
    filed: Counter[str] = field(default_factory=Counter)
    routes: dict[str, Hits] = field(default_factory=lambda: defaultdict(Hits))
    overlaps: dict[tuple[str, str], Overlap] = field(default_factory=lambda: defaultdict(Overlap))
    days: dict[date, Share] = field(default_factory=lambda: defaultdict(Share))
    versions: dict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    cut: int = 0

    def add(self, one: Decided) -> None:
        """Count one decision."""
        default = one.explanation.get("clause") == ALWAYS
        day = one.at.astimezone(self.zone).date()
        for share in (self.all, self.days[day], self.versions[one.rulebook]):
            share.add(one.at, default=default)
        self._winner(one)
        self._others(one)

    def _winner(self, one: Decided) -> None:
        won = self.routes[one.rule]
        won.won += 1
        won.hit(one.at)
        if one.queue is not None:
            won.queues[one.queue] += 1
        if one.filed is not None:
            won.filed[one.filed] += 1
            self.filed[one.filed] += 1

    def _others(self, one: Decided) -> None:
        continued = one.explanation.get("continued", ())
        candidates = one.explanation.get("candidates", ())
        overridden = one.explanation.get("overridden", ())
        for name in continued:
            self.routes[name].continued += 1
            self.routes[name].hit(one.at)
        # Of many candidates the last ones are not shown: what matched was tried all the same.
        for name in {*candidates, *continued, one.rule}:
            self.routes[name].tried += 1
        for name in overridden:
            self.routes[name].overridden += 1
            self.overlaps[one.rule, name].add(one)
        self.cut += len(candidates) >= CANDIDATES_SHOWN or len(overridden) >= OVERRIDDEN_SHOWN


def counted(decisions: Iterable[Decided], zone: tzinfo) -> Figures:
    """The figures of these decisions."""
    found = Figures(zone)
    for one in decisions:
        found.add(one)
    return found
