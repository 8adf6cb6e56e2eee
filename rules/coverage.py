"""For which years a calendar's dates are known: nothing is guessed without saying so.

China announces its days off and make-up working days each autumn for the next year. Until then, or
until the library or the calendar's overlay has them, that year has its weekly hours and the
holidays that follow from the law, and whoever counts in it is told.
"""

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from rules.dates import Spec

HORIZON = timedelta(days=60)
"""So far ahead a calendar must be known: the announcements come in November, now and then late."""


class Gap(NamedTuple):
    """Years for which not all dates of a calendar are known."""

    first: int
    last: int
    reason: str

    def __str__(self) -> str:
        years = f"{self.first} is" if self.first == self.last else f"{self.first}-{self.last} are"
        return f"{years} not covered: {self.reason}"


def gaps(spec: Spec, first: int, last: int) -> list[Gap]:
    """The years from `first` to `last` that are not covered, those with the same reason as one."""
    found: list[Gap] = []
    for reason, years in groupby(range(first, last + 1), lambda year: reason_against(spec, year)):
        if reason is not None:
            of_reason = list(years)
            found.append(Gap(of_reason[0], of_reason[-1], reason))
    return found


def reason_against(spec: Spec, year: int) -> str | None:
    """Why a year is not covered; None when it is. An overlay with dates of the year covers it."""
    if any(day.year == year for day in spec.overlay):
        return None
    unknown = spec.holidays.unknown(year)
    if unknown:
        names = ", ".join(unknown)
        return f"the days off of {names} are not known; write them into an overlay"
    last: date | None = max(spec.overlay, default=None)
    if last is not None and last.year < year and not spec.holidays.announced:
        return f"the overlay ends with {last.isoformat()}"
    return None


def gaps_ahead(spec: Spec, at: datetime) -> list[Gap]:
    """What is not covered from `at` on for as long as it must be."""
    return gaps(spec, at.astimezone(spec.zone).year, (at + HORIZON).astimezone(spec.zone).year)
