"""Business time, rule by rule."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from rules import calendar as module
from rules.calendar import Calendar, NeverOpen
from rules.model import CalendarSpec

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
OFFICE = {"mon-fri": ["09:00-12:00", "13:00-18:00"]}
NIGHTS = {"mon-sun": ["22:00-06:00"]}


def calendar(overlay: str | None = None, **spec: Any) -> Calendar:
    """A calendar; UTC and office hours unless told otherwise. `overlay` is its overlay's text."""
    name = None if overlay is None else "calendars/own.yaml"
    whole = {"timezone": "UTC", "hours": OFFICE, "overlay": name} | spec
    return Calendar.build(CalendarSpec(**whole), {"calendars/own.yaml": overlay or ""})


def utc(text: str) -> datetime:
    """`2027-01-04 09:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, where: Calendar) -> datetime:
    """`2027-01-04 09:00` on the calendar's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=where.zone)


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2027-01-04 09:00", 30, "2027-01-04 09:30"),
        ("2027-01-04 09:00", 180, "2027-01-04 12:00"),  # at the closing, not at 13:00
        ("2027-01-04 09:00", 181, "2027-01-04 13:01"),
        ("2027-01-04 12:00", 1, "2027-01-04 13:01"),  # closed from 12:00 on
        ("2027-01-04 03:00", 480, "2027-01-04 18:00"),
        ("2027-01-08 17:30", 60, "2027-01-11 09:30"),  # over the weekend
        ("2027-01-04 10:00", 0, "2027-01-04 10:00"),
        ("2027-01-04 12:00", 0, "2027-01-04 13:00"),  # nothing: the next open moment
        ("2027-01-09 10:00", 0, "2027-01-11 09:00"),
        ("2027-01-04 14:00", -120, "2027-01-04 11:00"),  # less than nothing goes back
    ],
)
def test_due(start: str, minutes: int, due: str) -> None:
    """So much open time after the start; exactly at a closing it stays there."""
    assert calendar().due(utc(start), minutes * MINUTE) == utc(due)


@pytest.mark.parametrize(
    ("end", "minutes", "start"),
    [
        ("2027-01-04 10:00", 60, "2027-01-04 09:00"),  # at the opening, not at the last closing
        ("2027-01-04 13:30", 60, "2027-01-04 11:30"),
        ("2027-01-04 09:00", 0, "2027-01-01 18:00"),
        ("2027-01-04 09:00", -60, "2027-01-04 10:00"),
    ],
)
def test_back(end: str, minutes: int, start: str) -> None:
    """So much open time before the end; exactly at an opening it stays there."""
    assert calendar().back(utc(end), minutes * MINUTE) == utc(start)


def test_a_hold_puts_off_what_is_due_by_the_open_time_it_lasts() -> None:
    """10-18 h, Friday a holiday: held from Thursday 17:50 to Monday 12:30 are 160 minutes."""
    hours = calendar(hours={"mon-fri": ["10:00-18:00"]}, closed=["2027-01-08"])
    created, held = utc("2027-01-07 17:30"), utc("2027-01-07 17:50")
    resumed, resolved = utc("2027-01-11 12:30"), utc("2027-01-11 13:00")
    assert hours.elapsed(held, resumed) == 160 * MINUTE
    assert hours.elapsed(created, held) + hours.elapsed(resumed, resolved) == 50 * MINUTE
    assert hours.elapsed(created, resolved) == 210 * MINUTE
    assert hours.due(created, HOUR) == utc("2027-01-11 10:30")


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        # In 2027 New York's clocks go from 02:00 to 03:00 on March 14th, back on November 7th.
        ("2027-03-14T00:00-05:00", 2 * HOUR, "2027-03-14T03:00-04:00"),
        ("2027-03-14T00:00-05:00", 23 * HOUR, "2027-03-15T00:00-04:00"),
        ("2027-11-07T00:00-04:00", 2 * HOUR, "2027-11-07T01:00-05:00"),
        ("2027-11-07T00:00-04:00", 25 * HOUR, "2027-11-08T00:00-05:00"),
    ],
)
@pytest.mark.parametrize("hours", [["00:00-24:00"], ["00:00-09:00", "09:00-24:00"]])
def test_real_time_is_counted(start: str, duration: timedelta, due: str, hours: list[str]) -> None:
    """A day in which clocks change has 23 or 25 hours, however its hours are written."""
    always = calendar(timezone="America/New_York", hours={"mon-sun": hours})
    begin, end = datetime.fromisoformat(start), datetime.fromisoformat(due)
    assert always.due(begin, duration) == end
    assert always.back(end, duration) == begin
    assert always.elapsed(begin.astimezone(always.zone), end.astimezone(always.zone)) == duration


@pytest.mark.parametrize(
    ("zone", "interval", "day", "opens", "closes"),
    [
        ("America/New_York", "02:30-05:00", "2027-03-14", "03:30-04:00", "05:00-04:00"),
        ("America/New_York", "01:00-02:30", "2027-03-14", "01:00-05:00", "03:30-04:00"),
        ("America/New_York", "01:30-03:00", "2027-11-07", "01:30-04:00", "03:00-05:00"),
        ("America/New_York", "00:00-01:30", "2027-11-07", "00:00-04:00", "01:30-04:00"),
        ("Australia/Lord_Howe", "02:15-04:00", "2027-10-03", "02:45+11:00", "04:00+11:00"),
        ("Australia/Lord_Howe", "01:45-04:00", "2027-04-04", "01:45+11:00", "04:00+10:30"),
        ("America/Santiago", "00:00-02:00", "2027-09-05", "01:00-03:00", "02:00-03:00"),
        ("Asia/Shanghai", "02:30-05:00", "2027-03-14", "02:30+08:00", "05:00+08:00"),
    ],
)
def test_openings_when_clocks_change(
    zone: str, interval: str, day: str, opens: str, closes: str
) -> None:
    """A skipped local time moves later by the gap; a doubled one is its first occurrence."""
    where = calendar(timezone=zone, hours={"mon-sun": [interval]})
    found = next(where.periods(local(f"{day} 00:00", where)))
    expected = [datetime.fromisoformat(f"{day}T{one}") for one in (opens, closes)]
    assert [found.start, found.end] == expected


def test_no_instant_is_counted_twice_in_a_gap() -> None:
    """Of two intervals that a clock change lays over each other, each instant counts once."""
    where = calendar(timezone="America/New_York", hours={"sun": ["02:00-02:30", "03:00-05:00"]})
    midnight = local("2027-03-14 00:00", where)
    assert where.elapsed(midnight, midnight + timedelta(days=1)) == 2 * HOUR


def test_hours_that_fall_into_a_gap_with_their_opening_alone_are_empty() -> None:
    """A skipped 02:30 is 03:30, which is after 03:15."""
    where = calendar(
        timezone="America/New_York", hours={"sun": ["02:30-03:15"], "mon": ["09:00-10:00"]}
    )
    assert where.next_open(local("2027-03-14 00:00", where)) == local("2027-03-15 09:00", where)


def test_a_break_over_a_gap_opens_nothing() -> None:
    """Hours that a clock change swallows stay swallowed when a break stands in them."""
    where = calendar(
        timezone="America/New_York",
        hours={"sun": ["02:00-03:00"]},
        breaks={"2027-03-14": ["02:30-04:00"]},
    )
    midnight = local("2027-03-14 00:00", where)
    assert where.elapsed(midnight, midnight + timedelta(days=1)) == timedelta(0)


def test_breaks_that_a_clock_change_puts_out_of_order_are_all_taken_out() -> None:
    """In Santiago midnight was skipped: 00:30 came after 01:00, which the clock showed first."""
    where = calendar(
        timezone="America/Santiago",
        hours={"sun": ["00:00-00:45"]},
        breaks={"2027-09-05": ["00:00-00:15", "00:30-00:45", "01:00-01:30"]},
    )
    first = utc("2027-09-05 04:00")
    assert not where.is_open(first + 20 * MINUTE)
    assert where.elapsed(first, first + HOUR) == timedelta(0)


def test_hours_that_a_clock_change_puts_out_of_order_all_count() -> None:
    """As above: the hours of 00:30 come after those of 01:00, and none of them is dropped."""
    hours = {"sun": ["00:00-00:15", "00:30-00:45", "01:00-01:30"]}
    where = calendar(timezone="America/Santiago", hours=hours)
    first = utc("2027-09-05 04:00")
    assert where.elapsed(first, first + HOUR) == 45 * MINUTE


def test_a_date_that_comes_back_after_midnight() -> None:
    """In St. John's 00:01 became 23:01 of the day before: the new day's hours had begun."""
    where = calendar(timezone="America/St_Johns", hours={"sun": ["00:00-12:00"]})
    again = datetime(2000, 10, 28, 23, 30, tzinfo=where.zone, fold=1)
    first_midnight = utc("2000-10-29 02:30")
    assert where.is_open(again)
    assert where.elapsed(again - HOUR, again) == again.astimezone(UTC) - first_midnight
    assert where.back(again, 20 * MINUTE) == again.astimezone(UTC) - 20 * MINUTE
    assert next(where.periods_before(again)).start == first_midnight


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2027-01-04 21:59", False),
        ("2027-01-04 22:00", True),
        ("2027-01-05 00:00", True),
        ("2027-01-05 05:59", True),
        ("2027-01-05 06:00", False),
        ("2027-01-06 02:00", True),  # the shift of the 5th
        ("2027-01-06 23:00", False),  # the 6th is closed ...
        ("2027-01-07 02:00", False),  # ... with its whole shift
        ("2027-01-08 02:30", False),  # a break of the 8th in the shift of the 7th
        ("2027-01-08 23:45", False),  # a break over midnight
        ("2027-01-09 00:15", False),
        ("2027-01-09 00:30", True),
    ],
)
def test_a_shift_over_midnight_belongs_to_the_evening(at: str, *, is_open: bool) -> None:
    """A date's rule is for the hours that begin on it; breaks are by the clock."""
    breaks = {"2027-01-08": ["02:00-03:00", "23:30-00:30"]}
    assert calendar(hours=NIGHTS, closed=["2027-01-06"], breaks=breaks).is_open(utc(at)) is is_open


def test_hours_that_overlap_over_midnight_are_counted_once() -> None:
    """What the night before runs into, the day's own hours do not count again."""
    hours = calendar(hours={"mon": ["22:00-06:00"], "tue": ["05:00-10:00"]})
    assert hours.elapsed(utc("2027-01-04 00:00"), utc("2027-01-06 00:00")) == 12 * HOUR


@pytest.mark.parametrize(
    ("at", "is_break"),
    [
        ("2027-01-04 14:59", False),
        ("2027-01-04 15:00", True),
        ("2027-01-04 15:30", False),
        ("2027-01-05 00:15", True),  # it began the evening before, and nobody is open
        ("2027-01-05 15:15", False),
    ],
)
def test_breaks_are_known_as_such(at: str, *, is_break: bool) -> None:
    """Half-open, of their date, open otherwise or not."""
    breaks = {"2027-01-04": ["15:00-15:30", "23:30-00:30"]}
    assert calendar(breaks=breaks).is_break(utc(at)) is is_break


HOLIDAY_WEEK: dict[str, Any] = {
    "closed": ["2027-01-05"],
    "special": {"2027-01-05": ["10:00-11:00"], "2027-01-06": ["10:00-11:00"], "2027-01-09": []},
    "holidays": ["US"],  # the 1st, and the 18th (Martin Luther King)
    "breaks": {"2027-01-06": ["10:30-10:45"], "2027-01-07": ["00:00-24:00"]},
    "overlay": (
        "2027-01-01: [10:00-10:20]\n2027-01-04: off\n2027-01-06: ['10:00-12:00']\n"
        "2027-01-09: work\n2027-01-10: off"
    ),
}


@pytest.mark.parametrize(
    ("day", "minutes", "without_overlay"),
    [
        ("2027-01-01", 20, 0),  # a public holiday, that the overlay opens
        ("2027-01-04", 0, 480),  # a Monday that the overlay closes
        ("2027-01-05", 0, 0),  # closed comes before special
        ("2027-01-06", 105, 45),  # special, less a break; the overlay comes before it
        ("2027-01-07", 0, 0),  # a break of the whole day
        ("2027-01-08", 480, 480),
        ("2027-01-09", 480, 0),  # a Saturday to make up
        ("2027-01-10", 0, 0),
        ("2027-01-18", 0, 0),
    ],
)
def test_the_first_rule_that_says_something_holds(
    day: str, minutes: int, without_overlay: int
) -> None:
    """Overlay, closed, public holiday, special, weekly hours; breaks are taken out of it."""
    start, end = utc(f"{day} 00:00"), utc(f"{day} 00:00") + timedelta(days=1)
    whole = calendar(**HOLIDAY_WEEK)
    assert whole.elapsed(start, end) == minutes * MINUTE
    bare = calendar(**HOLIDAY_WEEK | {"overlay": None})
    assert bare.elapsed(start, end) == without_overlay * MINUTE


def test_public_holidays_of_parts_of_a_country() -> None:
    """`US-CA` has what California has besides the country's; a date may be in several lists."""
    chavez = date(2026, 3, 31)
    assert calendar(holidays=["US-CA"]).is_holiday(chavez)
    assert not calendar(holidays=["US"]).is_holiday(chavez)
    assert calendar(holidays=["CN", "US-CA"]).is_holiday(chavez)
    assert calendar(holidays=["CN", "US-CA"]).is_holiday(date(2026, 10, 1))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone: 'Mars/Olympus' is not an IANA time zone"),
        ({"timezone": "../UTC"}, "timezone: '../UTC' is not an IANA time zone"),
        ({"hours": {}}, "hours: never open"),
        ({"hours": {"mon-fri": []}}, "hours: never open"),
        ({"hours": {"monday": ["09:00-18:00"]}}, "hours: 'monday' is not a weekday"),
        ({"hours": {"mon-": ["09:00-18:00"]}}, "hours: '' is not a weekday"),
        ({"hours": {"mon-wed": ["09:00-18:00"], "tue": []}}, "hours: tue stands twice"),
        ({"hours": {"mon": ["9-18"]}}, "hours.mon: '9-18' is not an interval"),
        ({"hours": {"mon": ["09：00-18：00"]}}, "is not an interval such as 09:00-12:00"),
        ({"hours": {"mon": ["09:00-25:00"]}}, "hours.mon: 25:00 is not a time of day"),
        ({"hours": {"mon": ["09:60-12:00"]}}, "hours.mon: 09:60 is not a time of day"),
        ({"hours": {"mon": ["09:00-24:01"]}}, "hours.mon: 24:01 is not a time of day"),
        ({"hours": {"mon": ["09:00-09:00"]}}, "hours.mon: '09:00-09:00' is empty"),
        ({"hours": {"mon": ["24:00-06:00"]}}, "hours.mon: '24:00-06:00' is empty"),
        ({"hours": {"mon": ["09:00-12:00", "11:59-13:00"]}}, "hours.mon: the intervals overlap"),
        ({"hours": {"mon": ["22:00-06:00", "23:00-23:30"]}}, "hours.mon: the intervals overlap"),
        ({"holidays": ["XX"]}, "holidays: no data for 'XX'"),
        ({"holidays": ["US-XX"]}, "holidays: no data for 'US-XX'"),
        ({"closed": ["31.12.2026"]}, "closed: '31.12.2026' is not a date such as 2026-12-31"),
        ({"closed": ["20261231"]}, "closed: '20261231' is not a date"),
        ({"special": {"2026-02-30": []}}, "special: '2026-02-30' is not a date"),
        ({"special": {"2026-12-24": ["x"]}}, "special.2026-12-24: 'x' is not an interval"),
        ({"breaks": {"2026-12-24": ["x"]}}, "breaks.2026-12-24: 'x' is not an interval"),
        ({"overlay": ""}, "calendars/own.yaml: expected dates"),
        ({"overlay": "- a"}, "calendars/own.yaml: expected dates"),
        ({"overlay": "a: [b"}, "calendars/own.yaml:2:1: not YAML"),
        ({"overlay": "tomorrow: off"}, "calendars/own.yaml:1:1: 'tomorrow' is not a date"),
        ({"overlay": "2027-01-05: 0"}, "2027-01-05: expected work, off or hours, not 0"),
        ({"overlay": "2027-01-05: []"}, "expected work, off or hours, not []"),
        ({"overlay": "2027-01-05: [9-18]"}, "calendars/own.yaml:1:1: 2027-01-05: '9-18' is not"),
        ({"overlay": "2027-01-05: off\n2027-01-05: work"}, "calendars/own.yaml:2:1: '2027-01-05'"),
        ({"overlay": "2027-01-05: work", "hours": {}}, "work has the hours of a weekday"),
    ],
)
def test_what_is_written_wrongly_is_said(spec: dict[str, Any], said: str) -> None:
    """Each mistake has an error that names the value and what was expected."""
    with pytest.raises(ValueError, match=r".") as raised:
        calendar(**spec)
    assert said in str(raised.value)


def test_an_overlay_that_is_not_there_is_said() -> None:
    """A calendar that is built without its files says which one it misses."""
    spec = CalendarSpec(timezone="UTC", hours=OFFICE, overlay="calendars/2027.yaml")
    with pytest.raises(ValueError, match=r"overlay: no file 'calendars/2027.yaml'"):
        Calendar.build(spec, {})


@pytest.mark.parametrize("days", ["mon,tue,wed,thu,fri", "mon-wed,thu-fri", "MON - FRI"])
def test_weekdays_are_written_in_several_ways(days: str) -> None:
    """Ranges, lists, and both; capitals and blanks do not matter."""
    assert calendar(hours={days: ["09:00-12:00", "13:00-18:00"]}) == calendar()


def test_a_range_of_weekdays_may_run_over_the_end_of_the_week() -> None:
    """`sat-mon` are three days."""
    hours = calendar(hours={"sat-mon": ["09:00-10:00"]})
    assert [hours.is_workday(date(2027, 1, day)) for day in range(4, 11)] == [
        True, False, False, False, False, True, True,
    ]  # fmt: skip


def test_a_target_may_take_many_weeks() -> None:
    """The search is bounded by closed time on end, not by the length of the whole."""
    hours = calendar(hours={"wed": ["09:00-10:00"]})
    start = utc("2027-01-06 09:00")
    assert hours.due(start, 1500 * HOUR) == utc("2027-01-06 10:00") + timedelta(weeks=1499)
    with pytest.raises(NeverOpen, match="a hundred are too short"):
        hours.due(start, 6000 * HOUR)
    with pytest.raises(NeverOpen, match="a hundred are too short"):
        hours.back(start, 6000 * HOUR)


def test_a_calendar_that_does_not_open_any_more_says_so() -> None:
    """Ten years on end without an opening end the search; asking whether it is open does not."""
    once = calendar(hours={}, special={"2027-01-04": ["09:00-10:00"]})
    start = utc("2027-01-04 09:30")
    assert once.due(start, 30 * MINUTE) == utc("2027-01-04 10:00")
    with pytest.raises(NeverOpen, match="closed for ten years on end"):
        once.due(start, 31 * MINUTE)
    with pytest.raises(NeverOpen, match="not enough open time around 2027-01-04T09:30"):
        once.back(start, 31 * MINUTE)
    with pytest.raises(NeverOpen):
        once.next_open(utc("2027-01-04 10:00"))
    with pytest.raises(NeverOpen):
        once.previous_close(utc("2027-01-04 08:00"))
    with pytest.raises(NeverOpen, match="no working day within ten years"):
        once.workday(date(2027, 1, 5))
    assert not once.is_open(utc("2027-01-04 10:00"))
    assert list(once.periods(utc("2027-01-04 10:00"))) == []
    assert list(once.periods_before(utc("2027-01-04 09:00"))) == []
    assert once.elapsed(utc("2020-01-01 00:00"), utc("2030-01-01 00:00")) == HOUR


def test_an_opening_after_years_is_found() -> None:
    """A calendar may be made for an event that is years away."""
    event = calendar(hours={}, special={"2035-01-04": ["09:00-10:00"]})
    assert event.next_open(utc("2027-01-04 00:00")) == utc("2035-01-04 09:00")


@pytest.mark.parametrize("hours", [OFFICE, {"mon-sun": ["00:00-24:00"]}])
def test_an_instant_has_a_time_zone(hours: dict[str, list[str]]) -> None:
    """A time of nobody's clock is refused, not taken for the machine's."""
    naive = datetime(2027, 1, 4, 9)  # noqa: DTZ001 - what is refused here
    where = calendar(hours=hours)
    for ask in (where.is_open, where.next_open, where.previous_close):
        with pytest.raises(ValueError, match="has no time zone"):
            ask(naive)


@pytest.mark.parametrize("at", ["0001-01-01 00:00", "9999-12-31 00:00"])
def test_the_ends_of_time_are_said(at: str) -> None:
    """Nothing is computed beyond the years that dates have."""
    with pytest.raises(OverflowError):
        calendar().elapsed(utc(at), utc(at) + HOUR)


def test_results_are_in_utc() -> None:
    """Whatever zone the instants and the calendar have."""
    where = calendar(timezone="Asia/Shanghai")
    at = local("2027-01-04 10:00", where)
    results = [
        where.due(at, HOUR), where.back(at, HOUR), where.next_open(at), where.previous_close(at),
        where.add_workdays(at, 1), *next(where.periods(at)), *next(where.periods_before(at)),
    ]  # fmt: skip
    assert {one.tzinfo for one in results} == {UTC}


def test_periods_begin_and_end_with_the_instant_asked_for() -> None:
    """The first is cut, forwards and backwards."""
    at = utc("2027-01-04 14:00")
    assert list(islice(calendar().periods(at), 2)) == [
        (at, utc("2027-01-04 18:00")),
        (utc("2027-01-05 09:00"), utc("2027-01-05 12:00")),
    ]
    assert list(islice(calendar().periods_before(at), 2)) == [
        (utc("2027-01-04 13:00"), at),
        (utc("2027-01-04 09:00"), utc("2027-01-04 12:00")),
    ]


def test_days_that_are_known_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgetting days changes no answer."""
    start, end = utc("2026-01-01 00:00"), utc("2028-01-01 00:00")
    expected = calendar().elapsed(start, end)
    monkeypatch.setattr(module, "_MAX_KNOWN_DAYS", 10)
    small = calendar()
    assert [small.elapsed(start, end) for _ in range(2)] == [expected] * 2
    assert len(small._days) <= 10


def test_months_that_are_laid_out_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So are the running sums by which short spans are looked up."""
    monkeypatch.setattr(module, "_MAX_STRETCHES", 2)
    small, start = calendar(), utc("2026-01-05 09:00")
    weeks = [start + timedelta(weeks=number) for number in range(0, 300, 20)]
    assert [small.due(one, HOUR) for one in weeks] == [one + HOUR for one in weeks]
    assert len(small._stretches) <= 2


def test_beyond_the_months_that_are_laid_out_days_are_walked() -> None:
    """A target of a year, and of a calendar that is closed for months."""
    start = utc("2026-01-05 09:00")
    assert calendar().due(start, 52 * 40 * HOUR) == utc("2027-01-01 18:00")
    assert calendar().elapsed(start, utc("2027-01-04 09:00")) == 52 * 40 * HOUR
    season = calendar(
        hours={}, special={"2026-01-05": ["09:00-10:00"], "2027-01-04": ["08:00-09:00"]}
    )
    assert season.due(start, 90 * MINUTE) == utc("2027-01-04 08:30")
    assert season.next_open(utc("2026-01-05 10:00")) == utc("2027-01-04 08:00")
    assert not season.is_open(utc("2026-08-05 10:00"))


@pytest.mark.parametrize("at", ["0001-01-20 10:00", "9999-12-10 10:00"])
def test_near_the_ends_of_time_days_are_walked(at: str) -> None:
    """Months that are not whole are not laid out."""
    office = calendar(hours={"mon-sun": ["09:00-18:00"]})
    assert office.is_open(utc(at))
    assert office.due(utc(at), HOUR) == utc(at) + HOUR
    assert office.elapsed(utc(at), utc(at) + HOUR) == HOUR


def test_calendars_of_one_spec_are_equal() -> None:
    """Whatever they were asked before; so a rulebook that did not change changes no clock."""
    asked = calendar(holidays=["CN"])
    asked.due(utc("2027-01-04 00:00"), HOUR)
    assert asked == calendar(holidays=["CN"])
    assert hash(asked) == hash(calendar(holidays=["CN"]))
    assert asked != calendar(holidays=["US"])
    assert asked != calendar(holidays=["CN"], timezone="Asia/Shanghai")
