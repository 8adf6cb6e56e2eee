"""`switchboard calendar due / elapsed`: business-time arithmetic under a rulebook's calendars."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Malformed
from router.rulebook_files import read_folder
from rules.calendar import Calendar, NeverOpen
from rules.coverage import gaps
from rules.index import compile_rulebook
from rules.scalars import parse_duration
from rules.wording import did_you_mean

NOT_GUESSED = (
    "Nothing is guessed: weekly hours are counted, less the holidays that follow from the law."
)

app = typer.Typer(help="Business time: when is it due, how much has passed.", no_args_is_help=True)

_Rulebook = Annotated[Path, typer.Option("--rulebook", help="The rulebook's folder.")]
_Name = Annotated[str, typer.Argument(metavar="CALENDAR", help="Its id in the rulebook.")]
_Start = Annotated[
    str, typer.Argument(metavar="START", help="RFC 3339; without an offset, the calendar's time.")
]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object that says more.")]


@app.command()
def due(
    rulebook: _Rulebook,
    calendar: _Name,
    start: _Start,
    duration: Annotated[
        str, typer.Argument(metavar="DURATION", help="Open time, such as 90s, 15m, 4h, 2d.")
    ],
    as_json: _Json = False,
) -> None:
    """Print the instant (UTC) at which DURATION of open time has passed since START.

    2d are 48 hours of open time, not two working days. --json adds the calendar's local time.
    """
    found = _calendar(rulebook, calendar)
    begin, length = _instant(start, found), _duration(duration)
    with _answered(calendar):
        at = found.due(begin, length)
        local = at.astimezone(found.zone).isoformat()
    _say_gaps(calendar, found, begin, at)
    typer.echo(json.dumps({"due_at": _utc(at), "local": local}) if as_json else _utc(at))


@app.command()
def elapsed(
    rulebook: _Rulebook,
    calendar: _Name,
    start: _Start,
    end: Annotated[str, typer.Argument(metavar="END", help="As START.")],
    as_json: _Json = False,
) -> None:
    """Print the open time between START and END in seconds, negative when END is earlier.

    --json adds it in hours and minutes.
    """
    found = _calendar(rulebook, calendar)
    begin, until = _instant(start, found), _instant(end, found)
    with _answered(calendar):
        passed = found.elapsed(begin, until)
    _say_gaps(calendar, found, begin, until)
    seconds = passed.total_seconds()
    number = int(seconds) if seconds.is_integer() else seconds
    written = {"seconds": number, "duration": _readable(passed)}
    typer.echo(json.dumps(written if as_json else number))


@contextmanager
def _answered(calendar: str) -> Iterator[None]:
    """What a calendar cannot answer is the question's fault."""
    try:
        yield
    except (NeverOpen, OverflowError) as error:
        said = "beyond the years 1 to 9999" if isinstance(error, OverflowError) else error
        raise Malformed(f"calendar {calendar}: {said}") from None


def _say_gaps(name: str, calendar: Calendar, one: datetime, other: datetime) -> None:
    """Tell on stderr of the years between two instants for which not all dates are known."""
    years = sorted(at.astimezone(calendar.zone).year for at in (one, other))
    for gap in gaps(calendar.spec, *years):
        typer.echo(f"calendar {name}: {gap}. {NOT_GUESSED}", err=True)


def _calendar(rulebook: Path, name: str) -> Calendar:
    calendars = compile_rulebook(read_folder(rulebook)).calendars
    if name not in calendars:
        hint = did_you_mean(name, calendars)
        raise Malformed(f"the rulebook has no calendar {name!r}{hint}")
    return calendars[name]


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"DURATION: {error} (it is {text!r})") from None


def _instant(text: str, calendar: Calendar) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time such as 2027-01-04T09:00:00Z") from None
    return at.replace(tzinfo=calendar.zone) if at.tzinfo is None else at


def _readable(duration: timedelta) -> str:
    """`8h30m`, as a rulebook would write it; `-8h30m` when it is negative."""
    if duration < timedelta(0):
        return "-" + _readable(-duration)
    minutes, seconds = divmod(duration, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds.total_seconds(), "s"))
    return "".join(f"{number:g}{unit}" for number, unit in parts if number) or "0s"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
