"""What the decisions under a rulebook cost, and which routes the time goes to: measured.

The core has no clock, so its way is gone once more here: the same conditions are tried in the same
order, also those that are tried for the explanation alone, each with a clock around it.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from statistics import median

from rules.decide import CANDIDATES_SHOWN, OVERRIDDEN_SHOWN, decide
from rules.decision import Facts
from rules.index import Compiled, CompiledRoute
from rules.parts import Context

ROUNDS = 5
"""Everything is measured so often, and the quickest counts: what disturbs only adds."""
CALIBRATIONS = 1_001

Clock = Callable[[], int]
"""Nanoseconds since some instant."""


@dataclass(slots=True)
class RouteCost:
    """One route: how often its condition was tried, and for how long in all."""

    tries: int = 0
    nanoseconds: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """Nanoseconds of each decision in rising order, of looking for words in all, and by route."""

    decisions: Sequence[int]
    search: int
    routes: Sequence[RouteCost]

    @property
    def total(self) -> int:
        """Of all decisions together."""
        return sum(self.decisions)

    def percentile(self, percent: int) -> int:
        """So many of a hundred decisions took no longer (the nearest rank)."""
        rank = -(-len(self.decisions) * percent // 100)
        return self.decisions[max(rank, 1) - 1]


def measured(
    compiled: Compiled, facts: Iterable[Facts], clock: Clock = time.perf_counter_ns
) -> Cost:
    """The cost of deciding about each of `facts`; `routes` are in the order of the index."""
    own = _own_cost(clock)
    routes = [RouteCost() for _ in compiled.index.routes]
    decisions, search = [], 0
    for one in facts:
        took = min(_decision(compiled, one, clock) for _ in range(ROUNDS))
        decisions.append(max(took - own, 0))
        rounds = [_parts(compiled, one, clock) for _ in range(ROUNDS)]
        search += max(min(found for found, _ in rounds) - own, 0)
        for number in rounds[0][1]:
            routes[number].tries += 1
            quickest = min(conditions[number] for _, conditions in rounds)
            routes[number].nanoseconds += max(quickest - own, 0)
    return Cost(sorted(decisions), search, routes)


def _own_cost(clock: Clock) -> int:
    """What looking at the clock costs by itself."""
    looks = [clock() for _ in range(CALIBRATIONS)]
    return int(median(after - before for before, after in pairwise(looks)))


def _decision(compiled: Compiled, facts: Facts, clock: Clock) -> int:
    began = clock()
    decide(compiled, facts)
    return clock() - began


def _parts(compiled: Compiled, facts: Facts, clock: Clock) -> tuple[int, dict[int, int]]:
    """What it took to look for all words at once, and to try each condition, by its number."""
    began = clock()
    context = compiled.index.context(facts, compiled.calendars)
    search = clock() - began
    conditions: dict[int, int] = {}

    def tried(route: CompiledRoute, context: Context = context) -> bool:
        began = clock()
        holds = route.condition.rest(context)
        conditions[route.number] = clock() - began
        return holds

    rest = compiled.index.candidates(context)
    for route in rest:
        if tried(route) and not route.goes_on:
            break
    overridden = (
        route for route in islice(rest, CANDIDATES_SHOWN) if route.condition.parts and tried(route)
    )
    list(islice(overridden, OVERRIDDEN_SHOWN))
    return search, conditions
