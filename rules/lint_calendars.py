"""What is odd about calendars: that the coming year is not covered."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from rules.coverage import gaps_ahead
from rules.dates import parse_spec
from rules.lint_routes import Finding
from rules.model import Rulebook


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
