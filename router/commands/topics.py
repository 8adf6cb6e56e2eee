"""`switchboard topics`: what the topics on Kafka are, and what they should be."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Malformed
from router import bootstrap
from router.log.kafka import KafkaLog
from router.log.kafka_topics import Difference
from router.rulebook_files import read_folder
from router.settings import Config, load
from rules.index import compile_rulebook

app = typer.Typer(help="Topics on Kafka: compare and apply.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option("--config", help="The config folder.")]


@app.command()
def diff(config: Folder = Path()) -> None:
    """Say how the topics differ from settings and rulebook; exit 1 when they do."""
    found = asyncio.run(_differences(load(config), apply=False))
    for one in found:
        typer.echo(str(one))
    if found:
        raise typer.Exit(1)


@app.command()
def apply(config: Folder = Path()) -> None:
    """Create the topics and set their settings; twice does no more than once."""
    for one in asyncio.run(_differences(load(config), apply=True)):
        typer.echo(f"applied: {one}")


async def _differences(config: Config, *, apply: bool) -> list[Difference]:
    queues = compile_rulebook(read_folder(config.path(config.settings.rulebook))).rulebook.queues
    async with bootstrap.connected(config) as log:
        if not isinstance(log, KafkaLog):
            raise Malformed(f"log: {config.settings.log}: only a log on Kafka has topics to apply")
        return await (log.apply(queues) if apply else log.differences(queues))
