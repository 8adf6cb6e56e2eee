"""Business time against a counter of minutes that knows nothing of it, and against itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar import STRETCH_DAYS, Calendar
from rules.dates import WEEKDAYS
from rules.model import CalendarSpec

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
WINDOW_DAYS = 8

PLACES = (
    ("Asia/Shanghai", date(2027, 2, 1)),
    ("Asia/Kolkata", date(2027, 2, 1)),
    ("America/New_York", date(2027, 3, 11)),  # 02:00 becomes 03:00 on the 14th
    ("America/New_York", date(2027, 11, 4)),  # 02:00 becomes 01:00 on the 7th
    ("Australia/Lord_Howe", date(2027, 4, 1)),  # half an hour back on the 4th
    ("Australia/Lord_Howe", date(2027, 9, 30)),  # half an hour on on October 3rd
    ("America/St_Johns", date(2000, 10, 26)),  # 00:01 becomes 23:01 of the day before
    ("America/Santiago", date(2027, 9, 2)),  # there is no midnight on the 5th
)
"""Zones, and the first date of a week in which their clocks change, if they do."""

Hours = list[tuple[int, int]]
"""Minutes of a day, the last perhaps beyond it."""


@dataclass(frozen=True)
class Written:
    """A random calendar, as drawn and as built."""

    zone: str
    first: date
    weekly: dict[int, Hours]
    closed: set[date]
    special: dict[date, Hours]
    overlay: dict[date, Hours]
    breaks: dict[date, Hours]
    calendar: Calendar

    def hours_of(self, day: date) -> Hours:
        """The hours that begin on a date, by the documented precedence."""
        if day in self.overlay:
            return self.overlay[day]
        if day in self.closed:
            return []
        return self.special.get(day, self.weekly.get(day.weekday(), []))


def text(interval: tuple[int, int]) -> str:
    """`09:00-12:00`; an end beyond the day is the next day's."""
    start, end = interval
    end = end if end <= 1440 else end - 1440
    return f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


QUARTERS = st.integers(0, 14) | st.integers(0, 95)
"""Quarters of an hour of a day, more of them when clocks change."""


@st.composite
def some_hours(draw: st.DrawFn, *, least: int = 0) -> Hours:
    """Up to three intervals; the last may run past midnight."""
    marks = draw(st.sets(QUARTERS, min_size=2 * least, max_size=6))
    edges = [mark * 15 for mark in sorted(marks)]
    hours = [(edges[n], edges[n + 1]) for n in range(0, len(edges) - 1, 2)]
    overnight = draw(st.booleans())
    if hours and overnight:
        start, _ = hours[-1]
        hours[-1] = (start, 1440 + draw(st.integers(0, (start - 1) // 15 if start else 0)) * 15)
    return hours


@st.composite
def calendars(draw: st.DrawFn) -> Written:
    """A calendar with hours in every week and dates of its own in the window."""
    zone, first = draw(st.sampled_from(PLACES))
    days = [first + n * DAY for n in range(WINDOW_DAYS)]
    weekly = {0: draw(some_hours(least=1))} | {n: draw(some_hours()) for n in range(1, 7)}
    dated = st.dictionaries(st.sampled_from(days), some_hours(), max_size=3)
    closed = draw(st.sets(st.sampled_from(days), max_size=2))
    special, overlay, breaks = draw(dated), draw(dated), draw(dated)
    lines = [f"{day}: {[text(one) for one in hours] or 'off'}" for day, hours in overlay.items()]
    spec = CalendarSpec(
        timezone=zone,
        hours={WEEKDAYS[n]: [text(one) for one in hours] for n, hours in weekly.items()},
        closed=[str(day) for day in closed],
        special={str(day): [text(one) for one in hours] for day, hours in special.items()},
        breaks={str(day): [text(one) for one in hours] for day, hours in breaks.items()},
        overlay="calendars/own.yaml" if overlay else None,
    )
    built = Calendar.build(spec, {"calendars/own.yaml": "\n".join(lines)})
    return Written(zone, first, weekly, closed, special, overlay, breaks, built)


@cache
def instants(zone: str, first: date) -> Callable[[date, int], datetime]:
    """From local minutes to instants, by walking through all minutes of the window.

    A local time that comes twice is its first; one that never comes is as long after the last
    minute before it as the clock would have taken.
    """
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - 3 * DAY
    first_seen: dict[datetime, datetime] = {}
    for number in range((WINDOW_DAYS + 6) * 1440):
        at = start + number * MINUTE
        first_seen.setdefault(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0), at)

    def instant(day: date, minutes: int) -> datetime:
        local = datetime(day.year, day.month, day.day) + minutes * MINUTE  # noqa: DTZ001 - local
        back = 0
        while local - back * MINUTE not in first_seen:
            back += 1
        return first_seen[local - back * MINUTE] + back * MINUTE

    return instant


def open_minutes(written: Written) -> list[bool]:
    """Whether each minute of the window is open, counted from `start_of`."""
    instant = instants(written.zone, written.first)
    start = start_of(written)
    length = (WINDOW_DAYS - 2) * 1440
    result = [False] * length

    def mark(hours_of: Callable[[date], Hours], *, value: bool) -> None:
        for n in range(-1, WINDOW_DAYS):
            day = written.first + n * DAY
            for opens, closes in hours_of(day):
                begin = (instant(day, opens) - start) // MINUTE
                end = (instant(day, closes) - start) // MINUTE
                for minute in range(max(begin, 0), min(end, length)):
                    result[minute] = value

    mark(written.hours_of, value=True)
    mark(lambda day: written.breaks.get(day, []), value=False)
    return result


def start_of(written: Written) -> datetime:
    """The first minute that is counted: UTC midnight, a day into the window."""
    first = written.first + DAY
    return datetime(first.year, first.month, first.day, tzinfo=UTC)


@given(calendars(), st.data())
@settings(deadline=None, max_examples=40)
def test_a_minute_counter_agrees(written: Written, data: st.DataObject) -> None:
    """Open, elapsed and due are what counting minutes gives, also where clocks change."""
    counted, start, calendar = open_minutes(written), start_of(written), written.calendar
    assert [calendar.is_open(start + n * MINUTE) for n in range(0, len(counted), 5)] == counted[::5]
    one, other = sorted(data.draw(st.tuples(*[st.integers(0, len(counted))] * 2)))
    passed = sum(counted[one:other])
    assert calendar.elapsed(start + one * MINUTE, start + other * MINUTE) == passed * MINUTE
    if passed:
        wanted = data.draw(st.integers(1, passed))
        at = next(n for n in range(one, other) if sum(counted[one : n + 1]) == wanted)
        assert calendar.due(start + one * MINUTE, wanted * MINUTE) == start + (at + 1) * MINUTE


@st.composite
def moments(draw: st.DrawFn) -> Callable[[Written], datetime]:
    """An instant within a month of a calendar's window, down to microseconds."""
    offset = draw(st.timedeltas(-30 * DAY, 30 * DAY))
    return lambda written: start_of(written) + offset


DURATIONS = st.timedeltas(timedelta(0), 20 * DAY)


@given(calendars(), moments(), DURATIONS)
@settings(deadline=None, max_examples=50)
def test_what_is_due_has_elapsed(
    written: Written, moment: Callable[[Written], datetime], duration: timedelta
) -> None:
    """Exactly the duration elapses until it is due, and from where it goes back to."""
    calendar, at = written.calendar, moment(written)
    assert calendar.elapsed(at, calendar.due(at, duration)) == duration
    assert calendar.elapsed(calendar.back(at, duration), at) == duration
    if duration:  # nothing has no direction: it is due at the next opening
        assert calendar.due(at, -duration) == calendar.back(at, duration)


@given(calendars(), moments(), moments(), DURATIONS, DURATIONS)
@settings(deadline=None, max_examples=50)
def test_due_is_monotone(
    written: Written,
    moment: Callable[[Written], datetime],
    another: Callable[[Written], datetime],
    duration: timedelta,
    further: timedelta,
) -> None:
    """A later start, or a longer duration, is never due earlier."""
    calendar = written.calendar
    early, late = sorted((moment(written), another(written)))
    short, long = sorted((duration, further))
    assert early <= calendar.due(early, short) <= calendar.due(early, long)
    assert calendar.due(early, short) <= calendar.due(late, short)
    if short:
        assert calendar.due(calendar.due(early, short), long) >= calendar.due(early, long)


@given(calendars(), moments(), moments(), moments())
@settings(deadline=None, max_examples=50)
def test_elapsed_adds_up(
    written: Written,
    moment: Callable[[Written], datetime],
    another: Callable[[Written], datetime],
    third: Callable[[Written], datetime],
) -> None:
    """Over any instant in between or outside; backwards it is negative."""
    calendar = written.calendar
    one, two, three = moment(written), another(written), third(written)
    assert calendar.elapsed(one, two) + calendar.elapsed(two, three) == calendar.elapsed(one, three)
    assert calendar.elapsed(one, two) == -calendar.elapsed(two, one)


@given(calendars(), moments())
@settings(deadline=None, max_examples=50)
def test_periods_are_in_order_and_are_what_is_open(
    written: Written, moment: Callable[[Written], datetime]
) -> None:
    """They do not overlap, are open within, and their lengths are what elapses."""
    calendar, at = written.calendar, moment(written)
    periods = [one for one, _ in zip(calendar.periods(at), range(12), strict=False)]
    assert all(one.start < one.end for one in periods)
    assert all(one.end <= following.start for one, following in pairwise(periods))
    assert all(calendar.is_open(one.start) for one in periods)
    total = sum((one.end - one.start for one in periods), timedelta(0))
    assert calendar.elapsed(at, periods[-1].end) == total
    assert calendar.next_open(at) == periods[0].start
    assert _until(calendar, periods[-1].end, at) == periods


def _until(calendar: Calendar, end: datetime, start: datetime) -> list[tuple[datetime, datetime]]:
    """The periods before `end`, in order, as far back as `start`."""
    found = []
    for one in calendar.periods_before(end):
        if one.end <= start:
            break
        found.append((max(one.start, start), one.end))
    return found[::-1]


@given(st.sampled_from([zone for zone, _ in PLACES]), st.data())
@settings(deadline=None, max_examples=50)
def test_the_short_cut_for_always_open_changes_nothing(zone: str, data: st.DataObject) -> None:
    """A calendar that never closes answers as one of two halves of each day."""
    always = Calendar.build(CalendarSpec(timezone=zone, hours={"mon-sun": ["00:00-24:00"]}), {})
    halves = {"mon-sun": ["00:00-12:00", "12:00-24:00"]}
    slow = Calendar.build(CalendarSpec(timezone=zone, hours=halves), {})
    start = datetime(2027, 1, 1, tzinfo=UTC) + data.draw(st.timedeltas(-400 * DAY, 400 * DAY))
    duration = data.draw(st.timedeltas(-20 * DAY, 20 * DAY))
    assert always.due(start, duration) == slow.due(start, duration) == start + duration
    assert always.elapsed(start, start + duration) == slow.elapsed(start, start + duration)
    assert always.is_open(start)
    assert slow.is_open(start)


@given(calendars(), moments(), st.timedeltas(timedelta(0), 90 * DAY))
@settings(deadline=None, max_examples=50)
def test_what_is_looked_up_is_what_walking_finds(
    written: Written, moment: Callable[[Written], datetime], length: timedelta
) -> None:
    """The running sums of some months answer as day after day does, at their edges too."""
    calendar, at = written.calendar, moment(written)
    edge = datetime.combine(
        date.fromordinal(at.toordinal() // STRETCH_DAYS * STRETCH_DAYS), at.time(), UTC
    )
    for start in (at, edge, edge - timedelta(microseconds=1)):
        assert calendar.due(start, length) == calendar._walked_to(start, length)
        assert calendar.elapsed(start, start + length) == calendar._walked_through(
            start, start + length
        )
        opens = next(iter(calendar.periods(start))).start
        assert calendar.is_open(start) is (opens == start)
