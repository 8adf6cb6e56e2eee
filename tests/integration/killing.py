"""A real router on a real embedded server, killed at random moments under load.

The router is a process of its own, its server another. A producer and agents work over the log as
connectors and desktops do: they repeat what was not confirmed. At the end everything is read back
and handed to the checkers, which share no code with the router.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from channels.errors import SwitchboardError, Unavailable
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router import bootstrap, records
from router.core.commands import Command
from router.edges.intake import request_message
from router.log.protocol import Log, Message
from router.log.reading import stored
from router.settings import load
from tests.simulation.checkers import Rules, Run
from tests.simulation.reference import Sla
from tests.simulation.stored import event_of

RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas: {standard: {calendar: always, first_response: 2s, resolution: 60s, warn: [50%], ladder: duty}}
ladders: {duty: [{level: 1, after: 0s, notify: [a]}, {level: 2, after: 1s, notify: [b]}, {level: 3, after: 2s, notify: [c], move_to: rescue}]}
pools: {service: {queues: [billing, rescue]}}
queues: {billing: {offer_timeout: 1s}, rescue: {offer_timeout: 2s}}
agents:
  ann: {pool: service, queues: [billing], capacity: 5}
  bob: {pool: service, queues: [billing, rescue], capacity: 3}
routes: [{id: default, then: {queue: billing, sla: standard, ack: hello}}]
acks: {hello: {sms: "got it {{ ticket }}"}}
threading: {window: {sms: 1h}}
presence: {grace: 30s}
"""  # noqa: E501 - one thing a line reads better here

RULES = Rules(
    capacity={"ann": 5, "bob": 3},
    weights={},
    slas={"standard": Sla(2, None, 60, warn=(0.5,), levels=((1, 0), (2, 1), (3, 2)))},
)

TOPICS = (
    "requests.inbound", "tickets.events", "sla.escalations", "messages.outbound",
    "agent.commands", "deadletter",
)  # fmt: skip
START_SECONDS = 60


class Installation:
    """A config folder, and the process that runs these roles on it."""

    def __init__(self, folder: Path, roles: str = "router", settings: str = "") -> None:
        (folder / "rulebook").mkdir(parents=True)
        (folder / "rulebook" / "rules.yaml").write_text(RULEBOOK)
        (folder / "switchboard.yaml").write_text("namespace: kills\n" + settings)
        self.config = load(folder)
        self._roles = roles
        self._stderr = folder / "router.err"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start a router; return when it says that it is ready."""
        with self._stderr.open("ab") as errors:
            began = errors.tell()
            self._process = subprocess.Popen(  # noqa: ASYNC220 - to be killed without a loop
                [sys.executable, "-m", "router.cli", "serve", "--roles", self._roles,
                 "--config", str(self.config.folder)],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
            )  # fmt: skip
        async with asyncio.timeout(START_SECONDS):
            while b'"event": "ready"' not in self._stderr.read_bytes()[began:]:
                if self._process.poll() is not None:
                    raise AssertionError(self._stderr.read_bytes()[began:].decode())
                await asyncio.sleep(0.05)

    def kill_router(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_server(self) -> None:
        """The same for the log's server."""
        pid = self.config.path(self.config.settings.data) / "server.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pid.read_text()), signal.SIGKILL)

    def end(self) -> None:
        """Whatever happened: leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self.kill_server()


class Load:
    """Customers who write and agents who work, through outages."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self._installation = installation
        self._chance = chance
        self.sent = 0
        self.enough = False
        self._commands = 0

    async def write(self) -> None:
        """Publish requests until `enough`; each until it is confirmed, some twice.

        Never cancelled: a publish without its answer may be stored, and would not be counted.
        """
        while not self.enough:
            async with self._log() as log:
                while not self.enough:
                    request = self._request()
                    await self._confirmed(log, request_message(request))
                    self.sent += 1
                    await asyncio.sleep(self._chance.uniform(0, 0.02))

    def _request(self) -> CustomerRequest:
        external_id = f"m{self.sent}"
        return CustomerRequest(
            id=request_id("sms", "shop", external_id),
            channel="sms",
            account="shop",
            external_id=external_id,
            sender=Sender(address=f"+86{self._chance.randrange(1000, 1400)}"),
            text=f"message {self.sent}",
            received_at=datetime.now(UTC),
        )

    async def _confirmed(self, log: Log, message: Message) -> None:
        while True:
            try:
                await log.publish([message])
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return

    async def work(self) -> None:
        """Agents accept most offers, reply and resolve; until cancelled."""
        while True:
            with contextlib.suppress(SwitchboardError):
                async with self._log() as log:
                    for name in ("ann", "bob"):
                        await self._send(log, name, "presence", state="available")
                    subscription = log.subscribe(["agent.queue.*"], "desks", from_start=True)
                    async for delivery in subscription:
                        for record in delivery.records:
                            if record.envelope.type == "ticket.offered":
                                await self._handle(log, json.loads(record.value))
                        await subscription.ack(delivery)
            await asyncio.sleep(0.1)

    async def _handle(self, log: Log, offer: dict[str, Any]) -> None:
        if self._chance.random() < 0.1:
            return
        common = {"ticket": offer["ticket"]}
        await self._send(log, offer["agent"], "accept", offer=offer["offer"], **common)
        if self._chance.random() < 0.9:
            await self._send(log, offer["agent"], "reply", text="hello", **common)
        await self._send(log, offer["agent"], "resolve", **common)

    async def _send(self, log: Log, agent: str, command: Any, **fields: Any) -> None:
        self._commands += 1
        order = Command(id=f"c{self._commands}", agent=agent, command=command, **fields)
        await self._confirmed(log, records.command(order, "service", datetime.now(UTC)))

    @contextlib.asynccontextmanager
    async def _log(self) -> Any:
        while True:
            try:
                connection = bootstrap.connected(self._installation.config)
                log = await connection.__aenter__()
            except Unavailable:
                await asyncio.sleep(0.05)
                continue
            try:
                yield log
            finally:
                await connection.__aexit__(None, None, None)
            return


async def run(folder: Path, seed: int, kills: int) -> tuple[Run, int]:
    """So many kills under load; everything that is in the log afterwards, and what was sent."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    installation = Installation(folder)
    try:
        await installation.start()
        load_ = Load(installation, random.Random(seed + 1))  # noqa: S311 - as above
        tasks = [asyncio.create_task(load_.write()), asyncio.create_task(load_.work())]
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await _kill(installation, chance.choice(["router", "server", "both"]))
        await asyncio.sleep(1)
        load_.enough = True
        await tasks[0]
        await asyncio.sleep(6)  # the last target and every level of its ladder lapse
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Topics are read one after another: nobody must write meanwhile. The server lives on.
        installation.kill_router()
        return await _read(installation), load_.sent
    finally:
        installation.end()


async def _kill(installation: Installation, victim: str) -> None:
    if victim in {"server", "both"}:
        installation.kill_server()
    if victim in {"router", "both"}:
        installation.kill_router()
        await installation.start()


async def _read(installation: Installation) -> Run:
    events = []
    async with bootstrap.connected(installation.config) as log:
        ended = await log.now()
        for topic in TOPICS:
            events += [event_of(record) async for record in stored(log, topic)]
    return Run(events, ended)
