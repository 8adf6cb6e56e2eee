"""Agents who work by a script, over the same topics and commands that every desktop uses.

Each accepts what is offered, reads, answers and resolves; the one named in `DECLINES` declines
the first offer, and nobody serves the queues in `UNATTENDED`: what waits there lapses, climbs the
ladder, and ends where the ladder moves it.
"""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from channels.errors import Unavailable
from router import records
from router.core.commands import Command
from router.log.protocol import Log
from rules.model import Rulebook
from rules.people import Agent

UNATTENDED = frozenset({"repairs"})
READS_SECONDS = 0.4
ANSWERS_SECONDS = 0.8
LEASE_SECONDS = 30.0

ANSWERS = {
    "zh": "您好，已为您处理，如有其他问题请随时联系。",
    "en": "Hello, this is settled now. Do write again if anything is left.",
}


class Agents:
    """All agents of the demo, driven by what their queues' topics say."""

    def __init__(self, log: Log, rulebook: Rulebook) -> None:
        self._log = log
        self._staff = {
            name: spec
            for name, spec in rulebook.agents.items()
            if not UNATTENDED.issuperset(spec.queues)
        }
        self._declined: set[str] = set()
        self._count = 0
        self._languages: dict[str, str | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Come to work, and do what is offered, until cancelled."""
        for name, spec in self._staff.items():
            await self._send(name, spec, "presence", state="available")
        async for delivery in self._log.subscribe(["agent.queue.*"], None, from_start=True):
            for record in delivery.records:
                data = json.loads(record.value)
                if record.envelope.type == "ticket.queued":
                    self._languages[data["ticket"]] = data.get("language")
                elif record.envelope.type == "ticket.offered" and data["agent"] in self._staff:
                    self._begin(self._work(data["agent"], data))
                elif record.envelope.type == "ticket.message" and data.get("agent"):
                    self._begin(self._answer(data["agent"], data["ticket"]))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, name: str, offer: dict[str, Any]) -> None:
        spec, ticket = self._staff[name], offer["ticket"]
        await asyncio.sleep(READS_SECONDS)
        if name == min(self._staff) and name not in self._declined:
            self._declined.add(name)
            await self._send(name, spec, "decline", ticket=ticket, offer=offer["offer"])
            return
        await self._send(name, spec, "accept", ticket=ticket, offer=offer["offer"])
        await self._answer(name, ticket)
        await asyncio.sleep(READS_SECONDS)
        await self._send(name, spec, "resolve", ticket=ticket)

    async def _answer(self, name: str, ticket: str) -> None:
        spec = self._staff.get(name)
        if spec is None:
            return
        await asyncio.sleep(ANSWERS_SECONDS)
        language = (self._languages.get(ticket) or "zh").partition("-")[0]
        text = ANSWERS.get(language, ANSWERS["en"])
        await self._send(name, spec, "reply", ticket=ticket, text=text)

    async def _send(self, name: str, spec: Agent, command: Any, **fields: Any) -> None:
        self._count += 1
        order = Command(id=f"demo-{self._count}", agent=name, command=command, **fields)
        with contextlib.suppress(Unavailable):
            await self._log.publish([records.command(order, spec.pool, datetime.now(UTC))])
