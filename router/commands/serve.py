"""`switchboard serve`: run."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer

from router import bootstrap, logs
from router.kafka_cluster import SCHEME
from router.settings import Config, load
from router.workers import run_workers

_log = structlog.get_logger(__name__)


def serve(
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
    roles: Annotated[
        str, typer.Option(help="What to run, separated by commas; by default all.")
    ] = ",".join(sorted(bootstrap.ROLES)),
    worker: Annotated[
        str, typer.Option(help="This process's name among those that share a Kafka log.")
    ] = bootstrap.WORKER,
    workers: Annotated[
        int, typer.Option(min=1, help="So many processes of these roles, on a Kafka log.")
    ] = 1,
) -> None:
    """Run the router, the channels and the senders until Ctrl-C or SIGTERM."""
    wanted = frozenset(role.strip() for role in roles.split(","))
    unknown = wanted - bootstrap.ROLES
    if unknown:
        known = ", ".join(sorted(bootstrap.ROLES))
        raise typer.BadParameter(f"--roles: {sorted(unknown)[0]!r} is none of {known}")
    logs.configure()
    settings = load(config)
    if workers == 1:
        asyncio.run(_serve(settings, wanted, worker))
    elif wanted != {"router"} or not settings.settings.log.startswith(SCHEME):
        raise typer.BadParameter("--workers: only with --roles router, and a log on Kafka")
    else:
        asyncio.run(run_workers(config, worker, workers))


async def _serve(config: Config, roles: frozenset[str], worker: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with bootstrap.running(config, roles, worker) as app:
        _log.info(
            "ready",
            roles=sorted(roles),
            smtp=app.smtp.port if app.smtp else None,
            http=app.http.port if app.http else None,
        )
        await app.until(asyncio.ensure_future(stop.wait()))
        _log.info("stopping")
