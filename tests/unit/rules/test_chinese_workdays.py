"""`holidays: [CN]` against 170 lines: days off, days in lieu and make-up working days (调休)."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from rules.calendar import Calendar
from rules.model import CalendarSpec

Case = dict[str, Any]

DAY_LINES, TOTAL_LINES = 159, 11
OFF = ("holiday", "holiday in lieu")
MADE_UP = "make-up workday"


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    """What somebody writes who works Monday to Friday in China."""
    spec = CalendarSpec(
        timezone="Asia/Shanghai",
        hours={"mon-fri": ["09:00-12:00", "13:00-18:00"]},
        holidays=["CN"],
    )
    return Calendar.build(spec, {})


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[Case]:
    """All lines of the table."""
    lines = (shared_data / "cases" / "chinese_workdays.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def dates(case: Case) -> Iterator[date]:
    """The dates that a total counts."""
    year = case.get("year")
    day = date.fromisoformat(case.get("from", f"{year}-01-01"))
    while day <= date.fromisoformat(case.get("to", f"{year}-12-31")):
        yield day
        day += timedelta(days=1)


@pytest.mark.shared_data
def test_each_day(calendar: Calendar, cases: list[Case]) -> None:
    """A day is worked, off, or made up as the State Council's notice says."""
    days = [case for case in cases if "date" in case]
    found = {
        case["date"]: (calendar.is_workday(day), calendar.is_holiday(day), is_worked(calendar, day))
        for case in days
        for day in [date.fromisoformat(case["date"])]
    }
    assert len(days) == DAY_LINES
    assert found == {
        case["date"]: (case["workday"], case["kind"] in OFF, case["kind"] == MADE_UP)
        for case in days
    }


def is_worked(calendar: Calendar, day: date) -> bool:
    """Whether the date is a weekend that is made up for."""
    return calendar.spec.holidays.is_worked(day)


@pytest.mark.shared_data
def test_each_total(calendar: Calendar, cases: list[Case]) -> None:
    """Days counted over weeks and years come out as they do there."""
    totals = [case for case in cases if "date" not in case]
    assert len(totals) == TOTAL_LINES
    for case in totals:
        found = counted(calendar, list(dates(case)))
        assert {key: found[key] for key in case if key in found} == {
            key: value for key, value in case.items() if key in found
        }, case


def counted(calendar: Calendar, days: list[date]) -> dict[str, int]:
    """The totals that a line may have."""
    workdays = [day for day in days if calendar.is_workday(day)]
    off = [day for day in days if calendar.is_holiday(day)]
    return {
        "rest_days": len(days) - len(workdays),
        "statutory_rest_days": len(off),
        "workdays": len(workdays),
        "workdays_without_weekends": sum(day.weekday() < 5 for day in workdays),
        "statutory_days": sum(day.weekday() < 5 for day in off)
        - sum(is_worked(calendar, day) for day in days),
    }
