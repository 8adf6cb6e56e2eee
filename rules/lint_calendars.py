"""What is odd about calendars: that the coming year is not covered, that shifts are over."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from rules.calendar import Calendar, NeverOpen
from rules.coverage import gaps_ahead
from rules.dates import parse_spec
from rules.lint_routes import Finding
from rules.model import CalendarSpec, Rulebook


def uncovered(rulebook: Rulebook, files: Mapping[str, str], at: datetime) -> Iterator[Finding]:
    """Calendars that are not known for the coming weeks, which may be the next year's."""
    for name, calendar in rulebook.calendars.items():
        try:
            spec = parse_spec(calendar, files)
        except ValueError:  # an error, which compiling names
            continue
        place = "holidays" if calendar.overlay is None else "overlay"
        for gap in gaps_ahead(spec, at):
            yield ("calendars", name, place), f"calendar {name!r}: {gap}"


def no_shifts(rulebook: Rulebook, files: Mapping[str, str], at: datetime) -> Iterator[Finding]:
    """Agents whose shifts are over for good: they are offered nothing."""
    for name, agent in rulebook.agents.items():
        calendar = rulebook.calendars.get(agent.calendar or "")
        if calendar is not None and _is_over(calendar, files, at):
            said = f"agent {name!r} has no shift any more: {agent.calendar!r} does not open again"
            yield ("agents", name, "calendar"), said


def _is_over(calendar: CalendarSpec, files: Mapping[str, str], at: datetime) -> bool:
    try:
        Calendar.build(calendar, files).next_open(at)
    except NeverOpen:
        return True
    except (ValueError, OverflowError):  # an error, which compiling names
        return False
    return False
