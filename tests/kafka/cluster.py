"""A real Kafka of our own, whose brokers can be killed, paused and brought back.

Every broker has a second listener, PROXIED, that it advertises under another port: a test that
puts a TCP proxy there (from `advertised_proxy_port` to `proxied_port`) and bootstraps through it
has its clients behind the proxy for good. Nobody listens there unless a test does.
"""

import asyncio
import contextlib
import signal
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.kafka import installation
from tests.kafka.broker import Addresses, Broker, DidNotStart
from tests.kafka.ports import LOOPBACK, Ports

START_SECONDS = 120.0
"""Far longer than a broker takes on a busy machine; it is there to end a hopeless wait."""


class Cluster:
    """KRaft brokers on free ports of the loopback, numbered from 1, with their files in `folder`.

    Each is broker and controller in one, so that any one of three can go. `properties` are added to
    the settings of all, or replace them; where they demand TLS or SASL, `security` has the options
    by which aiokafka is an administrator. `users` are SCRAM users, as `StorageTool --add-scram`
    takes them. `at_speed` is for measurements: such brokers start more
    slowly, and then run as fast as in production. All end with this process, however it ends.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        *,
        properties: Mapping[str, str] | None = None,
        security: Mapping[str, Any] | None = None,
        users: Iterable[str] = (),
        at_speed: bool = False,
    ) -> None:
        self._folder = folder.resolve()
        self._count = brokers
        self._properties = dict(properties or {})
        self._security = dict(security or {})
        self._users = tuple(users)
        self._at_speed = at_speed
        self._ports = Ports()
        self._brokers: dict[int, Broker] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all; returns when clients are served. Raises `Absent`, `DidNotStart`."""
        source = installation.find()
        identity = uuid.uuid4().hex
        for number in range(1, self._count + 1):
            name = f"switchboard-kafka-{identity}-{number}"
            addresses = Addresses.take(self._ports)
            folder = self._folder / f"broker-{number}"
            self._brokers[number] = Broker(folder, name, addresses, source, at_speed=self._at_speed)
        try:
            await asyncio.gather(
                *(
                    broker.format(identity, self._settings(number), self._users)
                    for number, broker in self._brokers.items()
                )
            )
            for broker in self._brokers.values():
                broker.start()
            await self._answering(self._brokers)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all at once, without a farewell; their files stay where they are."""
        await asyncio.gather(*(broker.end() for broker in self._brokers.values()))
        self._ports.release()

    @property
    def bootstrap(self) -> str:
        """Where clients begin: every broker's address."""
        return ",".join(f"{LOOPBACK}:{self.port(number)}" for number in self._brokers)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The brokers' numbers, which are their node ids."""
        return tuple(self._brokers)

    def port(self, number: int) -> int:
        """Where this broker serves clients that no proxy stands before."""
        return self._brokers[number].addresses.clients

    def proxied_port(self, number: int) -> int:
        """Where this broker expects a proxy to connect."""
        return self._brokers[number].addresses.proxied

    def advertised_proxy_port(self, number: int) -> int:
        """Where a proxy before this broker must listen, as the broker tells its clients."""
        return self._brokers[number].addresses.advertised

    def log_file(self, number: int) -> Path:
        """What this broker logs."""
        return self._brokers[number].log_file

    async def kill(self, number: int) -> None:
        """SIGKILL; returns when the broker is gone."""
        await self._brokers[number].end()

    async def start_broker(self, number: int) -> None:
        """Bring a killed broker back, on its ports and files; returns when it serves again."""
        self._brokers[number].start()
        await self._answering([number])

    async def pause(self, number: int) -> None:
        """SIGSTOP: its connections stay, and nothing comes from them."""
        await asyncio.to_thread(self._brokers[number].send, signal.SIGSTOP)

    async def resume(self, number: int) -> None:
        """SIGCONT."""
        await asyncio.to_thread(self._brokers[number].send, signal.SIGCONT)

    def _settings(self, number: int) -> dict[str, str]:
        voters = (
            f"{one}@{LOOPBACK}:{broker.addresses.controller}"
            for one, broker in self._brokers.items()
        )
        copies = min(self._count, 3)
        enough = max(copies - 1, 1)
        return {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLIENTS",
            "listener.security.protocol.map": ",".join(
                f"{listener}:PLAINTEXT" for listener in ("CLIENTS", "PROXIED", "CONTROLLER")
            ),
            "auto.create.topics.enable": "false",
            "num.partitions": "1",
            "default.replication.factor": str(copies),
            "min.insync.replicas": str(enough),
            "log.message.timestamp.type": "LogAppendTime",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "offsets.topic.num.partitions": "5",
            "offsets.topic.replication.factor": str(copies),
            "transaction.state.log.num.partitions": "5",
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": str(enough),
            "share.coordinator.state.topic.replication.factor": str(copies),
            "share.coordinator.state.topic.min.isr": str(enough),
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "500",
            # A killed broker may come back only when its session has ended (9 s by default).
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "300",
        } | self._properties

    async def _answering(self, numbers: Iterable[int]) -> None:
        """Until the cluster says, through each of these brokers, that they are members."""
        awaited = set(numbers)
        try:
            async with asyncio.timeout(START_SECONDS):
                for number in sorted(awaited):
                    while not awaited <= await self._members(number):
                        self._brokers[number].check()
                        await asyncio.sleep(0.05)
        except TimeoutError:
            raise DidNotStart(f"no answer in {START_SECONDS} s: see {self._folder}") from None

    async def _members(self, number: int) -> set[int]:
        """The brokers that serve, asked through this one; none while it does not answer."""
        if not await self._listens(number):  # aiokafka would log every failure
            return set()
        client = AIOKafkaAdminClient(
            bootstrap_servers=f"{LOOPBACK}:{self.port(number)}", **self._security
        )
        try:
            await client.start()
            return {one["node_id"] for one in (await client.describe_cluster())["brokers"]}
        except (KafkaError, OSError):
            return set()
        finally:
            await client.close()

    async def _listens(self, number: int) -> bool:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, self.port(number))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return True
        return False
