"""`switchboard simulate`: a script through both stages in virtual time."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from channels.contract import encode
from router.commands.given import lines_of
from router.rulebook_files import read_folder
from router.simulate import Simulation, read_script
from rules.index import compile_rulebook


def simulate(
    script: Annotated[Path, typer.Argument(help="JSON lines; `-` reads stdin.")],
    rulebook: Annotated[Path, typer.Option(help="The rulebook's folder.")],
) -> None:
    """Play a script of requests, commands and passing time; print every event in order."""
    files = read_folder(rulebook)
    asyncio.run(_simulate(script, files))


async def _simulate(script: Path, files: dict[str, str]) -> None:
    simulation = Simulation(compile_rulebook(files), files, str(script))
    out = sys.stdout.buffer
    lines = read_script(iter(lines_of(str(script))), str(script))
    async for event in simulation.events(lines):
        out.write(encode(event) + b"\n")
    out.flush()
