"""The logs that the suite runs over."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from router.log.memory import MemoryLog
from router.log.protocol import Log, ShardLog, Source
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer
from router.topics import Partitions


class Tracked(ValkeyLog):
    """Remembers the shards that a test opened, for somebody must close them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.shards: list[ShardLog] = []

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`."""
        self.shards.append(await super().open_shard(stage, partition, sources))
        return self.shards[-1]


_numbers = itertools.count()
PARTITIONS = Partitions(triage=2, dispatch=2)
MAX_BYTES = 50_000


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """One real server for the whole run; a fresh namespace for every test."""
    folder: Path = tmp_path_factory.mktemp("valkey")
    server = EmbeddedServer(folder)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(params=["memory", "valkey"], loop_scope="session")
async def log(request: pytest.FixtureRequest, valkey: EmbeddedServer) -> AsyncIterator[Log]:
    """A log that holds nothing yet."""
    if request.param == "memory":
        yield MemoryLog(lambda: datetime.now(UTC), PARTITIONS, max_bytes=MAX_BYTES)
        return
    namespace = f"test{next(_numbers)}"
    found = Tracked(valkey.url, namespace, PARTITIONS, max_bytes=MAX_BYTES)
    yield found
    for shard in found.shards:
        await shard.close()
    await found.close()
