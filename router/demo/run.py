"""The demo: a whole Switchboard with its world around it, in one process."""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from router import bootstrap
from router.demo import summary, world
from router.demo.agents import Agents
from router.demo.board import Board
from router.demo.feeders import Feeders
from router.demo.outside import Mailbox, SmsProvider
from router.demo.traffic import Traffic, read
from router.log.protocol import Log
from router.rulebook_history import rulebook_in_force
from router.topics import TICKETS_EVENTS

SENDING_SECONDS = 12.0
"""How long the repository's own samples take to be sent; more inputs are sent as fast as taken."""

QUIET_SECONDS = 4.0
LONGEST_SECONDS = 40.0
SETTLE_SECONDS = 15.0


@dataclass
class Progress:
    """How far the sending is."""

    total: int
    sent: int = 0


async def demo(folder: Path | None, log: str, *, exit_when_done: bool) -> None:
    """Run the demo on `folder`'s inputs, or on the samples; print the summary at the end."""
    traffic = read(folder) if folder is not None else samples()
    console = Console(stderr=True)
    async with AsyncExitStack() as stack:
        stop = _stopped_by_signals()
        app, feeders = await _start(stack, log)
        progress, board = Progress(len(traffic.inputs)), Board()
        agents = Agents(app.log, (await rulebook_in_force(app.log)).rulebook)
        tasks = [
            asyncio.create_task(agents.run()),
            asyncio.create_task(_follow(app.log, board)),
        ]
        stack.push_async_callback(_cancel, tasks)
        await stack.enter_async_context(_shown(console, board, progress, _hint(app)))
        main = asyncio.create_task(_main(app, feeders, traffic, progress, exiting=exit_when_done))
        stopping = asyncio.create_task(stop.wait())
        await app.until(
            asyncio.ensure_future(
                asyncio.wait({main, stopping}, return_when=asyncio.FIRST_COMPLETED)
            )
        )
        if main.done():
            main.result()
        await _cancel([main, stopping])
        await feeders.close()
        counts = await _settled(app, feeders)
    _print(traffic, summary.summary(counts, feeders.handed))


def samples() -> Traffic:
    """The repository's own sample traffic."""
    with as_file(files("router") / "demo" / "samples") as folder:
        return read(folder)


def _stopped_by_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _print(traffic: Traffic, result: dict[str, object]) -> None:
    for suffix, count in sorted(traffic.skipped.items()):
        print(f"not sent: {count} files of no known kind ({suffix})", file=sys.stderr)
    for line in summary.readable(result):
        print(line)
    print(json.dumps(result, ensure_ascii=False))


async def _start(stack: AsyncExitStack, log: str) -> tuple[bootstrap.App, Feeders]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="switchboard-demo-")))
    mailbox, provider = Mailbox(), SmsProvider()
    mail_port, sms_port = await mailbox.start(), await provider.start()
    stack.push_async_callback(mailbox.stop)
    stack.push_async_callback(provider.stop)
    config = world.config(folder, log, mail_port=mail_port, sms_port=sms_port)
    app = await stack.enter_async_context(bootstrap.running(config))
    assert app.smtp is not None  # noqa: S101 - the demo's settings have all channels
    assert app.http is not None  # noqa: S101 - as above
    feeders = Feeders(app.smtp.port, app.http.port, folder / "queue_log", app.head.secrets)
    return app, feeders


async def _main(
    app: bootstrap.App,
    feeders: Feeders,
    traffic: Traffic,
    progress: Progress,
    *,
    exiting: bool,
) -> None:
    pause = SENDING_SECONDS / len(traffic.inputs) if len(traffic.inputs) < 500 else 0.0
    for one in traffic.inputs:
        await feeders.feed(one)
        progress.sent += 1
        await asyncio.sleep(pause)
    if not exiting:
        await asyncio.Event().wait()
    await _quiet(app)


async def _quiet(app: bootstrap.App) -> None:
    """Until nothing has happened to any ticket for a while, or it takes too long."""
    before, still = -1, 0.0
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SECONDS):
            while still < QUIET_SECONDS:
                await asyncio.sleep(0.5)
                now = sum((await summary.tally(app.log)).types.values())
                still = still + 0.5 if now == before else 0.0
                before = now


async def _settled(app: bootstrap.App, feeders: Feeders) -> summary.Tally:
    """The tally, once everything that was handed over has met its fate, or it takes too long."""
    counts = await summary.tally(app.log)
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while counts.lost(feeders.handed):
                await asyncio.sleep(0.2)
                counts = await summary.tally(app.log)
    return counts


async def _follow(log: Log, board: Board) -> None:
    async for delivery in log.subscribe([TICKETS_EVENTS], None, from_start=True):
        for record in delivery.records:
            board.take(record.envelope.type, json.loads(record.value))


def _hint(app: bootstrap.App) -> str:
    switchboard = Path(sys.executable).with_name("switchboard")
    return (
        "Ctrl-C stops and prints the summary. Meanwhile, in another terminal:\n"
        f"{switchboard} watch sla.escalations --config {app.config.folder}"
    )


@asynccontextmanager
async def _shown(
    console: Console, board: Board, progress: Progress, hint: str
) -> AsyncIterator[None]:
    """The live table on a terminal; elsewhere a line at the beginning."""
    if not console.is_terminal:
        print(f"sending {progress.total} inputs through sockets and files …", file=sys.stderr)
        yield
        return
    with Live(console=console, refresh_per_second=8, screen=False) as live:

        async def draw() -> None:
            while True:
                live.update(board.render(progress.sent, progress.total, hint))
                await asyncio.sleep(0.125)

        drawing = asyncio.create_task(draw())
        try:
            yield
        finally:
            drawing.cancel()
