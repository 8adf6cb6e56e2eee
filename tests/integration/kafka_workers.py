"""Router workers on a real Kafka, killed, paused and replaced under load, as is their broker.

Workers are processes of their own. A producer and agents work over the log as connectors and
desktops do: they repeat what was not confirmed. At the end a plain consumer reads everything that
is committed and hands it to the checkers, which share no code with the router.
"""

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from channels.errors import SwitchboardError, Unavailable
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router import bootstrap, records
from router.core.commands import Command
from router.edges.intake import request_message
from router.log.protocol import Log, Message
from router.settings import Config, load
from tests.kafka.cluster import Cluster
from tests.simulation.checkers import Event, Rules, Run
from tests.simulation.reference import Sla

NAMESPACE = "faults"
POOLS = {"ann": "service", "bob": "service", "cat": "sales", "dan": "sales"}
RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas: {standard: {calendar: always, first_response: 20s, resolution: 10m, warn: [50%], ladder: duty}}
ladders: {duty: [{level: 1, after: 0s, notify: [a]}, {level: 2, after: 2s, notify: [b]}]}
pools: {service: {queues: [billing, rescue]}, sales: {queues: [orders]}}
queues: {billing: {offer_timeout: 5s}, rescue: {offer_timeout: 5s}, orders: {offer_timeout: 5s}}
agents:
  ann: {pool: service, queues: [billing], capacity: 20}
  bob: {pool: service, queues: [billing, rescue], capacity: 15}
  cat: {pool: sales, queues: [orders], capacity: 20}
  dan: {pool: sales, queues: [orders], capacity: 10}
routes:
  - {id: orders, when: {text: {keywords: [order]}}, then: {queue: orders, sla: standard, ack: hello}}
  - {id: default, then: {queue: billing, sla: standard, ack: hello}}
acks: {hello: {sms: "got it {{ ticket }}"}}
threading: {window: {sms: 1h}}
presence: {grace: 60s}
"""  # noqa: E501 - one thing a line reads better here

RULES = Rules(
    capacity={"ann": 20, "bob": 15, "cat": 20, "dan": 10},
    weights={},
    slas={"standard": Sla(20, None, 600, warn=(0.5,), levels=((1, 0), (2, 2)))},
)
START_SECONDS = 90
ANNOUNCED_EVERY_SECONDS = 3.0
QUIET_SECONDS = 5
QUIET_WITHIN_SECONDS = 300
BATCH = 20


def config(folder: Path, kafka: Cluster) -> Config:
    """A config folder for this cluster: six triage and four dispatch shards."""
    (folder / "rulebook").mkdir(parents=True)
    (folder / "rulebook" / "rules.yaml").write_text(RULEBOOK)
    (folder / "switchboard.yaml").write_text(
        f"namespace: {NAMESPACE}\nlog: kafka://{kafka.bootstrap}\nkafka: {{replication: 1}}\n"
        "triage_partitions: 6\ndispatch_partitions: 4\n"
    )
    return load(folder)


class Worker:
    """One router process under a name of its own."""

    def __init__(self, config: Config, name: str) -> None:
        self._config = config
        self._name = name
        self._stderr = config.folder / f"{name}.err"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; `ready` says when it works."""
        with self._stderr.open("ab") as errors:
            self._began = errors.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "router.cli", "serve", "--roles", "router",
                 "--worker", self._name, "--config", str(self._config.folder)],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
            )  # fmt: skip

    async def ready(self) -> None:
        """Until its shards are restored and caught up."""
        async with asyncio.timeout(START_SECONDS):
            while b'"event": "ready"' not in self._said():
                assert self._process is not None
                assert self._process.poll() is None, self._said().decode()[-3_000:]
                await asyncio.sleep(0.1)

    def _said(self) -> bytes:
        return self._stderr.read_bytes()[self._began :]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> None:
        """SIGTERM; it leaves the group."""
        self.signal(signal.SIGTERM)
        assert self._process is not None
        await asyncio.to_thread(self._process.wait, 30)


class Load:
    """Customers who write and agents who work, through outages."""

    def __init__(self, config: Config, seed: int, requests: int) -> None:
        self._config = config
        self._chance = random.Random(seed)  # noqa: S311 - texts, not secrets
        self._requests = requests
        self._commands = 0
        self._announced = -ANNOUNCED_EVERY_SECONDS
        self.sent = 0

    async def write(self, seconds: float) -> None:
        """Publish all requests, evenly over the time: each until confirmed, some batches twice."""
        pause = seconds * BATCH / self._requests
        async with self._log() as log:
            while self.sent < self._requests:
                batch = [request_message(self._request(self.sent + n)) for n in range(BATCH)]
                await self._confirmed(log, batch)
                if self._chance.random() < 0.05:
                    await self._confirmed(log, batch)
                self.sent += BATCH
                await asyncio.sleep(pause)

    def _request(self, number: int) -> CustomerRequest:
        what = self._chance.choice(["order", "invoice"])
        external_id = f"m{number}"
        return CustomerRequest(
            id=request_id("sms", "shop", external_id),
            channel="sms",
            account="shop",
            external_id=external_id,
            sender=Sender(address=f"+86{self._chance.randrange(10_000, 10_000 + self._requests)}"),
            text=f"{what} {number}",
            received_at=datetime.now(UTC),
        )

    async def _confirmed(self, log: Log, messages: list[Message]) -> None:
        while True:
            try:
                await log.publish(messages)
            except Unavailable:
                await asyncio.sleep(0.2)
            else:
                return

    async def work(self) -> None:
        """Agents accept offers, reply and resolve; until cancelled."""
        while True:
            with contextlib.suppress(SwitchboardError):
                async with self._log() as log:
                    subscription = log.subscribe(["agent.queue.*"], "desks", from_start=True)
                    async for delivery in subscription:
                        await self._announce(log)
                        for record in delivery.records:
                            if record.envelope.type == "ticket.offered":
                                await self._handle(log, json.loads(record.value))
                        await subscription.ack(delivery)
            await asyncio.sleep(0.2)

    async def _announce(self, log: Log) -> None:
        """Every few seconds: whoever missed offers in an outage is there again."""
        now = asyncio.get_running_loop().time()
        if now < self._announced + ANNOUNCED_EVERY_SECONDS:
            return
        self._announced = now
        for name in POOLS:
            await self._send(log, name, "presence", state="available")

    async def leave(self) -> None:
        """Every agent goes offline: nothing is offered any more."""
        async with self._log() as log:
            for name in POOLS:
                await self._send(log, name, "presence", state="offline")

    async def _handle(self, log: Log, offer: dict[str, Any]) -> None:
        if self._chance.random() < 0.02:
            return
        agent, ticket = offer["agent"], offer["ticket"]
        orders = [
            self._order(agent, "accept", ticket=ticket, offer=offer["offer"]),
            self._order(agent, "reply", ticket=ticket, text="hello"),
            self._order(agent, "resolve", ticket=ticket),
        ]
        await self._confirmed(log, orders)

    async def _send(self, log: Log, agent: str, command: Any, **fields: Any) -> None:
        await self._confirmed(log, [self._order(agent, command, **fields)])

    def _order(self, agent: str, command: Any, **fields: Any) -> Message:
        self._commands += 1
        order = Command(id=f"c{self._commands}", agent=agent, command=command, **fields)
        return records.command(order, POOLS[agent], datetime.now(UTC))

    @contextlib.asynccontextmanager
    async def _log(self) -> AsyncIterator[Log]:
        async with contextlib.AsyncExitStack() as stack:
            while True:
                try:
                    log = await stack.enter_async_context(bootstrap.connected(self._config))
                except Unavailable:
                    await asyncio.sleep(0.2)
                else:
                    break
            yield log


async def quiet(kafka: Cluster) -> None:
    """Until the workers have stored nothing for a while: what was asked of them is answered."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        places = await _places(kafka, [f"{NAMESPACE}.tickets.events"])
        before: dict[TopicPartition, int] = {}
        async with asyncio.timeout(QUIET_WITHIN_SECONDS):
            while before != (ends := await consumer.end_offsets(places)):
                before = ends
                await asyncio.sleep(QUIET_SECONDS)
    finally:
        await consumer.stop()


async def read(kafka: Cluster) -> Run:
    """Everything that is committed, by a plain consumer."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        places = await _places(kafka, await consumer.topics())
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        events = []
        while [one for one in places if await consumer.position(one) < ends[one]]:
            for place, found in (await consumer.getmany(timeout_ms=500)).items():
                events += [(place, one) for one in found]
        events.sort(key=lambda pair: (pair[0], pair[1].offset))
        return Run(
            [_event(place.topic.removeprefix(f"{NAMESPACE}."), one) for place, one in events],
            datetime.now(UTC),
            partitioned=True,
        )
    finally:
        await consumer.stop()


async def _places(kafka: Cluster, names: Iterable[str]) -> list[TopicPartition]:
    """The partitions of every topic that other programs may read."""
    ours = [name for name in names if name.startswith(f"{NAMESPACE}.")]
    inner = (f"{NAMESPACE}.state.", f"{NAMESPACE}.clock")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics([one for one in ours if not one.startswith(inner)])
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]


def _event(topic: str, found: Any) -> Event:
    headers = dict(found.headers)
    return Event(
        topic,
        found.key.decode(),
        headers["ce_id"].decode(),
        headers["ce_type"].decode(),
        datetime.fromisoformat(headers["ce_time"].decode()),
        json.loads(found.value),
    )
