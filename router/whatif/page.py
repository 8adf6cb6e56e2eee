"""The report as one page that needs nothing else: no other file, no network, no script."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

from jinja2 import Environment

from router.whatif.compare import Report
from router.whatif.figures import RunFigures
from router.whatif.gauges import Level
from router.whatif.pictures import over_time
from router.whatif.tables import EITHER, LESS, Cell, Tables, breached, pair
from router.whatif.view import Viewer
from router.whatif.words import Say

MOST_PICTURES = 12
MOST_BARS = 12
TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Bar:
    """How often a target was breached, and how long the two bars are, in per cent."""

    name: str
    old_share: float
    new_share: float
    cell: Cell


@dataclass(frozen=True)
class Picture:
    """One picture with the words that stand over it."""

    title: str
    mean: Cell
    svg: str


def page(report: Report, say: Say) -> str:
    """The whole page."""
    template = (files("router.whatif") / TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        view=Viewer(report, say).view(),
        say=say,
        same=report.same,
        bars=_bars(report, say),
        queues=list(islice(_queues(report, say), MOST_PICTURES)),
        in_hand=list(_in_hand(report, say)),
    )


def _bars(report: Report, say: Say) -> list[Bar]:
    """The targets that were breached at all, the worst first."""
    old, new = report.old.figures, report.new.figures
    if old is None or new is None:
        return []
    tables = Tables(report, say)
    counts = {
        target: (breached(old, target), breached(new, target))
        for target in dict.fromkeys((*old.targets, *new.targets))
    }
    most = max((max(both) for both in counts.values()), default=0) or 1
    ranked = sorted(counts.items(), key=lambda one: (-max(one[1]), one[0]))
    return [
        Bar(
            tables.target(target),
            round(100 * before / most, 1),
            round(100 * after / most, 1),
            pair(before, after, LESS),
        )
        for target, (before, after) in ranked[:MOST_BARS]
        if before or after
    ]


def _queues(report: Report, say: Say) -> Iterator[Picture]:
    """Each queue's waiting tickets, the greatest difference first."""
    old, new = report.old.figures, report.new.figures
    if old is None or new is None:
        return
    nothing = Level(0, 0.0, 0, [0] * len(report.traffic.ends))
    levels = {
        name: (_waiting(old, name) or nothing, _waiting(new, name) or nothing)
        for name in dict.fromkeys((*old.queues, *new.queues))
    }
    ranked = sorted(levels.items(), key=lambda one: (-abs(one[1][0].mean - one[1][1].mean), one[0]))
    for index, (name, both) in enumerate(ranked):
        if any(level.peak for level in both):
            title = Tables(report, say).name(name)
            yield _picture(report, title, both, f"q{index}", better=LESS)


def _waiting(figures: RunFigures, queue: str) -> Level | None:
    found = figures.queues.get(queue)
    return found.waiting if found is not None else None


def _in_hand(report: Report, say: Say) -> Iterator[Picture]:
    old, new = report.old.figures, report.new.figures
    if old is not None and new is not None:
        both = old.in_hand, new.in_hand
        yield _picture(report, say("in_hand_picture"), both, "hand", better=EITHER)


def _picture(
    report: Report, title: str, both: tuple[Level, Level], name: str, *, better: int
) -> Picture:
    old, new = both
    traffic = report.traffic
    svg = over_time(traffic.ends, old.samples, new.samples, traffic.timezone, name)
    return Picture(title, pair(old.mean, new.mean, better), svg)
