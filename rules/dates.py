"""What is written about hours and dates, read: weekly hours, holidays, overlays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import yaml

from rules.model import CalendarSpec

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_SECONDS = 86400
_INTERVAL = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?-(\d{1,2}):(\d{2})(?::(\d{2}))?")


class Interval(NamedTuple):
    """Seconds of a local day; `end` is beyond 86400 when it runs past midnight."""

    start: int
    end: int


Hours = tuple[Interval, ...]


class Holidays:
    """Public holidays of countries (`CN`) and their parts (`US-CA`), by the `holidays` library."""

    def __init__(self, countries: Sequence[str]) -> None:
        self._countries = tuple(countries)
        self._calendars = [_country(name) for name in self._countries]

    def __bool__(self) -> bool:
        return bool(self._countries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Holidays) and self._countries == other._countries

    def __hash__(self) -> int:
        return hash(self._countries)

    def __contains__(self, day: date) -> bool:
        return any(day in calendar for calendar in self._calendars)


def _country(name: str) -> holidays.HolidayBase:
    country, _, part = name.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(
            f"holidays: no data for {name!r} (ISO 3166 codes: CN, US, US-CA)"
        ) from None


@dataclass(frozen=True)
class Spec:
    """A calendar's spec, read. `weekly` has seven entries from Monday; no hours: closed."""

    zone: ZoneInfo
    weekly: tuple[Hours, ...]
    closed: frozenset[date]
    special: Mapping[date, Hours]
    breaks: Mapping[date, Hours]
    overlay: Mapping[date, Hours]

    @property
    def always(self) -> bool:
        """Whether nothing but a public holiday can close it."""
        dated = self.closed or self.special or self.breaks or self.overlay
        return not dated and all(hours == (Interval(0, DAY_SECONDS),) for hours in self.weekly)

    @property
    def overnight(self) -> bool:
        """Whether some hours run past midnight."""
        every = (*self.weekly, *self.special.values(), *self.overlay.values())
        return any(one.end > DAY_SECONDS for hours in every for one in hours)

    def hours_of(self, day: date, public: Holidays) -> Hours:
        """The open hours of a local date."""
        if day in self.overlay:
            hours = self.overlay[day]
        elif day in self.closed or day in public:
            hours = ()
        else:
            hours = self.special.get(day, self.weekly[day.weekday()])
        return without(hours, self.breaks[day]) if day in self.breaks else hours


def without(hours: Hours, breaks: Hours) -> Hours:
    """The hours less the breaks."""
    left = list(hours)
    for gap in breaks:
        cut = [
            piece
            for one in left
            for piece in (
                Interval(one.start, min(one.end, gap.start)),
                Interval(max(one.start, gap.end), one.end),
            )
        ]
        left = [piece for piece in cut if piece.start < piece.end]
    return tuple(sorted(left))


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
        closed=frozenset(parse_date(one, "closed") for one in spec.closed),
        special={
            parse_date(day, "special"): parse_hours(hours, f"special.{day}")
            for day, hours in spec.special.items()
        },
        breaks={
            parse_date(day, "breaks"): parse_hours(hours, f"breaks.{day}")
            for day, hours in spec.breaks.items()
        },
        overlay=parse_overlay(files[spec.overlay], spec.overlay, weekly) if spec.overlay else {},
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
    if start == end:
        raise ValueError(f"{where}: {text!r} is empty (a whole day is 00:00-24:00)")
    return Interval(start, end if end > start else end + DAY_SECONDS)


def _seconds(hour: int, minute: int, second: int, *, where: str) -> int:
    seconds = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or seconds > DAY_SECONDS:
        raise ValueError(f"{where}: {hour:02}:{minute:02} is not a time of day (00:00 to 24:00)")
    return seconds


def parse_date(text: object, where: str) -> date:
    """`2026-12-31`."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise ValueError(f"{where}: {text!r} is not a date such as 2026-12-31") from None


def parse_overlay(text: str, name: str, weekly: tuple[Hours, ...]) -> dict[date, Hours]:
    """A dated overlay: `2027-02-07: work`, `2027-02-08: off`, `2027-02-09: ["10:00-16:00"]`.

    `work` (a make-up working day) has the hours of the week's first working day.
    """
    try:
        data = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes strings only
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: not YAML: {error}") from None
    if not isinstance(data, dict):  # noqa: TRY004 - callers catch what a user got wrong
        raise ValueError(f"{name}: expected dates: `2027-02-07: work`")
    working = next((hours for hours in weekly if hours), ())
    found: dict[date, Hours] = {}
    for day, value in data.items():
        if value == "off":
            found[parse_date(day, name)] = ()
        elif value == "work":
            found[parse_date(day, name)] = working
        elif isinstance(value, list):
            found[parse_date(day, name)] = parse_hours(value, f"{name}: {day}")
        else:
            raise ValueError(f"{name}: {day}: expected work, off or hours, not {value!r}")
    return found
