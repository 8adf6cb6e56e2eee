"""What a log must bring to be held to the suite: how it is opened, and how it is made to fail.

A further log joins by a class of this shape and a line in `conftest.HARNESSES`.
"""

import itertools
import random
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from router.edges.stream import StreamedLog
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster
from router.log.memory import Faults, MemoryLog
from router.log.protocol import Log, ShardLog, Source
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer
from router.topics import Partitions
from tests.conformance.kafka_proxy import KafkaProxy
from tests.conformance.proxy import Moment, Proxy
from tests.kafka import cluster as brokers
from tests.kafka.fixtures import External

PARTITIONS = Partitions(triage=2, dispatch=2)
MAX_BYTES = 50_000


@dataclass(frozen=True)
class Cut:
    """A handle like any other, until `arm` is called: then its next transaction is cut, once."""

    log: Log
    arm: Callable[[], None]


class Harness(Protocol):
    """One log that holds nothing yet, for one test."""

    def handle(self) -> Log:
        """A handle on it; each is what another process would have."""
        ...

    def cut(self, moment: Moment) -> AbstractAsyncContextManager[Cut]:
        """A handle that can be cut off from the log."""
        ...

    async def close(self) -> None:
        """Close every handle."""
        ...


class MemoryHarness:
    """The reference; its handles are all the same, for it lives in one process."""

    def __init__(self) -> None:
        self._log = MemoryLog(lambda: datetime.now(UTC), PARTITIONS, max_bytes=MAX_BYTES)

    def handle(self) -> Log:
        """See `Harness.handle`."""
        return self._log

    @asynccontextmanager
    async def cut(self, moment: Moment) -> AsyncIterator[Cut]:
        """See `Harness.cut`."""
        chance = random.Random(0)  # noqa: S311 - it always strikes

        def arm() -> None:
            before = moment is Moment.BEFORE
            self._log.faults = Faults(
                chance, before_commit=before, before_publish=before,
                after_commit=not before, after_publish=not before,
            )  # fmt: skip

        yield Cut(self._log, arm)
        self._log.faults = None

    async def close(self) -> None:
        """See `Harness.close`."""
        await self._log.close()


class _Tracked:
    """A log that remembers the shards which a test opened, for somebody must close them."""

    shards: list[ShardLog]

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`."""
        self.shards = vars(self).get("shards", [])
        self.shards.append(await super().open_shard(stage, partition, sources))  # type: ignore[misc] # a mixin's
        return self.shards[-1]

    async def close(self) -> None:
        """See `Log.close`."""
        for shard in vars(self).get("shards", []):
            await shard.close()
        await super().close()  # type: ignore[misc] # a mixin's


class Tracked(_Tracked, ValkeyLog):
    """See `_Tracked`."""


class TrackedKafka(_Tracked, KafkaLog):
    """See `_Tracked`."""


_numbers = itertools.count()


class ValkeyHarness:
    """A namespace of its own on the server of the whole run; failures by a proxy before it."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._namespace = f"test{next(_numbers)}"
        self._handles: list[Tracked] = []

    def handle(self) -> Log:
        """See `Harness.handle`."""
        return self._by(self._server.socket)

    def _by(self, socket: Path) -> Tracked:
        log = Tracked(f"unix://{socket}", self._namespace, PARTITIONS, max_bytes=MAX_BYTES)
        self._handles.append(log)
        return log

    @asynccontextmanager
    async def cut(self, moment: Moment) -> AsyncIterator[Cut]:
        """See `Harness.cut`."""
        with tempfile.TemporaryDirectory(prefix="proxy-") as folder:
            proxy = Proxy(self._server.socket, Path(folder) / "proxy.sock")
            await proxy.start()
            log = self._by(proxy.listening)
            try:
                yield Cut(log, partial(setattr, proxy, "cut", moment))
                assert proxy.cuts == 1, "the test must have cut something"
            finally:
                await log.close()
                await proxy.stop()

    async def close(self) -> None:
        """See `Harness.close`."""
        for log in self._handles:
            await log.close()


class KafkaHarness:
    """A namespace of its own on the broker of the whole run; failures by a proxy before it."""

    def __init__(self, kafka: brokers.Cluster | External, *, streams: bool = False) -> None:
        self._kafka = kafka
        self._streams = streams
        self._namespace = f"test{next(_numbers)}-{uuid.uuid4().hex[:8]}"
        self._handles: list[TrackedKafka | StreamedLog] = []

    def handle(self) -> Log:
        """See `Harness.handle`."""
        return self._by(Cluster(self._kafka.bootstrap))

    def _by(self, cluster: Cluster) -> Log:
        log = TrackedKafka(cluster, self._namespace, PARTITIONS, max_bytes=MAX_BYTES)
        self._handles.append(log)
        if not self._streams:
            return log
        self._handles.insert(0, StreamedLog(log, "harness"))
        return self._handles[0]

    @asynccontextmanager
    async def cut(self, moment: Moment) -> AsyncIterator[Cut]:
        """See `Harness.cut`: the proxy stays down, for aiokafka would send everything again."""
        if not isinstance(self._kafka, brokers.Cluster):
            pytest.skip("KAFKA_BOOTSTRAP is not ours to put a proxy before: did NOT run")
        (number,) = self._kafka.numbers
        proxy = KafkaProxy(
            self._kafka.proxied_port(number), self._kafka.advertised_proxy_port(number)
        )
        await proxy.start()
        log = self._by(Cluster(f"127.0.0.1:{proxy.port}", timeout_seconds=3))
        try:
            yield Cut(log, partial(setattr, proxy, "cut", moment))
            assert proxy.cuts == 1, "the test must have cut something"
        finally:
            await proxy.stop()
            await log.close()

    async def close(self) -> None:
        """See `Harness.close`."""
        for log in self._handles:
            await log.close()
