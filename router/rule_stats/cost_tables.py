"""What decisions cost, in a sentence and tables of words. Pure."""

from collections.abc import Iterator

from router.rule_stats.cost import Cost, RouteCost
from router.rule_stats.report import Report, is_unindexed
from router.rule_stats.words import MOST_ROWS, Section, left, many, percent
from rules.index import CompiledRoute

SLOWEST = 10
_COLUMNS = ("rule", "#tries", "#µs a try", "#µs a request", "#% of a decision")


class CostTables:
    """The words of one report's cost."""

    def __init__(self, report: Report, cost: Cost) -> None:
        self._report = report
        self._cost = cost

    def sentence(self) -> str:
        """What a decision takes."""
        p50, p99 = (self._cost.percentile(one) / 1000 for one in (50, 99))
        requests = len(self._cost.decisions)
        search = self._cost.search / requests / 1000
        return (
            f"a decision takes {p50:.1f} µs (p50), {p99:.1f} µs (p99); looking for all words at "
            f"once {search:.1f} µs of it; measured with {many(requests, 'request')}"
        )

    def sections(self) -> Iterator[Section]:
        """The tables that have rows."""
        yield Section(
            "The slowest rules",
            "their conditions, tried for a decision or its explanation",
            _COLUMNS,
            [self._row(*one) for one in self._report.slowest[:SLOWEST]],
        )
        found = [(route, cost) for route, cost in self._report.slowest if is_unindexed(route)]
        if found:
            yield self._unindexed(found)

    def _unindexed(self, found: list[tuple[CompiledRoute, RouteCost]]) -> Section:
        return Section(
            "Rules that cannot be indexed",
            "nothing that a request shows leads to them: each is tried whenever its turn comes",
            (*_COLUMNS, "clauses"),
            [
                (*self._row(route, cost), ", ".join(part.name for part in route.condition.parts))
                for route, cost in found[:MOST_ROWS]
            ],
            left(found, MOST_ROWS),
        )

    def _row(self, route: CompiledRoute, one: RouteCost) -> tuple[str, ...]:
        return (
            route.id,
            str(one.tries),
            f"{one.nanoseconds / max(one.tries, 1) / 1000:.2f}",
            f"{one.nanoseconds / len(self._cost.decisions) / 1000:.3f}",
            percent(one.nanoseconds, self._cost.total),
        )
