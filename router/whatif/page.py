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
from router.whatif.tables import Tables, delta, number, tone_of
from router.whatif.view import Viewer
from router.whatif.words import Say

MOST_PICTURES = 12
TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class Picture:
    """One picture with the words that stand over it."""

    title: str
    old: str
    new: str
    delta: str
    tone: str
    svg: str


def page(report: Report, say: Say) -> str:
    """The whole page."""
    template = (files("router.whatif") / TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        view=Viewer(report, say).view(),
        say=say,
        same=report.same,
        queues=list(islice(_queues(report, say), MOST_PICTURES)),
        in_hand=list(_in_hand(report, say)),
    )


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
    for index, (name, pair) in enumerate(ranked):
        if any(level.peak for level in pair):
            title = Tables(report, say).name(name)
            yield _picture(report, title, pair, f"q{index}", better=-1)


def _waiting(figures: RunFigures, queue: str) -> Level | None:
    found = figures.queues.get(queue)
    return found.waiting if found is not None else None


def _in_hand(report: Report, say: Say) -> Iterator[Picture]:
    old, new = report.old.figures, report.new.figures
    if old is not None and new is not None:
        pair = old.in_hand, new.in_hand
        yield _picture(report, say("in_hand_picture"), pair, "hand", better=0)


def _picture(
    report: Report, title: str, pair: tuple[Level, Level], name: str, *, better: int
) -> Picture:
    old, new = pair
    traffic = report.traffic
    svg = over_time(traffic.ends, old.samples, new.samples, traffic.timezone, name)
    change = round(new.mean - old.mean, 2)
    return Picture(
        title, number(old.mean), number(new.mean), delta(change), tone_of(change, better), svg
    )
