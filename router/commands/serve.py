"""`switchboard serve`: run."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from router import bootstrap, logs
from router.settings import Config, load

_log = structlog.get_logger(__name__)


def serve(
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
    roles: Annotated[
        str, typer.Option(help="What to run, separated by commas; by default all.")
    ] = ",".join(sorted(bootstrap.ROLES)),
) -> None:
    """Run the router, the channels and the senders until Ctrl-C or SIGTERM."""
    wanted = frozenset(role.strip() for role in roles.split(","))
    unknown = wanted - bootstrap.ROLES
    if unknown:
        known = ", ".join(sorted(bootstrap.ROLES))
        raise typer.BadParameter(f"--roles: {sorted(unknown)[0]!r} is none of {known}")
    logs.configure()
    asyncio.run(_serve(load(config), wanted))


async def _serve(config: Config, roles: frozenset[str]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with bootstrap.running(config, roles) as app:
        _log.info(
            "ready",
            roles=sorted(roles),
            smtp=app.smtp.port if app.smtp else None,
            http=app.http.port if app.http else None,
        )
        await app.until(asyncio.ensure_future(stop.wait()))
        _log.info("stopping")
