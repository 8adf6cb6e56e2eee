"""`switchboard rulebook`: publish, list, show, roll back and compare versions of the rulebook."""

import asyncio
import getpass
import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from channels.errors import Malformed
from router import bootstrap
from router.commands.check import errors_shown
from router.commands.rulebook_diff import diff
from router.log.protocol import Log
from router.rulebook_files import read_folder, write_folder
from router.rulebook_following import put_in_force
from router.rulebook_history import Entry, before, find, history
from router.settings import load
from rules.load import load as load_rulebook
from rules.wording import did_you_mean

NEWEST = 20

app = typer.Typer(
    help="Versions of the rulebook: put in force, look at, roll back, compare.",
    no_args_is_help=True,
)

_Config = Annotated[Path, typer.Option("--config", help="The config folder.")]
_Note = Annotated[str, typer.Option("--note", help="Why: it stands in the history.")]
_By = Annotated[str, typer.Option("--by", help="Who: by default the user of this command.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_VERSION = "A version, at least 4 digits of it, an activation's number, or current."


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The rulebook's folder.")],
    config: _Config = Path(),
    note: _Note = "",
    by: _By = "",
    as_json: _Json = False,
) -> None:
    """Put a folder's rulebook in force; a wrong one changes nothing and ends with 1."""
    settings = load(config)

    async def published() -> tuple[Entry, bool]:
        files = read_folder(folder)
        async with bootstrap.connected(settings) as log:
            return await put_in_force(files, log, by=by or _user(), note=note)

    with errors_shown(as_json=as_json):
        entry, new = asyncio.run(published())
    _say(entry, as_json, new=new)


@app.command()
def rollback(
    version: Annotated[
        str | None,
        typer.Argument(metavar="VERSION", help=f"{_VERSION} By default the one before."),
    ] = None,
    config: _Config = Path(),
    note: _Note = "",
    by: _By = "",
    as_json: _Json = False,
) -> None:
    """Put an earlier version in force again: as a new activation, with the next number."""
    settings = load(config)

    async def rolled_back(log: Log) -> tuple[Entry, bool]:
        entries = await history(log)
        back = before(entries) if version is None else find(entries, version)
        what = f"{back} does not fit this program; nothing has changed:"
        with errors_shown(as_json=as_json, what=what):
            return await put_in_force(
                back.files, log, by=by or _user(), note=note,
                rollback_of=back.activation, over=entries[-1].activation,
            )  # fmt: skip

    async def run() -> tuple[Entry, bool]:
        async with bootstrap.connected(settings) as log:
            return await rolled_back(log)

    entry, new = asyncio.run(run())
    _say(entry, as_json, new=new)


def _user() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _say(entry: Entry, as_json: bool, *, new: bool) -> None:
    if as_json:
        print(json.dumps(_stated(entry) | {"new": new}, ensure_ascii=False))
    elif new:
        back = f", back to activation {entry.rollback_of}" if entry.rollback_of else ""
        print(f"{entry} is in force{back}")
    else:
        print(f"{entry} is in force already: nothing to do")


def _stated(entry: Entry) -> dict[str, Any]:
    """An activation for programs."""
    return {
        "activation": entry.activation,
        "version": entry.version,
        "at": entry.at.isoformat(),
        "by": entry.by,
        "note": entry.note,
        "origin": entry.origin,
        "rollback_of": entry.rollback_of,
    }


@app.command("list")
def list_versions(
    config: _Config = Path(),
    as_json: _Json = False,
    every: Annotated[bool, typer.Option("--all", help=f"Not only the newest {NEWEST}.")] = False,
) -> None:
    """List the activations, the one in force last."""
    entries = asyncio.run(_history(config))
    shown = entries if every else entries[-NEWEST:]
    counts = _routes(shown)
    for entry in shown:
        now = entry is entries[-1]
        if as_json:
            said = _stated(entry) | {"routes": counts[entry.version], "in_force": now}
            print(json.dumps(said, ensure_ascii=False))
        else:
            print(_row(entry, counts[entry.version], now=now))
    if len(shown) < len(entries):
        typer.echo(f"{len(entries) - len(shown)} earlier ones: --all", err=True)
    if not entries:
        typer.echo("no rulebook was ever in force here", err=True)


async def _history(config: Path) -> list[Entry]:
    async with bootstrap.connected(load(config)) as log:
        return await history(log)


def _routes(entries: Sequence[Entry]) -> dict[str, int | None]:
    """How many routes each version has, as it was counted when somebody put it in force.

    What was not counted is loaded; None for one that this program cannot read.
    """
    counts: dict[str, int | None] = {one.version: one.routes for one in entries if one.routes}
    for entry in entries:
        if entry.version not in counts:
            try:
                counts[entry.version] = len(load_rulebook(entry.files).routes)
            except Malformed:
                counts[entry.version] = None
    return counts


def _row(entry: Entry, routes: int | None, *, now: bool) -> str:
    has = "unreadable" if routes is None else f"{routes} routes"
    back = f"back to #{entry.rollback_of}" if entry.rollback_of else ""
    said = "; ".join(one for one in (back, " ".join(entry.note.split())) if one)
    by = entry.by or entry.origin
    mark = "*" if now else " "
    return (
        f"{mark} #{entry.activation:<4} {entry.version}  {entry.at:%Y-%m-%d %H:%M:%S}Z  "
        f"{has:>10}  {by}{f'  ({said})' if said else ''}"
    )


@app.command()
def show(
    version: Annotated[str, typer.Argument(metavar="VERSION", help=_VERSION)],
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="One of its files: its content.")
    ] = None,
    config: _Config = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write it to a new or empty folder.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show a version: what it is and its files, one file's content, or all of it as a folder."""
    if (file is not None) + (out is not None) + as_json > 1:
        raise typer.BadParameter("give one of FILE, --out and --json")
    entry = find(asyncio.run(_history(config)), version)
    if out is not None:
        write_folder(out, entry.files)
        typer.echo(f"{entry}: {len(entry.files)} files are in {out}", err=True)
    elif file is not None:
        sys.stdout.write(_file(entry, file))
    elif as_json:
        print(json.dumps(_stated(entry) | {"files": dict(entry.files)}, ensure_ascii=False))
    else:
        print(_row(entry, _routes([entry])[entry.version], now=False).strip())
        for name, text in sorted(entry.files.items()):
            print(f"{len(text.encode()):9} {name}")


def _file(entry: Entry, name: str) -> str:
    try:
        return entry.files[name]
    except KeyError:
        hint = did_you_mean(name, entry.files)
        raise Malformed(f"{entry} has no file {name!r}{hint}") from None


app.command()(diff)
