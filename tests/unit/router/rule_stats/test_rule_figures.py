"""What decisions come to, counted by hand."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.rule_stats.figures import Decided, Hits, counted
from rules.decide import CANDIDATES_SHOWN, OVERRIDDEN_SHOWN

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def decided(
    request: str,
    rule: str,
    *,
    hours: float = 0,
    continued: tuple[str, ...] = (),
    vain: tuple[str, ...] = (),
    overridden: tuple[str, ...] = (),
    filed: str | None = None,
    version: str = "v1",
) -> Decided:
    """A decision so many hours after noon; `vain` was tried and did not match."""
    explanation = {
        "rule": rule,
        "clause": "always" if rule == "default" else "text",
        "continued": list(continued),
        "candidates": [*continued, *vain, rule],
        "overridden": list(overridden),
    }
    at, queue = NOON + timedelta(hours=hours), None if filed else f"of-{rule}"
    return Decided(request, at, version, rule, queue, filed, explanation)


STREAM = (
    decided("r3", "refund", hours=2, continued=("zh",), vain=("junk",), overridden=("late", "zh2")),
    decided("r1", "refund", hours=1, overridden=("late",)),
    decided("r2", "junk", hours=3, filed="spam", overridden=("refund",), version="v2"),
    decided("r4", "default", hours=4, continued=("zh",), vain=("junk", "refund"), version="v2"),
    decided("r5", "default", hours=13, vain=("refund",), version="v2"),
)
FOUND = counted(STREAM, UTC)


def test_hits() -> None:
    """A route hits where it won or went on; first and last are in time, whatever the order."""
    refund = FOUND.routes["refund"]
    assert (refund.won, refund.continued, refund.all) == (2, 0, 2)
    assert (refund.queues, refund.filed) == ({"of-refund": 2}, {})
    assert (refund.first, refund.last) == (NOON + timedelta(hours=1), NOON + timedelta(hours=2))
    zh = FOUND.routes["zh"]
    assert (zh.won, zh.continued, zh.queues) == (0, 2, {})
    assert (zh.first, zh.last) == (NOON + timedelta(hours=2), NOON + timedelta(hours=4))


def test_tries() -> None:
    """A route is tried where it was a candidate; in vain where it did not match then."""
    tries = {name: (one.tried, one.in_vain) for name, one in FOUND.routes.items()}
    assert tries == {
        "refund": (4, 2), "junk": (3, 2), "zh": (2, 0), "default": (2, 0), "late": (0, 0),
        "zh2": (0, 0),
    }  # fmt: skip


def test_drops() -> None:
    """What opens no ticket counts by its reason, for all and for the route."""
    assert FOUND.filed == {"spam": 1}
    assert (FOUND.routes["junk"].filed, FOUND.routes["junk"].queues) == ({"spam": 1}, {})


def test_overlaps() -> None:
    """A pair for each later route that would have matched; the example is the first in time."""
    found = {pair: (one.count, one.example) for pair, one in FOUND.overlaps.items()}
    assert found == {
        ("refund", "late"): (2, "r1"),
        ("refund", "zh2"): (1, "r3"),
        ("junk", "refund"): (1, "r2"),
    }
    assert FOUND.routes["late"].overridden == 2


@pytest.mark.parametrize(
    ("requests", "example"),
    [
        ((("b", 2), ("a", 1), ("c", 3)), "a"),
        ((("a", 3), ("b", 2)), "b"),
        ((("b", 1), ("a", 1), ("c", 1)), "a"),
    ],
)
def test_the_example_is_the_first_in_time(
    requests: tuple[tuple[str, int], ...], example: str
) -> None:
    """In whatever order the partitions are read; of one instant the smallest id."""
    stream = [
        decided(name, "refund", hours=hours, overridden=("late",)) for name, hours in requests
    ]
    assert counted(stream, UTC).overlaps["refund", "late"].example == example


def test_the_default() -> None:
    """Its share of all, and by version."""
    assert (FOUND.all.decisions, FOUND.all.default, FOUND.all.part) == (5, 2, 0.4)
    versions = {name: (one.decisions, one.default) for name, one in FOUND.versions.items()}
    assert versions == {"v1": (2, 0), "v2": (3, 2)}


def test_the_default_by_another_name() -> None:
    """The default is who wins without a condition, whatever a version calls it."""
    other = decided("r1", "default")._replace(rule="all")
    assert counted([other], UTC).all.part == 1


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        (UTC, {date(2027, 1, 4): (4, 1), date(2027, 1, 5): (1, 1)}),
        (SHANGHAI, {date(2027, 1, 4): (3, 0), date(2027, 1, 5): (2, 2)}),
    ],
)
def test_days_are_those_of_the_zone(zone: ZoneInfo, days: dict[date, tuple[int, int]]) -> None:
    """Four in the afternoon in London is midnight in Shanghai."""
    found = counted(STREAM, zone).days
    assert {day: (one.decisions, one.default) for day, one in found.items()} == days


@pytest.mark.parametrize(
    ("tried", "won", "seldom"), [(9, 0, False), (10, 0, True), (20, 2, False), (21, 2, True)]
)
def test_tried_often_and_matching_seldom(tried: int, won: int, seldom: bool) -> None:
    """At least ten times, and fewer than one in ten matches."""
    assert Hits(won=won, tried=tried).seldom is seldom


@pytest.mark.parametrize(
    ("candidates", "overridden", "cut"),
    [
        (CANDIDATES_SHOWN - 2, OVERRIDDEN_SHOWN - 1, 0),
        (CANDIDATES_SHOWN - 1, 0, 1),
        (0, OVERRIDDEN_SHOWN, 1),
    ],
)
def test_explanations_that_may_be_cut_are_counted(
    candidates: int, overridden: int, cut: int
) -> None:
    """One that shows as many as it may can have left some out."""
    one = decided(
        "r1",
        "refund",
        vain=tuple(f"c{number}" for number in range(candidates)),
        overridden=tuple(f"o{number}" for number in range(overridden)),
    )
    assert counted([one], UTC).cut == cut


def test_the_winner_was_tried_though_it_is_not_shown() -> None:
    """Of more candidates than are shown the last ones are missing, and it is the last."""
    one = decided("r1", "refund")
    one = one._replace(explanation={**one.explanation, "candidates": ["junk"]})
    assert counted([one], UTC).routes["refund"].tried == 1


def test_nothing_decided() -> None:
    """Nothing, and no division by it."""
    found = counted([], UTC)
    assert (found.all.decisions, found.all.part, found.all.first) == (0, 0.0, None)
    assert (dict(found.routes), dict(found.days), dict(found.versions)) == ({}, {}, {})
