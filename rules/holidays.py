"""Public holidays of countries (`CN`) and their parts (`US-CA`), and China's make-up working days.

The holidays are those of the `holidays` library. Where a government announces each year which days
are off and which weekends are worked for them (China, 调休), its announcement holds, by
`chinesecalendar`; for a year not announced there is only what follows from the law.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import chinese_calendar
import holidays


class Official(NamedTuple):
    """What a government has announced: days off, weekends that are worked, and for which years."""

    off: frozenset[date]
    worked: frozenset[date]
    years: frozenset[int]


NATIONAL_DAY = (10, 1)
"""The last holiday of each of China's announcements: a year that has it is known as a whole."""

OFFICIAL = {
    "CN": Official(
        frozenset(chinese_calendar.holidays),
        frozenset(chinese_calendar.workdays),
        frozenset(
            day.year for day in chinese_calendar.holidays if (day.month, day.day) == NATIONAL_DAY
        ),
    )
}


class Country(NamedTuple):
    """The holidays of a country, or of a part of one, as `name` says."""

    name: str
    days: holidays.HolidayBase
    official: Official | None

    def has(self, day: date) -> bool:
        """Whether a date is a public holiday, or a day off in lieu of one."""
        if self.official is not None and day.year in self.official.years:
            return day in self.official.off or (
                day not in self.official.worked and day in self.days
            )
        return day in self.days

    def knows(self, year: int) -> bool:
        """Whether there are data for a year."""
        if self.official is not None:
            return year in self.official.years
        return self.days.start_year <= year <= self.days.end_year


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of several countries together; a date is in it or not."""

    countries: tuple[str, ...]
    _known: tuple[Country, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, countries: Sequence[str]) -> "Holidays":
        """Those of ISO 3166 codes. Raises `ValueError` for a country or part without data."""
        return cls(tuple(countries), tuple(_country(name) for name in countries))

    @property
    def announced(self) -> bool:
        """Whether any of the countries has its days announced year by year."""
        return any(one.official is not None for one in self._known)

    def is_worked(self, day: date) -> bool:
        """Whether a date is a make-up working day of one of the countries."""
        return any(one.official is not None and day in one.official.worked for one in self._known)

    def unknown(self, year: int) -> list[str]:
        """The countries for which there are no data for a year."""
        return [one.name for one in self._known if not one.knows(year)]

    def __bool__(self) -> bool:
        return bool(self.countries)

    def __contains__(self, day: date) -> bool:
        return any(one.has(day) for one in self._known)


def _country(name: str) -> Country:
    country, _, part = name.partition("-")
    try:
        days = holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(
            f"holidays: no data for {name!r} (ISO 3166 codes: CN, US, US-CA)"
        ) from None
    return Country(name, days, OFFICIAL.get(country))
