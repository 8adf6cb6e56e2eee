"""The report's figures as tables, for the terminal and the page alike. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from router.whatif.compare import Change, Report
from router.whatif.fates import JOINED, LOST
from router.whatif.figures import ALL_QUEUES, TIMES, AgentFigures, Outcome, QueueFigures, RunFigures
from router.whatif.gauges import Level, Spread
from router.whatif.words import Say

MOST_ROWS = 25
SMALL = 10
LESS, MORE, EITHER = -1, 1, 0
"""Which way is better: less of it, more of it, or neither."""

T = TypeVar("T")
_EMPTY = Level(0, 0.0, 0, [])
_NO_QUEUE = QueueFigures(0, 0, _EMPTY)
_NO_AGENT = AgentFigures(0, 0, 0, 0, _EMPTY)
_PLACES = {f"({JOINED})": "place_joined", f"({LOST})": "place_lost"}


@dataclass(frozen=True)
class Cell:
    """Words, and how they look: numbers stand right; `tone` is `good`, `bad`, `same` or empty.

    With a `delta` the number was `old` before.
    """

    text: str
    number: bool = False
    old: str = ""
    delta: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Section:
    """A table: what it shows, its columns, its rows, and what is to be said of it."""

    id: str
    title: str
    note: str
    columns: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    more: str = ""


@dataclass(frozen=True)
class _Row:
    """A row before it is cut: how much it has changed decides which rows stay."""

    weight: float
    cells: Sequence[Cell]


class Tables:
    """The tables of one report."""

    def __init__(self, report: Report, say: Say) -> None:
        self._report = report
        self._say = say
        self._names = {**report.old.names, **report.new.names}

    def sections(self) -> Iterator[Section]:
        """All tables that have rows, in the order in which they are read."""
        decided = [self._moved(), self._fields(), self._rules()]
        old, new = self._report.old.figures, self._report.new.figures
        figures = [] if old is None or new is None else self._figures(old, new)
        yield from (one for one in (*decided, *figures) if one.rows)

    def name(self, key: str) -> str:
        """A queue or an agent, with the rulebook's name for it."""
        named = self._names.get(key)
        return key if named is None or named == key else f"{key} {named}"

    def place(self, said: str) -> str:
        """Where a request goes, in words."""
        if not said.startswith("("):
            return self.name(said)
        if said in _PLACES:
            return self._say(_PLACES[said])
        reason = said.removeprefix("(filed: ").removesuffix(")")
        word = f"place_{reason}"
        known = reason in {"spam", "history"}
        return self._say(word) if known else self._say("place_filed", name=reason)

    def target(self, name: str) -> str:
        """A target, in words."""
        kind, _, step = name.partition(":")
        if kind == "step":
            return self._say("step", name=step)
        return self._say(f"target_{name}") if f"target_{name}" in self._say else name

    # -- decisions

    def _moved(self) -> Section:
        decisions = self._report.decisions
        rows = [
            _Row(
                one.count,
                [
                    Cell(self.place(one.old)),
                    Cell(self.place(one.new)),
                    Cell(number(one.count), number=True),
                    Cell(share(one.count, decisions.requests), number=True),
                ],
            )
            for one in decisions.moved
        ]
        return self._section("moved", ["from", "to"], ["requests", "share"], rows)

    def _fields(self) -> Section:
        rows = [
            self._change(self._say(name), one)
            for name, changes in self._report.decisions.fields.items()
            for one in changes
        ]
        return self._section("fields", ["field", "before", "after"], ["requests"], rows)

    def _rules(self) -> Section:
        rows = [self._change(None, one) for one in self._report.decisions.rules]
        return self._section("rules", ["before", "after"], ["requests"], rows)

    def _change(self, name: str | None, one: Change) -> _Row:
        first = [] if name is None else [Cell(name)]
        words = [Cell(one.old or "-"), Cell(one.new or "-")]
        return _Row(one.count, [*first, *words, Cell(number(one.count), number=True)])

    # -- figures

    def _figures(self, old: RunFigures, new: RunFigures) -> list[Section]:
        return [
            self._queues(old, new),
            self._targets(old, new),
            self._times(old, new),
            self._counts("escalations", self._escalations, old, new),
            self._agents(old, new),
            self._counts("acks", self._others, old, new),
        ]

    def _queues(self, old: RunFigures, new: RunFigures) -> Section:
        rows = []
        for name, one, two in _both(old.queues, new.queues, _NO_QUEUE):
            numbers = [
                pair(one.opened + one.moved_in, two.opened + two.moved_in, EITHER),
                pair(one.waiting.mean, two.waiting.mean, LESS),
                pair(one.waiting.peak, two.waiting.peak, LESS),
                pair(one.waiting.last, two.waiting.last, LESS),
            ]
            weight = abs(one.waiting.mean - two.waiting.mean)
            rows.append(_Row(weight, [Cell(self.name(name)), *numbers]))
        return self._section("queues", ["queue"], ["tickets", "mean", "peak", "left"], rows)

    def _targets(self, old: RunFigures, new: RunFigures) -> Section:
        rows = []
        for target, before, after in _both(old.targets, new.targets, dict[str, Outcome]()):
            for queue, one, two in _both(before, after, Outcome()):
                numbers = [
                    pair(one.met, two.met, EITHER),
                    pair(one.breached, two.breached, LESS),
                    pair(one.ended + one.running, two.ended + two.running, EITHER),
                ]
                words = [Cell(self.target(target)), Cell(self.name(queue))]
                weight = abs(one.breached - two.breached) + abs(one.met - two.met) / 1_000_000
                rows.append(_Row(weight, [*words, *numbers]))
        columns = ["met", "breached", "neither"]
        return self._section("targets", ["target", "queue"], columns, rows)

    def _times(self, old: RunFigures, new: RunFigures) -> Section:
        rows = []
        for kind in TIMES:
            for queue, one, two in _both(old.times[kind], new.times[kind], None):
                where = self._say("all_queues") if queue == ALL_QUEUES else self.name(queue)
                numbers = [self._took(one, two, "median"), self._took(one, two, "p90")]
                weight = float("inf") if queue == ALL_QUEUES else _slower(one, two)
                rows.append(_Row(weight, [Cell(self._say(kind)), Cell(where), *numbers]))
        return self._section("times", ["what", "queue"], ["median", "p90"], rows)

    def _agents(self, old: RunFigures, new: RunFigures) -> Section:
        rows = []
        for name, one, two in _both(old.agents, new.agents, _NO_AGENT):
            numbers = [
                pair(one.assigned, two.assigned, EITHER),
                pair(one.resolved, two.resolved, EITHER),
                pair(one.in_hand.mean, two.in_hand.mean, EITHER),
                pair(one.in_hand.peak, two.in_hand.peak, EITHER),
            ]
            weight = abs(one.assigned - two.assigned)
            rows.append(_Row(weight, [Cell(self.name(name)), *numbers]))
        columns = ["assigned", "resolved", "in_hand", "in_hand_peak"]
        return self._section("agents", ["agent"], columns, rows)

    def _escalations(self, figures: RunFigures) -> dict[str, tuple[int, int]]:
        say = self._say
        levels = {
            say("level", level=level): (count, LESS) for level, count in figures.escalations.items()
        }
        return {say("warnings"): (figures.warnings, LESS)} | levels

    def _others(self, figures: RunFigures) -> dict[str, tuple[int, int]]:
        say = self._say
        counts = {say("opened"): figures.tickets, say("messages"): figures.messages}
        counts |= {say("ack_sent", name=name): count for name, count in figures.acks.items()}
        counts |= {
            say("ack_withheld", name=name): count for name, count in figures.withheld.items()
        }
        counts |= {say("filed", name=name): count for name, count in figures.filed.items()}
        counts |= {say("duplicates"): figures.duplicates}
        found = {name: (count, EITHER) for name, count in counts.items()}
        return found | {
            say("dead_letters", name=name): (count, LESS)
            for name, count in figures.dead_letters.items()
        }

    def _counts(
        self,
        id: str,
        counted: Callable[[RunFigures], Mapping[str, tuple[int, int]]],
        old: RunFigures,
        new: RunFigures,
    ) -> Section:
        rows = []
        for name, one, two in _both(counted(old), counted(new), (0, EITHER)):
            if one[0] or two[0]:
                cell = pair(one[0], two[0], one[1] or two[1])
                rows.append(_Row(abs(one[0] - two[0]), [Cell(name), cell]))
        return self._section(id, ["what"], ["count"], rows)

    # -- cells

    def _took(self, old: Spread | None, new: Spread | None, which: str) -> Cell:
        values = [None if one is None else float(getattr(one, which)) for one in (old, new)]
        said = ["-" if one is None else self._say.duration(one) for one in values]
        if said[0] == said[1]:
            return Cell(said[1], number=True, tone="same")
        before, after = values
        if before is None or after is None:
            return Cell(said[1], number=True, old=said[0], delta="±")
        sign = "+" if after > before else "−"
        text = f"{sign}{self._say.duration(abs(after - before))}"
        tone = tone_of(after - before, LESS)
        return Cell(said[1], number=True, old=said[0], delta=text, tone=tone)

    def _section(
        self, id: str, words: Sequence[str], numbers: Sequence[str], rows: Sequence[_Row]
    ) -> Section:
        """A section of the rows that have changed most, in the order in which they came."""
        kept = sorted(range(len(rows)), key=lambda index: -rows[index].weight)[:MOST_ROWS]
        left = len(rows) - len(kept)
        note = self._say(f"{id}_note") if f"{id}_note" in self._say else ""
        return Section(
            id=id,
            title=self._say(id),
            note=note,
            columns=[
                *(Cell(self._say(one)) for one in words),
                *(Cell(self._say(one), number=True) for one in numbers),
            ],
            rows=[rows[index].cells for index in sorted(kept)],
            more=self._say("more_rows", count=left) if left else "",
        )


def _both(old: Mapping[str, T], new: Mapping[str, T], missing: T) -> Iterator[tuple[str, T, T]]:
    """Every name of either, with what both have of it."""
    for name in dict.fromkeys((*old, *new)):
        yield name, old.get(name, missing), new.get(name, missing)


def _slower(old: Spread | None, new: Spread | None) -> float:
    return 0.0 if old is None or new is None else abs(new.median - old.median)


def pair(old: float, new: float, better: int) -> Cell:
    """Before, after, and the difference of what is shown of both."""
    texts = number(old), number(new)
    if texts[0] == texts[1]:
        return Cell(texts[1], number=True, tone="same")
    change = rounded(rounded(new) - rounded(old))
    tone = tone_of(change, better)
    return Cell(texts[1], number=True, old=texts[0], delta=delta(change), tone=tone)


def tone_of(change: float, better: int) -> str:
    """How a difference looks: `good`, `bad`, `same`, or neither good nor bad."""
    if not change:
        return "same"
    if not better:
        return ""
    return "good" if (change > 0) == (better > 0) else "bad"


def rounded(value: float) -> float:
    """A count as it is, a mean to two digits, or to one where it is large."""
    if isinstance(value, int):
        return value
    return round(value, 2 if abs(value) < SMALL else 1)


def number(value: float) -> str:
    """A number as it is shown, its thousands apart."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}" if abs(value) < SMALL else f"{value:,.1f}"


def delta(change: float) -> str:
    """A difference with its sign; none is a dot."""
    if not change:
        return "·"
    said = number(abs(change))
    return f"+{said}" if change > 0 else f"−{said}"


def share(part: int, whole: int) -> str:
    """A part of a whole in per cent."""
    return f"{part / whole:.1%}" if whole else "-"


def breached(figures: RunFigures, target: str) -> int:
    """How often a target has lapsed, in all queues."""
    return sum(one.breached for one in figures.targets.get(target, {}).values())


def total(outcomes: Mapping[str, Mapping[str, Outcome]], which: str) -> int:
    """One kind of outcome over all targets and queues."""
    found: Iterable[Outcome] = (one for queues in outcomes.values() for one in queues.values())
    return sum(getattr(one, which) for one in found)
