"""`switchboard deadletter list / redrive`: what could not be processed, and its second chance."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from channels.contract import decode
from channels.errors import Malformed
from router import bootstrap
from router.deadletter import DeadLetter, again
from router.settings import load
from router.topics import DEADLETTER

app = typer.Typer(help="Look at what could not be processed, and send it through again.")

_Config = Annotated[Path, typer.Option("--config", help="The config folder.")]


@app.command("list")
def list_letters(
    config: _Config = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the dead letters: id, origin, error, problem."""
    asyncio.run(_list(config, as_json))


@app.command()
def redrive(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of dead letters.")] = None,
    config: _Config = Path(),
    every: Annotated[bool, typer.Option("--all", help="All that came from a topic.")] = False,
) -> None:
    """Publish dead letters to their topic again, under their own id: twice does no harm."""
    if bool(ids) == every:
        raise typer.BadParameter("give ids, or --all")
    asyncio.run(_redrive(config, set(ids or ()), every))


async def _list(config: Path, as_json: bool) -> None:
    async with bootstrap.connected(load(config)) as log:
        async for record in bootstrap.stored(log, DEADLETTER):
            letter = decode(DeadLetter, record.value)
            if as_json:
                print(json.dumps({"id": record.envelope.id} | json.loads(record.value)))
            else:
                print(f"{record.envelope.id}  {letter.at:%Y-%m-%d %H:%M:%S}Z  {letter.origin}  "
                      f"{letter.error}: {letter.problem}")  # fmt: skip


async def _redrive(config: Path, ids: set[str], every: bool) -> None:
    async with bootstrap.connected(load(config)) as log:
        done = skipped = 0
        async for record in bootstrap.stored(log, DEADLETTER):
            if not every and record.envelope.id not in ids:
                continue
            ids.discard(record.envelope.id)
            message = again(decode(DeadLetter, record.value))
            if message is None:
                skipped += 1
                typer.echo(f"{record.envelope.id}: no record of a topic; parse it anew", err=True)
                continue
            await log.publish([message])
            done += 1
        typer.echo(f"{done} sent again, {skipped} left", err=True)
        if ids:
            raise Malformed(f"no dead letter has the id {sorted(ids)[0]}")
        if skipped and not every:
            raise Malformed("some were not sent again: see above")
