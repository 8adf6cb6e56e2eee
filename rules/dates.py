"""What is written about hours and dates, read: weekly hours, holidays, overlays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rules.holidays import Holidays
from rules.model import CalendarSpec
from rules.source import read

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKEND = WEEKDAYS.index("sat")
DAY_SECONDS = 86400
_INTERVAL = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?-(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)


class Interval(NamedTuple):
    """Seconds of a local day; `end` is beyond 86400 when it runs past midnight."""

    start: int
    end: int


Hours = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A calendar's spec, read. `weekly` has seven entries from Monday; no hours: closed."""

    zone: ZoneInfo
    weekly: tuple[Hours, ...]
    holidays: Holidays
    closed: frozenset[date]
    special: Mapping[date, Hours] = field(hash=False)
    breaks: Mapping[date, Hours] = field(hash=False)
    overlay: Mapping[date, Hours] = field(hash=False)

    @property
    def always(self) -> bool:
        """Whether nothing can ever close it."""
        dated = self.holidays or self.closed or self.special or self.breaks or self.overlay
        return not dated and all(hours == (Interval(0, DAY_SECONDS),) for hours in self.weekly)

    @property
    def hours_made_up(self) -> Hours:
        """The hours of a make-up working day: those of the first weekday that has any, or none."""
        return next((hours for hours in self.weekly[:WEEKEND] if hours), ())

    @property
    def opens(self) -> bool:
        """Whether there are any hours at all."""
        return any((*self.weekly, *self.special.values(), *self.overlay.values()))

    def hours_of(self, day: date) -> Hours:
        """The hours that begin on a local date, breaks not yet taken out."""
        if day in self.overlay:
            return self.overlay[day]
        if day in self.closed or day in self.holidays:
            return ()
        if day in self.special:
            return self.special[day]
        usual = self.weekly[day.weekday()]
        return self.hours_made_up or usual if self.holidays.is_worked(day) else usual


def parse_spec(spec: CalendarSpec, files: Mapping[str, str]) -> Spec:
    """A rulebook's calendar, read. Raises `ValueError` that says what was expected."""
    try:
        zone = ZoneInfo(spec.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"timezone: {spec.timezone!r} is not an IANA time zone (Asia/Shanghai)"
        ) from None
    weekly = parse_weekly(spec.hours)
    return Spec(
        zone=zone,
        weekly=weekly,
        holidays=Holidays.of(spec.holidays),
        closed=frozenset(parse_date(one, "closed") for one in spec.closed),
        special={
            parse_date(day, "special"): parse_hours(hours, f"special.{day}")
            for day, hours in spec.special.items()
        },
        breaks={
            parse_date(day, "breaks"): parse_hours(hours, f"breaks.{day}")
            for day, hours in spec.breaks.items()
        },
        overlay=parse_overlay(files, spec.overlay, weekly) if spec.overlay else {},
    )


def parse_weekly(hours: Mapping[str, Sequence[str]]) -> tuple[Hours, ...]:
    """`{mon-fri: ["09:00-12:00", …], sat: […]}` as seven days from Monday."""
    weekly: dict[int, Hours] = {}
    for days, written in hours.items():
        for number in parse_days(days):
            if number in weekly:
                raise ValueError(f"hours: {WEEKDAYS[number]} stands twice")
            weekly[number] = parse_hours(written, f"hours.{days}")
    return tuple(weekly.get(number, ()) for number in range(7))


def parse_days(text: str) -> list[int]:
    """`mon-fri`, `sat`, `mon,wed`, `fri-mon` (across the week's end) as numbers from Monday."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = (one.strip().lower() for one in part.partition("-"))
        names = (first, last) if dash else (first,)
        for name in names:
            if name not in WEEKDAYS:
                raise ValueError(f"hours: {name!r} is not a weekday ({', '.join(WEEKDAYS)})")
        start = WEEKDAYS.index(first)
        length = (WEEKDAYS.index(names[-1]) - start) % 7 + 1
        numbers += [(start + step) % 7 for step in range(length)]
    return numbers


def parse_hours(written: Sequence[str], where: str) -> Hours:
    """`["09:00-12:00", "13:00-18:00"]` in order. `22:00-06:00` runs into the next day."""
    found = sorted(parse_interval(text, where) for text in written)
    for one, following in pairwise(found):
        if following.start < one.end:
            raise ValueError(f"{where}: the intervals overlap")
    return tuple(found)


def parse_interval(text: str, where: str) -> Interval:
    """`09:00-12:00`; seconds may follow the minutes."""
    match = _INTERVAL.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"{where}: {text!r} is not an interval such as 09:00-12:00")
    numbers = [int(group or 0) for group in match.groups()]
    start = _seconds(*numbers[:3], where=where)
    end = _seconds(*numbers[3:], where=where)
    if start in {end, DAY_SECONDS}:
        raise ValueError(f"{where}: {text!r} is empty (a whole day is 00:00-24:00)")
    return Interval(start, end if end > start else end + DAY_SECONDS)


def _seconds(hour: int, minute: int, second: int, *, where: str) -> int:
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > DAY_SECONDS:
        raise ValueError(f"{where}: {hour:02}:{minute:02} is not a time of day (00:00 to 24:00)")
    return seconds


def parse_date(text: str, where: str) -> date:
    """`2026-12-31`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f"{where}: {text!r} is not a date such as 2026-12-31")
    return day


def parse_overlay(
    files: Mapping[str, str], name: str, weekly: tuple[Hours, ...]
) -> dict[date, Hours]:
    """A dated overlay: `2027-02-07: work`, `2027-02-08: off`, `2027-02-09: ["10:00-16:00"]`.

    `work` (a make-up working day) has the hours of the week's first working day.
    """
    if name not in files:
        raise ValueError(f"overlay: no file {name!r}")
    document = read(name, files[name])
    if document.problems:
        raise ValueError(str(document.problems[0]))
    if not isinstance(document.data, dict):
        raise ValueError(f"{name}: expected dates: `2027-02-07: work`")  # noqa: TRY004 - the user's mistake, not a caller's
    working = next((hours for hours in weekly if hours), ())
    found: dict[date, Hours] = {}
    for key, value in document.data.items():
        place = document.keys[(key,)]
        where = f"{name}:{place.line}:{place.column}"
        found[parse_date(key, where)] = _overlaid(value, f"{where}: {key}", working)
    return found


def _overlaid(value: object, where: str, working: Hours) -> Hours:
    if value is False or value == "off":  # YAML's bare word `off` is its false
        return ()
    if isinstance(value, list) and value:
        return parse_hours(value, where)
    if value != "work":
        raise ValueError(f"{where}: expected work, off or hours, not {value!r}")
    if not working:
        raise ValueError(f"{where}: work has the hours of a weekday, and none has any")
    return working
