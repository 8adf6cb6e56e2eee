"""Public holidays of countries (`CN`) and their parts (`US-CA`), by the `holidays` library."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import holidays


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays of several countries together; a date is in it or not."""

    countries: tuple[str, ...]
    _calendars: tuple[holidays.HolidayBase, ...] = field(compare=False, repr=False)

    @classmethod
    def of(cls, countries: Sequence[str]) -> "Holidays":
        """Those of ISO 3166 codes. Raises `ValueError` for a country or part without data."""
        return cls(tuple(countries), tuple(_country(name) for name in countries))

    def __bool__(self) -> bool:
        return bool(self.countries)

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
