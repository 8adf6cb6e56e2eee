"""`switchboard demo`: everything in one process, with sample traffic."""

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from router import logs
from router.bootstrap import EMBEDDED
from router.demo.run import demo as run


def demo(
    exit_when_done: Annotated[
        bool, typer.Option("--exit", help="Stop when the inputs are handled.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--input", help="A folder of your own .eml, .form, .jsonl, queue_log files."),
    ] = None,
    log: Annotated[
        str, typer.Option(help="Instead of the embedded log: kafka://host:9092 or redis://host.")
    ] = EMBEDDED,
) -> None:
    """Run everything on the embedded log, with traffic through real sockets; print a summary."""
    logs.configure(logging.ERROR)
    asyncio.run(run(folder, log, exit_when_done=exit_when_done))
