"""The report in tables and words."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from channels.defaults import fill
from router.whatif.compare import MODEL, NONE, RECORDED, Agents, Replayed, Report, Side, decisions
from router.whatif.fates import Fate
from router.whatif.figures import AgentFigures, Outcome, QueueFigures, RunFigures
from router.whatif.gauges import Level, Spread
from router.whatif.page import page
from router.whatif.tables import MOST_ROWS, Cell, Section, Tables, pair
from router.whatif.terminal import show
from router.whatif.view import Viewer
from router.whatif.words import Say

NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
EN, ZH = Say("en"), Say("zh")


def level(mean: float, peak: int = 1) -> Level:
    """A gauge's reading."""
    return Level(peak, mean, 0, [peak])


def figures(queues: Mapping[str, float], breached: int = 0, **others: Any) -> RunFigures:
    """A run's figures: the mean of what waited in each queue."""
    given: dict[str, Any] = {
        "tickets": 1, "messages": 0, "duplicates": 0, "filed": {}, "dead_letters": {},
        "queues": {name: QueueFigures(1, 0, level(mean)) for name, mean in queues.items()},
        "targets": {"first_response": {"q": Outcome(met=1, breached=breached)}},
        "warnings": 0, "escalations": {}, "times": {
            "offer": {}, "assignment": {}, "resolution": {}, "reply": {"": Spread(1, 60, 60, 60)},
        },
        "agents": {"ann": AgentFigures(1, 1, 1, 0, level(0.5))}, "in_hand": level(0.5),
        "acks": {}, "withheld": {}, "accepted": 0, "rejected": {},
    }  # fmt: skip
    return RunFigures(**(given | others))


def report(
    old: RunFigures | None,
    new: RunFigures | None,
    fates: Mapping[str, tuple[Fate, Fate]] | None = None,
    agents: Agents | None = None,
    **traffic: Any,
) -> Report:
    """A report."""
    fates = fates or {}
    requests = [fill({"id": name, "external_id": name, "text": name}, at=NOON) for name in fates]
    before, after = ({name: both[side] for name, both in fates.items()} for side in (0, 1))
    found = decisions(requests, before, after, 5)
    replayed: dict[str, Any] = {
        "source": "in.jsonl", "requests": len(requests), "repeated": 0, "customers": 0,
        "unreadable": 0, "start": NOON, "last": NOON, "end": NOON, "timezone": "Asia/Shanghai",
        "ends": [NOON],
    }  # fmt: skip
    return Report(
        same=not found.changed and old == new,
        traffic=Replayed(**(replayed | traffic)),
        agents=agents or Agents(MODEL, accept_seconds=20, reply_seconds=300, resolve_seconds=600),
        decisions=found,
        old=Side("a", "111", {"q": "咨询"}, old),
        new=Side("b", "222", {"p": "投诉"}, new),
    )


def section(of: Report, id: str, say: Say = EN) -> Section:
    """One of its tables."""
    return next(one for one in Tables(of, say).sections() if one.id == id)


@pytest.mark.parametrize(
    ("old", "new", "better", "cell"),
    [
        (3, 3, -1, Cell("3", True, tone="same")),
        (3, 5, -1, Cell("5", True, "3", "+2", "bad")),
        (5, 3, -1, Cell("3", True, "5", "−2", "good")),
        (3, 5, 0, Cell("5", True, "3", "+2", "")),
        (1, 1_000_001, 1, Cell("1,000,001", True, "1", "+1,000,000", "good")),
        (0.5, 0.501, -1, Cell("0.50", True, tone="same")),
        (2.716, 2.714, -1, Cell("2.71", True, "2.72", "−0.01", "good")),
        (9.99, 1234.56, -1, Cell("1,234.6", True, "9.99", "+1,224.6", "bad")),
    ],
)
def test_a_difference_is_that_of_what_is_shown(
    old: float, new: float, better: int, cell: Cell
) -> None:
    """Two numbers that look the same are the same; green is better, red is worse."""
    assert pair(old, new, better) == cell


def test_the_rows_that_changed_most_are_kept() -> None:
    """In the order in which they stood; what is left out is counted."""
    many = {f"q{index:03}": 0.0 for index in range(MOST_ROWS + 15)}
    found = section(report(figures(many), figures(many | {"q039": 5.0, "q020": 1.0})), "queues")
    names = [row[0].text for row in found.rows]
    assert (len(names), names[-1], "q020" in names) == (MOST_ROWS, "q039", True)
    assert found.more == "15 more rows with smaller differences: see --json."


def test_queues_have_the_rulebook_s_names() -> None:
    """Beside their ids; one that only one rulebook has counts nothing in the other."""
    found = section(report(figures({"q": 1.0}), figures({"p": 2.0})), "queues")
    assert [row[0].text for row in found.rows] == ["q 咨询", "p 投诉"]
    assert found.rows[0][1] == Cell("0", True, "1", "−1", "")


FATES = {
    "moves": (
        Fate(kind="ticket", queue="q", rule="r1", clause="text", words=("退款",), priority=1),
        Fate(kind="ticket", queue="p", rule="r2", clause="always", priority=1),
    ),
    "filed": (Fate(kind="ticket", queue="q", rule="r1"), Fate(kind="filed", reason="spam")),
    "joins": (Fate(kind="ticket", queue="q", rule="r1"), Fate(kind="joined")),
    "opted": (Fate(kind="filed", reason="opt-out"), Fate(kind="ticket", queue="q")),
}


def test_places_are_said_in_words() -> None:
    """In either language."""
    both = [section(report(None, None, FATES), "moved", say) for say in (EN, ZH)]
    english, chinese = ({row[1].text for row in one.rows} for one in both)
    assert english == {"p 投诉", "(filed as spam)", "(joins an open ticket)", "q 咨询"}
    assert chinese == {"p 投诉", "（归档：垃圾信息）", "（并入未结工单）", "q 咨询"}
    assert "(filed: opt-out)" in {row[0].text for row in both[0].rows}


def test_an_example_shows_what_differs_and_why() -> None:
    """And nothing else."""
    (example,) = Viewer(report(None, None, {"moves": FATES["moves"]}), EN).view().examples
    assert example.reasons == [
        ("goes to", "q 咨询", "p 投诉"),
        ("rule", "r1", "r2"),
        ("clause", "text", "always"),
        ("words", "退款", "-"),
    ]


RUN = figures({"q": 1.0})


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (report(RUN, RUN), "every decision and every figure is the same"),
        (report(None, None), "every decision is the same"),
        (report(RUN, figures({"q": 2.0})), "No request is decided differently, but the figures"),
        (report(RUN, RUN, FATES), "4 of 4 requests (100.0%) are decided differently; 4 of them"),
        (report(RUN, figures({}, breached=3)), "Targets breached: 0 before, 3 after (+3)."),
        (report(RUN, figures({}), FATES), "Half of the first replies came within 1 min before"),
    ],
)
def test_the_first_sentences_say_what_it_comes_to(shown: Report, said: str) -> None:
    """Whether anything changes, how much, and what that means to customers."""
    assert said in " ".join(Viewer(shown, EN).view().sentences)


@pytest.mark.parametrize(
    ("agents", "said"),
    [
        (Agents(NONE), ["Only the rules' decisions were compared"]),
        (
            Agents(RECORDED, 10, 0, 1, 2),
            ["of 10 commands about tickets, 1 did not", "2 under the new"],
        ),
        (Agents(MODEL, 0), ["the agents were a model"]),
        (Agents(MODEL, 10, 0, 1, 9), ["could not be used: of 10", "the agents were a model"]),
        (Agents(RECORDED, 10, earlier=4), ["4 more commands were about tickets of before"]),
        (Agents(MODEL, 10), ["The 10 recorded commands about tickets were left aside"]),
        (Agents(MODEL, own_times=7, own_presence=3), ["7 tickets took as long", "3 agents were"]),
    ],
)
def test_it_is_said_who_answered(agents: Agents, said: list[str]) -> None:
    """And what could not be used, or read."""
    shown = report(RUN, RUN, agents=agents, unreadable=5)
    text = " ".join(Viewer(shown, EN).view().about)
    for one in [*said, "5 records could not be read"]:
        assert one in text


@pytest.mark.parametrize("say", [EN, ZH])
@pytest.mark.parametrize("run", [RUN, None])
def test_all_of_it_can_be_shown(say: Say, run: RunFigures | None) -> None:
    """On a terminal of any width, and as a page; what customers wrote is escaped."""
    changed = None if run is None else figures(
        {"q": 2.0, "p": 1.0}, 7, escalations={1: 2}, warnings=3, acks={"a": 1},
        withheld={"budget": 1}, filed={"spam": 1}, dead_letters={"ValueError": 1},
    )  # fmt: skip
    hostile = {"<script>alert(1)</script>[bold]": FATES["moves"]}
    shown = report(run, changed, FATES | hostile)
    for width in (40, 120):
        out = io.StringIO()
        show(Viewer(shown, say).view(), say, Console(file=out, width=width, markup=False))
        assert say("title") in out.getvalue()
        assert "[bold]" in out.getvalue().replace("\n", "")
    html = page(shown, say)
    assert "<script" not in html
    assert "&lt;script&gt;" in html
