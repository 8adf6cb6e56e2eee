"""`switchboard agent NAME`: a small desk in the terminal."""

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from channels.errors import Malformed, Unavailable
from router import bootstrap, records
from router.core.commands import Command
from router.desktop.view import View
from router.desktop.words import HELP, command
from router.log.protocol import Log, Record
from router.rulebook_history import rulebook_in_force
from router.settings import load
from router.topics import TICKETS_EVENTS, queue_topic
from router.visible import visible, visible_lines
from rules.people import Agent

AGAIN_SECONDS = 2.0
CONTINUED = "    "
"""Before the further lines of a text."""


def agent(
    name: Annotated[str, typer.Argument(help="The agent's id in the rulebook.")],
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
) -> None:
    """Work as an agent: presence, offers, tickets, replies. `help` lists what can be typed."""
    asyncio.run(_work(name, config))


async def _work(name: str, config: Path) -> None:
    async with bootstrap.connected(load(config)) as log:
        rulebook = (await rulebook_in_force(log)).rulebook
        spec = rulebook.agents.get(name)
        if spec is None:
            known = ", ".join(sorted(rulebook.agents))
            raise Malformed(f"the rulebook in force has no agent {name!r}; it has: {known}")
        # A supervisor looks after all queues of the pool, whichever they serve.
        supervisor = spec.role == "supervisor"
        queues = rulebook.pools[spec.pool].queues if supervisor else list(spec.queues)
        await Desk(log, name, spec, queues, rulebook.presence.lease.total_seconds()).run()


class Desk:
    """The view, what feeds it, and what the agent types."""

    def __init__(
        self, log: Log, name: str, spec: Agent, queues: Sequence[str], lease_seconds: float
    ) -> None:
        self._log = log
        self._spec = spec
        self._queues = queues
        self._lease_seconds = lease_seconds
        self._view = View(name)

    async def run(self) -> None:
        """Work until the agent quits; then go offline, unless the connection is lost."""
        feeding = asyncio.create_task(self._feed())
        renewing = asyncio.create_task(self._renew())
        typing = asyncio.create_task(self._type())
        tasks = {feeding, renewing, typing}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            if self._view.presence != "offline":
                with contextlib.suppress(Unavailable):  # then the lease ends by itself
                    await self._send(self._command("offline"))

    async def _feed(self) -> None:
        """Fold the events in; after an outage all of them anew, and only what is new is told."""
        told = newest = await self._log.now()
        while True:
            try:
                async for record in self._records():
                    newest = max(newest, record.stored_at)
                    lines = self._view.feed(
                        record.topic, record.envelope.type, json.loads(record.value),
                        record.envelope.id,
                    )  # fmt: skip
                    if record.stored_at >= told:
                        for line in lines:
                            print(
                                f"{record.stored_at.astimezone():%H:%M:%S} {visible(line)}",
                                flush=True,
                            )
            except Unavailable as error:
                print(f"the log does not answer, waiting: {error}", flush=True)
                await asyncio.sleep(AGAIN_SECONDS)
                self._view, told = View(self._view.agent), newest + timedelta(microseconds=1)

    async def _records(self) -> AsyncIterator[Record]:
        topics = [TICKETS_EVENTS, *(queue_topic(queue) for queue in self._queues)]
        async for delivery in self._log.subscribe(topics, None, from_start=True):
            for record in delivery.records:
                yield record

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if self._view.presence != "offline":
                with contextlib.suppress(Unavailable):
                    await self._send(self._command(self._view.presence))

    async def _type(self) -> None:
        print(f"desk of {self._spec.name or self._view.agent}; `help` lists what can be typed")
        async for line in self._lines():
            word = line.strip().lower()
            if word in {"quit", "exit"}:
                return
            if word == "help":
                print(HELP)
            elif word == "list":
                self._list()
            elif word.startswith("read"):
                self._read(line.strip()[4:].strip())
            elif word:
                await self._order(line)

    async def _lines(self) -> AsyncIterator[str]:
        if not sys.stdin.isatty():
            while line := await asyncio.to_thread(sys.stdin.readline):
                yield line
            return
        session: PromptSession[str] = PromptSession(f"{self._view.agent}> ")
        with patch_stdout():
            while True:
                try:
                    yield await session.prompt_async(
                        bottom_toolbar=lambda: self._view.countdown(datetime.now(UTC)),
                        refresh_interval=0.5,
                    )
                except (EOFError, KeyboardInterrupt):
                    return

    def _list(self) -> None:
        for heading, cards in (
            ("on offer", self._view.offers()),
            ("yours", self._view.mine()),
            ("waiting", self._view.waiting()),
        ):
            print(f"{heading}:")
            for card in cards:
                print(f"  {visible(card.title)}")

    def _read(self, name: str) -> None:
        card = self._view.card(name)
        if card is None:
            print(f"there is no ticket {name} here (list shows them)")
            return
        print(visible(card.title))
        for said in card.thread:
            print(f"  {visible_lines(said, CONTINUED)}")

    async def _order(self, line: str) -> None:
        try:
            await self._send(self._command(line))
        except Malformed as error:
            print(error)
        except Unavailable as error:
            print(f"not sent, try again: {error}")

    def _command(self, line: str) -> Command:
        identity = str(uuid.uuid4())
        now = datetime.now(UTC)
        return command(line, self._view, id=identity, lease_seconds=self._lease_seconds, now=now)

    async def _send(self, order: Command) -> None:
        await self._log.publish([records.command(order, self._spec.pool, datetime.now(UTC))])
