"""`switchboard calendar due / elapsed`: business-time arithmetic under a rulebook's calendars."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Malformed
from router.rulebook_files import read_folder
from rules.calendar import Calendar, NeverOpen
from rules.index import compile_rulebook
from rules.model import format_duration, parse_duration
from rules.wording import did_you_mean

app = typer.Typer(help="Business time: when is it due, how much has passed.", no_args_is_help=True)

_Rulebook = Annotated[Path, typer.Option("--rulebook", help="The rulebook's folder.")]
_Name = Annotated[str, typer.Argument(metavar="CALENDAR")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object, with local times.")]


@app.command()
def due(
    rulebook: _Rulebook,
    calendar: _Name,
    start: Annotated[str, typer.Argument(help="RFC 3339; without an offset, local time.")],
    duration: Annotated[str, typer.Argument(help="Open time, such as 90s, 15m, 4h, 2d.")],
    as_json: _Json = False,
) -> None:
    """Print the instant (UTC) at which DURATION of open time has passed since START."""
    found = _calendar(rulebook, calendar)
    try:
        length = parse_duration(duration)
    except ValueError as error:
        raise typer.BadParameter(f"DURATION: {error}") from None
    try:
        at = found.due(_instant(start, found), length)
    except NeverOpen as error:
        raise Malformed(f"calendar {calendar}: {error}") from None
    local = at.astimezone(found.zone).isoformat()
    typer.echo(json.dumps({"due_at": _utc(at), "local": local}) if as_json else _utc(at))


@app.command()
def elapsed(
    rulebook: _Rulebook,
    calendar: _Name,
    start: Annotated[str, typer.Argument(help="RFC 3339; without an offset, local time.")],
    end: Annotated[str, typer.Argument(help="As START.")],
    as_json: _Json = False,
) -> None:
    """Print the open time between START and END, in seconds."""
    found = _calendar(rulebook, calendar)
    passed = found.elapsed(_instant(start, found), _instant(end, found))
    seconds = (
        f"{passed.total_seconds():g}" if passed.microseconds else str(int(passed.total_seconds()))
    )
    if as_json:
        typer.echo(json.dumps({"seconds": float(seconds), "duration": format_duration(passed)}))
    else:
        typer.echo(seconds)


def _calendar(rulebook: Path, name: str) -> Calendar:
    calendars = compile_rulebook(read_folder(rulebook)).calendars
    if name not in calendars:
        hint = did_you_mean(name, calendars)
        raise Malformed(f"the rulebook has no calendar {name!r}{hint}")
    return calendars[name]


def _instant(text: str, calendar: Calendar) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time such as 2027-01-04T09:00:00Z") from None
    return at.replace(tzinfo=calendar.zone) if at.tzinfo is None else at


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
