"""`switchboard deadletter list / redrive`: what could not be processed, and its second chance."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from channels.contract import encode
from channels.errors import Malformed
from router import bootstrap
from router.deadletter import Letters, again, redriven
from router.log.protocol import Log
from router.log.reading import stored
from router.settings import load
from router.topics import DEADLETTER
from router.visible import visible

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
    every: Annotated[
        bool, typer.Option("--all", help="All that came from a topic and were not yet sent again.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also what has been sent again before.")
    ] = False,
) -> None:
    """Publish dead letters to their topic again, under their own id, each once."""
    if bool(ids) == every:
        raise typer.BadParameter("give ids, or --all")
    asyncio.run(_redrive(config, set(ids or ()), every, again))


async def _letters(log: Log) -> Letters:
    letters = Letters()
    async for record in stored(log, DEADLETTER):
        letters.add(record)
    return letters


async def _list(config: Path, as_json: bool) -> None:
    async with bootstrap.connected(load(config)) as log:
        letters = await _letters(log)
    for id, letter in letters:
        again = letters.redriven.get(id)
        if as_json:
            stated = {"id": id, "redriven_at": again and again.isoformat()}
            print(json.dumps(stated | json.loads(encode(letter))))
        else:
            sent = f"  (sent again {again:%Y-%m-%d %H:%M:%S}Z)" if again else ""
            said = visible(f"{letter.origin}  {letter.error}: {letter.problem}")
            print(f"{id}  {letter.at:%Y-%m-%d %H:%M:%S}Z  {said}{sent}")


async def _redrive(config: Path, ids: set[str], every: bool, repeat: bool) -> None:
    async with bootstrap.connected(load(config)) as log:
        letters = await _letters(log)
        wanted = [(id, letter) for id, letter in letters if every or id in ids]
        unknown = ids - {id for id, _ in wanted}
        done = skipped = 0
        for id, letter in wanted:
            if id in letters.redriven and not repeat:
                typer.echo(f"{id}: was sent again before; repeat with --again", err=True)
                continue
            message = again(letter)
            if message is None:
                skipped += 1
                typer.echo(f"{id}: no record of a topic; parse it anew", err=True)
                continue
            await log.publish([message])
            await log.publish([redriven(id, letter, await log.now())])
            done += 1
        typer.echo(f"{done} sent again, {skipped} left", err=True)
    if unknown:
        raise Malformed(f"no dead letter has the id {min(unknown)}")
    if skipped and not every:
        raise Malformed("some were not sent again: see above")
