"""Business time: what is open, when a duration of open time is over, how much has passed.

A calendar is weekly intervals in a time zone, half-open, several a day, `24:00` allowed, across
midnight allowed; less holidays and closed dates; with special dates and a dated overlay. Local
times that a clock change skips move later by the gap (02:30 -> 03:30), doubled ones are the first
occurrence; what is counted is real time, and no instant twice.

For one date the first that says something holds: the overlay, `closed`, a public holiday,
`special`, a make-up working day (调休), the weekly hours. What it says holds for the hours that
begin on that date: a shift over midnight belongs to the evening. `breaks` are taken out of whatever
is open, also of such a shift.

A duration that ends exactly at a closing ends there, not at the next opening; one of nothing ends
at the next open moment. Instants beyond the years 1 to 9999 raise `OverflowError`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.dates import DAY_SECONDS, Hours, Spec, parse_spec
from rules.model import CalendarSpec
from rules.stretch import Stretch

DAY = timedelta(days=1)
ZERO = timedelta(0)
SEARCH_DAYS = 3660
"""A calendar that is closed for so long on end, ten years, is taken to stay closed."""
HORIZON_DAYS = 36_600
"""No duration is followed further than this, a hundred years."""
STRETCH_DAYS, OVERLAP_DAYS = 128, 64
"""What begins within so many days, and ends so many days later at most, is looked up."""
_MAX_KNOWN_DAYS = 4_096
_MAX_STRETCHES = 16
_FIRST_DAY = date.min.toordinal() + 3
_LAST_DAY = date.max.toordinal() - 3


class Period(NamedTuple):
    """An open period, half-open, in UTC."""

    start: datetime
    end: datetime


class Day(NamedTuple):
    """The open periods that begin on one local date, in order, and their length together."""

    periods: tuple[Period, ...]
    open: timedelta


class NeverOpen(ValueError):
    """The calendar has no open moment, or not enough of them, in the years that are searched."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Business time of one rulebook calendar. Instants are aware; results are UTC."""

    spec: Spec
    _always: bool = field(init=False, repr=False, compare=False)
    _days: dict[int, Day] = field(init=False, repr=False, compare=False, default_factory=dict)
    _stretches: dict[int, Stretch] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "_always", self.spec.always)

    @classmethod
    def build(cls, spec: CalendarSpec, files: Mapping[str, str]) -> "Calendar":
        """The calendar of a rulebook's spec; `files` has its overlay.

        Raises:
            ValueError: The spec is wrong, or it never opens; the text says what was expected.
        """
        parsed = parse_spec(spec, files)
        if not parsed.opens:
            raise ValueError("hours: never open; expected hours such as mon-fri: [09:00-18:00]")
        return cls(parsed)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its hours are written."""
        return self.spec.zone

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is in an open period: its start is, its end is not."""
        at = _utc(at)
        if self._always:
            return True
        known = self._stretch(at)
        if known is not None:
            return known.is_open(at)
        return next((one.start <= at for one in self._ahead(at)), False)

    def is_workday(self, day: date) -> bool:
        """Whether any open time begins on the local date."""
        number = day.toordinal()
        return bool((self._days.get(number) or self._computed(number)).periods)

    def is_holiday(self, day: date) -> bool:
        """Whether the local date is a public holiday or otherwise closed as a whole."""
        return day in self.spec.closed or day in self.spec.holidays

    def is_break(self, at: datetime) -> bool:
        """Whether `at` is in one of the dated breaks, open otherwise or not."""
        at = _utc(at)
        day = date.fromordinal(self._number(at))
        return any(one.start <= at < one.end for one in self._breaks(day))

    def add_workdays(self, at: datetime, days: int) -> datetime:
        """`days` working days after (before, if negative) `at`, at the same time of day.

        What falls outside open time moves on, in the direction of travel, to the next opening (or
        the last closing).
        """
        local = _utc(at).astimezone(self.zone)
        day, step = local.date(), DAY if days >= 0 else -DAY
        for _ in range(abs(days)):
            day = self.workday(day + step, step)
        moved = resolve(day, local.time(), self.zone)
        return self.next_open(moved) if days >= 0 else self.previous_close(moved)

    def workday(self, day: date, step: timedelta = DAY) -> date:
        """`day` if it is a working day, else the nearest one in the direction of `step`."""
        for _ in range(SEARCH_DAYS):
            if self.is_workday(day):
                return day
            day += step
        raise NeverOpen(f"no working day within ten years of {day.isoformat()}")

    def due(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which `duration` of open time has passed since `start`.

        Nothing moves to the next open moment; less than nothing goes back. Raises `NeverOpen`.
        """
        start = _utc(start)
        if duration < ZERO:
            return self.back(start, -duration)
        if self._always:
            return start + duration
        known = self._stretch(start)
        at = None if known is None else known.due(start, duration)
        return self._walked_to(start, duration) if at is None else at

    def _walked_to(self, start: datetime, duration: timedelta) -> datetime:
        """`due`, day by day."""
        for opens, closes in self._ahead(start):
            begin = opens if opens > start else start
            left = closes - begin
            if duration <= left:
                return begin + duration
            duration -= left
        raise _never(start)

    def back(self, end: datetime, duration: timedelta) -> datetime:
        """The instant from which `duration` of open time passes until `end`.

        Nothing moves to the last open moment; less than nothing goes on. Raises `NeverOpen`.
        """
        end = _utc(end)
        if duration < ZERO:
            return self.due(end, -duration)
        if self._always:
            return end - duration
        for opens, closes in self._behind(end):
            until = min(closes, end)
            left = until - opens
            if duration <= left:
                return until - duration
            duration -= left
        raise _never(end)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The open time between two instants; negative when `end` is earlier."""
        start, end = _utc(start), _utc(end)
        if end < start:
            return -self.elapsed(end, start)
        if self._always:
            return end - start
        known = self._stretch(start)
        passed = None if known is None else known.elapsed(start, end)
        return self._walked_through(start, end) if passed is None else passed

    def _walked_through(self, start: datetime, end: datetime) -> timedelta:
        """`elapsed`, day by day."""
        total = ZERO
        first, last = self._number(start) - 1, self._number(end) + 1
        for number in range(first, last + 1):
            periods, whole = self._days.get(number) or self._computed(number)
            if not periods or periods[-1].end <= start or periods[0].start >= end:
                continue
            if periods[0].start >= start and periods[-1].end <= end:
                total += whole
            else:
                total += sum((_common(one, start, end) for one in periods), ZERO)
        return total

    def next_open(self, at: datetime) -> datetime:
        """The first open moment at or after `at`. Raises `NeverOpen`."""
        return self.due(at, ZERO)

    def previous_close(self, at: datetime) -> datetime:
        """`at` itself when it is open, else the end of the last open period before it."""
        at = _utc(at)
        return at if self.is_open(at) else self.back(at, ZERO)

    def periods(self, start: datetime) -> Iterator[Period]:
        """The open periods from `start` on, the first cut to begin there."""
        start = _utc(start)
        for one in self._ahead(start):
            yield Period(max(one.start, start), one.end)

    def periods_before(self, end: datetime) -> Iterator[Period]:
        """The open periods before `end`, backwards, the first cut to end there."""
        end = _utc(end)
        for one in self._behind(end):
            yield Period(one.start, min(one.end, end))

    def _ahead(self, at: datetime) -> Iterator[Period]:
        """The periods that end after `at`, in order."""
        for day in self._walk(self._number(at) - 1, 1):
            for period in day.periods:
                if period.end > at:
                    yield period

    def _behind(self, at: datetime) -> Iterator[Period]:
        """The periods that begin before `at`, backwards."""
        for day in self._walk(self._number(at) + 1, -1):
            for period in reversed(day.periods):
                if period.start < at:
                    yield period

    def _walk(self, first: int, step: int) -> Iterator[Day]:
        """The days with open periods, until the search is given up."""
        days, closed = self._days, 0
        for number in range(first, first + step * HORIZON_DAYS, step):
            day = days.get(number) or self._computed(number)
            if day.periods:
                closed = 0
                yield day
            else:
                closed += 1
                if closed > SEARCH_DAYS:
                    return

    def _stretch(self, at: datetime) -> Stretch | None:
        """The months from `at` on; None at the ends of time."""
        block = at.toordinal() // STRETCH_DAYS
        return self._stretches.get(block) or self._laid_out(block)

    def _laid_out(self, block: int) -> Stretch | None:
        # A local date is at most a day from that in UTC, a period begins a day before it ends.
        first, last = block * STRETCH_DAYS - 2, (block + 1) * STRETCH_DAYS + OVERLAP_DAYS
        if first < _FIRST_DAY or last > _LAST_DAY:
            return None
        if len(self._stretches) >= _MAX_STRETCHES:
            self._stretches.clear()
        days = (self._days.get(number) or self._computed(number) for number in range(first, last))
        until = datetime.combine(date.fromordinal(last - 2), time(), UTC)
        found = Stretch((period for day in days for period in day.periods), until)
        self._stretches[block] = found
        return found

    def _number(self, at: datetime) -> int:
        """The local date's number. Its neighbours are looked at too: clocks go back over it."""
        return at.astimezone(self.spec.zone).toordinal()

    def _computed(self, number: int) -> Day:
        """The day, which is remembered."""
        if not _FIRST_DAY <= number <= _LAST_DAY:
            raise OverflowError("beyond the years 1 to 9999")
        if len(self._days) >= _MAX_KNOWN_DAYS:
            self._days.clear()
        periods = tuple(self._periods(date.fromordinal(number)))
        day = Day(periods, sum((one.end - one.start for one in periods), ZERO))
        self._days[number] = day
        return day

    def _periods(self, day: date) -> Iterator[Period]:
        # The evening before may run into this day, and a clock change one interval into the next.
        before = self.spec.hours_of(day - DAY)
        counted = self._instant(day - DAY, before[-1].end) if before else None
        breaks = self._breaks(day) if self.spec.breaks else ()
        for one in sorted(self._resolved(day, self.spec.hours_of(day))):
            start = one.start if counted is None else max(one.start, counted)
            if start < one.end:
                yield from _without(Period(start, one.end), breaks)
                counted = one.end

    def _breaks(self, day: date) -> tuple[Period, ...]:
        """The breaks that may cut hours that begin on a local date, in order."""
        days = (day - DAY, day, day + DAY)
        cuts = (self._resolved(one, self.spec.breaks.get(one, ())) for one in days)
        return tuple(sorted(cut for of_day in cuts for cut in of_day))

    def _resolved(self, day: date, hours: Hours) -> Iterator[Period]:
        """The hours as instants. Those that a clock change leaves nothing of are `end <= start`.

        Where the clock is put forward, local times change places: sort what must be in order.
        """
        for one in hours:
            yield Period(self._instant(day, one.start), self._instant(day, one.end))

    def _instant(self, day: date, seconds: int) -> datetime:
        days, rest = divmod(seconds, DAY_SECONDS)
        clock = time(rest // 3600, rest % 3600 // 60, rest % 60)
        return resolve(day + days * DAY, clock, self.zone)


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: a skipped one moves later by the gap, a doubled is the first."""
    return datetime.combine(day, clock.replace(fold=0), zone).astimezone(UTC)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone: it is no instant")
    return at.astimezone(UTC)


def _without(period: Period, breaks: tuple[Period, ...]) -> Iterator[Period]:
    """What the breaks, in order, leave of a period."""
    start = period.start
    for one in breaks:
        if one.start < one.end and start < one.end and one.start < period.end:
            if start < one.start:
                yield Period(start, one.start)
            start = one.end
    if start < period.end:
        yield Period(start, period.end)


def _common(period: Period, start: datetime, end: datetime) -> timedelta:
    return max(min(period.end, end) - max(period.start, start), ZERO)


def _never(at: datetime) -> NeverOpen:
    return NeverOpen(
        f"not enough open time around {at.isoformat()}: closed for ten years on end, "
        "or a hundred are too short"
    )
