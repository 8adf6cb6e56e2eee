"""The report in sentences and tables of words. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from router.rule_stats.figures import SELDOM
from router.rule_stats.report import GOES_ON, Report, commonest
from router.rule_stats.words import MOST_ROWS, Section, counted, left, many, percent, times
from rules.model import Route
from rules.parts import Trigger

MOST_OVERLAPS = 20
MOST_DAYS = 14
WORDS_SHOWN = 3


class Tables:
    """The words of one report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._figures = report.figures
        self._zone = report.figures.zone

    # -- sentences

    def head(self) -> Iterator[str]:
        """What was counted, and what could not be."""
        report, figures = self._report, self._figures
        made = "decided anew by" if report.anew else "what was decided; in force is"
        since = "" if report.since is None else f", since {self._instant(report.since)}"
        yield f"{report.source}: {made} {report.book.source}{since}"
        yield from self._besides()
        if not figures.all.decisions:
            yield "nothing was decided then"
            return
        filed = figures.filed.total()
        reasons = counted(figures.filed)
        dropped = f", {many(filed, 'request')} filed without one ({reasons})" if filed else ""
        span = f"{self._instant(figures.all.first)} to {self._instant(figures.all.last)}"
        yield f"{many(figures.all.decisions, 'decision')} from {span} ({self._zone})"
        yield f"{many(figures.all.decisions - filed, 'ticket')} opened{dropped}"
        share = percent(figures.all.default, figures.all.decisions)
        yield f"{figures.all.default} ({share} %) fell to the default"

    def _besides(self) -> Iterator[str]:
        besides = self._report.besides
        if besides.undecided:
            said = counted(besides.undecided)
            yield f"besides, no rule is asked about: {besides.undecided.total()} ({said})"
        if besides.unreadable:
            yield f"{many(besides.unreadable, 'record')} could not be read: not counted"
        if besides.repeated:
            yield f"{many(besides.repeated, 'request')} came again: counted once"
        if besides.missing:
            were, are = ("was", "is") if besides.missing == 1 else ("were", "are")
            said = f"{many(besides.missing, 'request')} that {were} decided"
            yield f"{said} {are} not in the log any more: not counted"
        if self._figures.cut:
            yield (
                f"of {many(self._figures.cut, 'decision')} the explanation may be cut: "
                "there may be more tries and overlaps"
            )
        lost = [name for name, _ in self._report.versions if not self._report.known(name)]
        if lost:
            yield (
                f"of the versions that decided, the log's history does not have {', '.join(lost)}: "
                "counted by the ids of their rules"
            )

    # -- tables

    def sections(self) -> Iterator[Section]:
        """All tables that have rows, in the order in which they are read."""
        if not self._figures.all.decisions:
            return
        versions = [] if self._report.anew else [self._versions()]
        found = [
            self._hits(), self._never(), self._overlaps(), self._seldom(), self._days(),
            *versions,
        ]  # fmt: skip
        yield from (one for one in found if one.rows)

    def _hits(self) -> Section:
        report, decisions = self._report, self._figures.all.decisions
        names = [*(route.id for route in report.routes), *report.foreign]
        hit = [name for name in names if report.hits(name).all]
        hit.sort(key=lambda name: -report.hits(name).all)
        rows = []
        for name in hit[:MOST_ROWS]:
            one = report.hits(name)
            filed = Counter({f"({reason})": count for reason, count in one.filed.items()})
            rows.append(
                (
                    name if name not in report.foreign else f"{name} (not in the rulebook)",
                    str(one.won),
                    percent(one.won, decisions),
                    str(one.continued or ""),
                    self._instant(one.first),
                    self._instant(one.last),
                    counted(one.queues + filed),
                )
            )
        return Section(
            "Hits",
            "won; or, with `continue`, added something and went on",
            ("rule", "#won", "#%", "#added", "first", "last", "where to"),
            rows,
            left(hit, MOST_ROWS),
        )

    def _never(self) -> Section:
        report = self._report
        in_front: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for winner, later, count, _ in report.overlaps:
            in_front[later].append((winner, count))
        rows = []
        for route in report.never[:MOST_ROWS]:
            hits = report.hits(route.id)
            remarks = "; ".join(self._remarks(route, in_front[route.id]))
            counts = str(hits.tried), str(hits.overridden)
            rows.append((route.id, *self._stands(route), *counts, remarks))
        stands = () if report.anew else ("unchanged since", "#decisions with it")
        return Section(
            "Never hit",
            f"{len(report.never)} of {len(report.routes)} rules",
            ("rule", *stands, "#tried", "#would have matched", "remark"),
            rows,
            left(report.never, MOST_ROWS),
        )

    def _stands(self, route: Route) -> tuple[str, ...]:
        """Since when the rule in force is as it is, and how much was decided with it."""
        if self._report.anew:
            return ()
        found = self._report.standing[route.id]
        return self._instant(found.since), str(found.decisions)

    def _remarks(self, route: Route, in_front: Sequence[tuple[str, int]]) -> Iterator[str]:
        """What may explain that a route was never hit."""
        first, last = self._figures.all.first, self._figures.all.last
        if route.from_ is not None and last is not None and route.from_ > last:
            yield f"only from {self._instant(route.from_)} on"
        if route.until is not None and first is not None and route.until <= first:
            yield f"over since {self._instant(route.until)}"
        if route.rollout is not None:
            yield f"for {route.rollout * 100:g} % of the requests"
        if in_front:
            winner, count = in_front[0]
            yield f"{winner!r} came before it {times(count)}"

    def _overlaps(self) -> Section:
        found = self._report.overlaps
        return Section(
            "Overlaps",
            "the first rule won where the later one would have matched too",
            ("won", "would match too", "#times", "and so", "for example the request"),
            [
                (winner, later, str(count), self._and_so(winner, later), one)
                for winner, later, count, one in found[:MOST_OVERLAPS]
            ],
            left(found, MOST_OVERLAPS),
        )

    def _and_so(self, winner: str, later: str) -> str:
        """What becomes of the requests of both, as the rulebook has the two rules now."""
        went, would = self._report.place(winner), self._report.place(later)
        if went is None or would is None:
            return ""
        if would == GOES_ON:
            return f"{went}, without what that adds"
        return went if went == would else f"{went}, not {would}"

    def _seldom(self) -> Section:
        found = self._report.seldom
        rows = []
        for route, shown in found[:MOST_ROWS]:
            one = self._report.hits(route.id)
            share = percent(one.all, one.tried)
            rows.append((route.id, str(one.tried), str(one.all), share, tried_for(shown)))
        return Section(
            "Tried often, matches seldom",
            f"fewer than {SELDOM:.0%}; is what it is tried for too common? (how often in vain, of "
            f"{many(len(self._report.sample), 'request')})",
            ("rule", "#tried", "#matched", "#%", "is tried for"),
            rows,
            left(found, MOST_ROWS),
        )

    def _days(self) -> Section:
        found = sorted(self._figures.days.items())
        shown = found[-MOST_DAYS:]
        rows = [
            (
                day.isoformat(),
                str(one.decisions),
                str(one.default),
                percent(one.default, one.decisions),
            )
            for day, one in shown
        ]
        earlier = len(found) - len(shown)
        return Section(
            "Fell to the default, by day",
            "",
            ("day", "#decisions", "#default", "#%"),
            rows,
            f"{earlier} earlier days: --json" if earlier else "",
        )

    def _versions(self) -> Section:
        rows = []
        for version, one in self._report.versions:
            numbers = self._report.activations.get(version, ())
            activations = ", ".join(f"#{number}" for number in numbers) or "not in the history"
            first, last = self._instant(one.first), self._instant(one.last)
            rows.append((version, activations, str(one.decisions), first, last))
        return Section(
            "Versions",
            "",
            ("rulebook", "activations", "#decisions", "first", "last"),
            rows,
        )

    def _instant(self, at: datetime | None) -> str:
        return "" if at is None else f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


def tried_for(shown: Mapping[Trigger, int]) -> str:
    """`text keyword order (10), text list goods (2)`: how often each is shown in vain."""
    found = commonest(shown)
    said = [
        f"{one.field}{'' if one.how == 'equals' else f' {one.how}'} {one.value}"
        f"{f' ({count})' if count else ''}"
        for one, count in found[:WORDS_SHOWN]
    ]
    more = len(found) - WORDS_SHOWN
    return ", ".join([*said, f"… {more} more"] if more > 0 else said)
