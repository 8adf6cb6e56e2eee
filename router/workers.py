"""Several router processes from one command: started, watched, started again, and stopped."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from pathlib import Path

import structlog

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SOUND_SECONDS = 60.0
"""A worker that has run for so long starts again without a longer pause."""

STOP_SECONDS = 30.0

_log = structlog.get_logger(__name__)


async def run_workers(config: Path, name: str, count: int) -> None:
    """Keep `count` workers `<name>-1` … running until SIGINT or SIGTERM; then stop them all."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    workers = [
        asyncio.create_task(_keep(config, f"{name}-{number}", stop))
        for number in range(1, count + 1)
    ]
    await asyncio.gather(*workers)


async def _keep(config: Path, name: str, stop: asyncio.Event) -> None:
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = asyncio.get_running_loop().time()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "router.cli", "serve", "--roles", "router",
            "--worker", name, "--config", str(config),
            stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _log.info("worker_started", worker=name, pid=process.pid)
        if await _ended(process, stop):
            return
        if asyncio.get_running_loop().time() - began > SOUND_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        _log.error("worker_died", worker=name, code=process.returncode, again_seconds=pause)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _ended(process: Process, stop: asyncio.Event) -> bool:
    """Wait for the end of a worker; whether it was us who ended it."""
    dying = asyncio.ensure_future(process.wait())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({dying, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not stop.is_set():
        return False
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await dying
    except TimeoutError:
        _log.error("worker_does_not_stop", pid=process.pid)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return True
