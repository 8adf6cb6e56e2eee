"""Business time: what is open, when a duration of open time is over, how much has passed.

A calendar is weekly intervals in a time zone, half-open, several a day, `24:00` allowed, across
midnight allowed; less holidays and closed dates; with special dates and a dated overlay. Local
times that a clock change skips move later by the gap (02:30 -> 03:30), doubled ones are the first
occurrence; what is counted is real time.

For one date the first that says something holds: the overlay, `closed`, a public holiday,
`special`, the weekly hours; `breaks` are taken out of whatever it is. A duration that ends exactly
at a closing ends there, not at the next opening; one of nothing ends at the next open moment.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.dates import Holidays, Interval, Spec, parse_spec
from rules.model import CalendarSpec

DAY = timedelta(days=1)
ZERO = timedelta(0)
SEARCH_DAYS = 3660
"""How far the next opening is looked for: ten years."""


class Period(NamedTuple):
    """An open period, half-open, in UTC."""

    start: datetime
    end: datetime


class NeverOpen(ValueError):
    """The calendar has no open moment within ten years of the instant asked for."""


class Calendar:
    """Business time of one rulebook calendar. Instants are aware; results are UTC."""

    __slots__ = ("_always", "_days", "_holidays", "_spec", "zone")

    def __init__(self, spec: Spec, holidays: Holidays) -> None:
        self._spec = spec
        self._holidays = holidays
        self.zone = spec.zone
        self._days: dict[date, tuple[Period, ...]] = {}
        self._always = spec.always and not holidays

    @classmethod
    def build(cls, spec: CalendarSpec, files: Mapping[str, str]) -> "Calendar":
        """The calendar of a rulebook's spec. Raises `ValueError` that says what was expected."""
        return cls(parse_spec(spec, files), Holidays(spec.holidays))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Calendar)
            and self._spec == other._spec
            and self._holidays == other._holidays
        )

    def __hash__(self) -> int:
        return hash(self.zone)

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is in an open period: its start is, its end is not."""
        return self._always or any(period.start <= at < period.end for period in self._around(at))

    def is_workday(self, day: date) -> bool:
        """Whether the local date has any open time."""
        return bool(self._spec.hours_of(day, self._holidays))

    def is_holiday(self, day: date) -> bool:
        """Whether the local date is a public holiday or otherwise closed as a whole."""
        return day in self._spec.closed or day in self._holidays

    def add_workdays(self, at: datetime, days: int) -> datetime:
        """`days` working days after (before, if negative) `at`, at the same time of day.

        What falls outside open time moves on, in the direction of travel, to the next opening (or
        the last closing).
        """
        local = at.astimezone(self.zone)
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
        """The instant at which `duration` of open time has passed since `start`."""
        if self._always:
            return start.astimezone(UTC) + duration
        for period in self.periods(start):
            length = period.end - period.start
            if duration <= length:
                return period.start + duration
            duration -= length
        raise NeverOpen(f"not enough open time within ten years of {start.isoformat()}")

    def back(self, end: datetime, duration: timedelta) -> datetime:
        """The instant from which `duration` of open time passes until `end`."""
        if self._always:
            return end.astimezone(UTC) - duration
        for period in self.periods_before(end):
            length = period.end - period.start
            if duration <= length:
                return period.end - duration
            duration -= length
        raise NeverOpen(f"not enough open time within ten years before {end.isoformat()}")

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The open time between two instants; negative when `end` is earlier."""
        if end < start:
            return -self.elapsed(end, start)
        if self._always:
            return end - start
        total = ZERO
        for period in self._from(start, until=end):
            if period.start >= end:
                break
            total += min(period.end, end) - period.start
        return total

    def next_open(self, at: datetime) -> datetime:
        """The first open moment at or after `at`."""
        return at.astimezone(UTC) if self._always else next(self.periods(at)).start

    def previous_close(self, at: datetime) -> datetime:
        """`at` itself when it is open, else the end of the last open period before it."""
        if self.is_open(at):
            return at.astimezone(UTC)
        return next(self.periods_before(at)).end

    def periods(self, start: datetime) -> Iterator[Period]:
        """The open periods from `start` on, the first cut to begin there. Raises `NeverOpen`."""
        found = False
        for period in self._from(start, until=None):
            found = True
            yield period
        if not found:
            raise NeverOpen(f"no open moment within ten years of {start.isoformat()}")

    def periods_before(self, end: datetime) -> Iterator[Period]:
        """The open periods before `end`, backwards, the first cut to end there."""
        day = end.astimezone(self.zone).date()
        found = False
        for back in range(-1, SEARCH_DAYS):
            for period in reversed(self._day(day - back * DAY)):
                if period.start < end:
                    found = True
                    yield Period(period.start, min(period.end, end))
        if not found:
            raise NeverOpen(f"no open moment within ten years before {end.isoformat()}")

    def _from(self, start: datetime, until: datetime | None) -> Iterator[Period]:
        first = start.astimezone(self.zone).date() - DAY
        days = SEARCH_DAYS if until is None else (until - start).days + 4
        for number in range(days):
            for period in self._day(first + number * DAY):
                if period.end > start:
                    yield Period(max(period.start, start).astimezone(UTC), period.end)

    def _around(self, at: datetime) -> Iterator[Period]:
        day = at.astimezone(self.zone).date()
        yield from self._day(day - DAY)
        yield from self._day(day)

    def _day(self, day: date) -> tuple[Period, ...]:
        """The open periods that begin on a local date."""
        known = self._days.get(day)
        if known is None:
            hours = self._spec.hours_of(day, self._holidays)
            # What the evening before runs past midnight must not be counted twice.
            before = self._spec.hours_of(day - DAY, self._holidays) if self._spec.overnight else ()
            spill = max((one.end - 1440 * 60 for one in before), default=0)
            found = (self._period(day, one, spill) for one in hours)
            known = self._days[day] = tuple(one for one in found if one is not None)
        return known

    def _period(self, day: date, interval: Interval, spill: int) -> Period | None:
        start = self._instant(day, max(interval.start, spill))
        end = self._instant(day, interval.end)
        return Period(start, end) if start < end else None

    def _instant(self, day: date, seconds: int) -> datetime:
        days, rest = divmod(seconds, 86400)
        clock = time(rest // 3600, rest % 3600 // 60, rest % 60)
        return resolve(day + days * DAY, clock, self.zone)


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The instant of a local time: a skipped one moves later by the gap, a doubled is the first."""
    return datetime.combine(day, clock, zone).astimezone(UTC)
