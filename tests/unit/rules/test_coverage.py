"""For which years a calendar is known, and what holds in the others."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rules.coverage import gaps, gaps_ahead
from rules.dates import Spec, parse_spec
from rules.holidays import OFFICIAL
from rules.lint import lint
from rules.model import CalendarSpec

OFFICE = {"mon-fri": ["09:00-12:00", "13:00-18:00"], "sat": ["10:00-16:00"]}
CHINA = "the days off of CN are not known; write them into an overlay"


def spec(overlay: str | None = None, **fields: Any) -> Spec:
    """A calendar's spec; Chinese office hours unless told otherwise."""
    name = None if overlay is None else "calendars/own.yaml"
    whole = {"timezone": "Asia/Shanghai", "hours": OFFICE, "overlay": name} | fields
    return parse_spec(CalendarSpec(**whole), {"calendars/own.yaml": overlay or ""})


@pytest.mark.parametrize(
    ("fields", "first", "last", "said"),
    [
        ({"holidays": ["CN"]}, 2004, 2026, []),
        ({"holidays": ["CN"]}, 2003, 2003, [f"2003 is not covered: {CHINA}"]),
        ({"holidays": ["CN"]}, 2099, 2099, [f"2099 is not covered: {CHINA}"]),
        ({"holidays": ["CN-BJ", "CN"]}, 2099, 2099, None),  # no such part: refused
        ({"holidays": ["US", "CN"]}, 2101, 2101, [
            "2101 is not covered: the days off of US, CN are not known; write them into an overlay"
        ]),
        ({"holidays": ["US"]}, 2027, 2040, []),
        ({"holidays": ["CN"], "overlay": "2099-02-07: work"}, 2099, 2099, []),
        ({"holidays": ["CN"], "overlay": "2099-02-07: work"}, 2098, 2100, [
            f"2098 is not covered: {CHINA}", f"2100 is not covered: {CHINA}"
        ]),
        ({"holidays": ["CN"], "overlay": "2020-02-07: off"}, 2025, 2026, []),
        ({"holidays": ["US"], "overlay": "2026-12-24: off"}, 2025, 2028, [
            "2027-2028 are not covered: the overlay ends with 2026-12-24"
        ]),
        ({"overlay": "2026-12-24: off\n2024-12-24: off"}, 2025, 2026, []),
        ({}, 1, 9999, []),
    ],
)  # fmt: skip
def test_what_is_not_covered_is_said(
    fields: dict[str, Any], first: int, last: int, said: list[str] | None
) -> None:
    """By the announcements, else by an overlay with dates of the year."""
    if said is None:
        with pytest.raises(ValueError, match="no data for 'CN-BJ'"):
            spec(**fields)
        return
    found = [str(gap) for gap in gaps(spec(**fields), first, last)]
    assert found[-len(said) :] == said if said else found == []


def test_years_without_data_are_told_together() -> None:
    """Years in a row with the same reason are one line, not a hundred."""
    (gap,) = gaps(spec(holidays=["CN"]), 2080, 2099)
    assert str(gap) == f"2080-2099 are not covered: {CHINA}"


def test_an_announced_year_is_known_as_a_whole() -> None:
    """A year is known when its National Day is, not when a day of the next New Year is."""
    known = OFFICIAL["CN"]
    assert known.years == frozenset(range(2004, max(known.years) + 1))
    assert max(known.years) >= 2026


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2026-02-13", "mon"),
        ("2026-02-14", "mon"),  # a Saturday to make up: Monday's hours, not Saturday's
        ("2026-02-15", None),
        ("2026-02-16", None),
        ("2026-02-21", None),  # a Saturday between days off
        ("2026-02-28", "sat"),  # made up too, but `special` comes before it
        ("2026-03-07", "sat"),
        ("2026-05-09", None),  # made up too, but closed
        ("2026-09-20", "mon"),  # a Sunday
        ("2026-10-10", None),  # made up too, but the overlay comes before it
        ("2012-06-23", None),  # a Saturday that only the holidays library has
        ("2099-10-01", None),  # by law
        ("2099-02-09", "mon"),
    ],
)
def test_hours_of_chinese_days(day: str, hours: str | None) -> None:
    """Overlay, closed, days off, special, make-up working days, weekly hours: the first holds."""
    found = spec(
        "2026-10-10: off",
        holidays=["CN"],
        closed=["2026-05-09"],
        special={"2026-02-28": OFFICE["sat"]},
    )
    weekday = {"mon": 0, "sat": 5, None: 6}[hours]
    assert found.hours_of(date.fromisoformat(day)) == found.weekly[weekday]


@pytest.mark.parametrize(
    ("week", "day", "as_on"),
    [
        ({"wed-fri": ["09:00-12:00"]}, "2026-02-14", 2),  # those of the first weekday with hours
        ({"sat": ["10:00-12:00"]}, "2026-02-14", 5),  # no weekday has any: its own
        ({"sat": ["10:00-12:00"]}, "2026-09-20", 6),  # which on a Sunday are none
    ],
)
def test_a_make_up_day_has_a_weekdays_hours(week: dict[str, Any], day: str, as_on: int) -> None:
    """Crews of weekends are not called in on the other day."""
    found = spec(hours=week, holidays=["CN"])
    assert found.hours_of(date.fromisoformat(day)) == found.weekly[as_on]


def test_make_up_days_are_chinas_alone() -> None:
    """Without `CN` no weekend is worked."""
    assert spec(holidays=["US"]).hours_of(date(2026, 9, 20)) == ()
    assert spec().hours_of(date(2026, 9, 20)) == ()


END = datetime(2098, 12, 31, 15, tzinfo=UTC)
"""An hour before 2099 begins in Shanghai, where 2098 is covered."""


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (END - timedelta(days=62), []),
        (END - timedelta(days=59), [2099]),
        (END, [2099]),
        (END + timedelta(hours=2), [2099]),
    ],
)
def test_sixty_days_ahead_must_be_covered(at: datetime, said: list[int]) -> None:
    """On the calendar's own clock."""
    found = gaps_ahead(spec("2098-01-01: off", holidays=["CN"]), at)
    assert [gap.first for gap in found] == said


def test_lint_warns_of_the_coming_year_where_it_is_written() -> None:
    """A warning stands at the overlay, or at the holidays; a wrong calendar is not linted."""
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"holidays": ["CN"]},
        "dated": {"holidays": ["CN"], "overlay": "calendars/own.yaml"},
        "wrong": {"holidays": ["CN"], "closed": ["never"]},
        "known": {"holidays": ["US"]},
    }
    calendars = {
        name: {"timezone": "Asia/Shanghai", "hours": OFFICE, **fields}
        for name, fields in kinds.items()
    }
    document = {
        "calendars": calendars, "queues": {"q": {}}, "pools": {"p": {"queues": ["q"]}},
        "routes": [{"id": "default", "then": {"queue": "q"}}],
    }  # fmt: skip
    files = {"a.yaml": json.dumps(document, indent=1), "calendars/own.yaml": "2098-01-01: off"}
    lines = files["a.yaml"].splitlines()
    found = {
        (lines[one.line - 1].split('"')[1], one.message)
        for one in lint(files, END)
        if "covered" in one.message
    }
    assert found == {
        ("holidays", f"calendar 'plain': 2098-2099 are not covered: {CHINA}"),
        ("overlay", f"calendar 'dated': 2099 is not covered: {CHINA}"),
    }
