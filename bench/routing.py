"""Requests through both stages on a real log, timed, with what was written for them counted."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.workload import ROUTES, requests, rulebook
from router import records
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.log.memory import MemoryLog
from router.log.protocol import Commit, Log, ShardLog, Source
from router.shard import Pace, Shard
from router.stepping import Core

COUNT = 20_000
BATCH = 1_000
HEAD = Letterhead(secrets=(b"bench-secret-of-32-bytes-or-more",), domain="bench.example")


@dataclass
class Written:
    """What the router wrote for all requests."""

    outputs: int = 0
    output_bytes: int = 0
    entries: int = 0
    entry_bytes: int = 0

    def add(self, commit: Commit) -> None:
        """Count one commit."""
        self.outputs += len(commit.outputs)
        self.output_bytes += sum(
            len(one.value or b"") + len(one.key) + len(one.envelope.id) + 120
            for one in commit.outputs
        )
        self.entries += len(commit.changes)
        self.entry_bytes += sum(len(key) + len(data or b"") for key, data in commit.changes.items())

    @property
    def every(self) -> int:
        """Records and state entries."""
        return self.outputs + self.entries

    @property
    def every_bytes(self) -> int:
        """Their bytes."""
        return self.output_bytes + self.entry_bytes

    def __str__(self) -> str:
        return (
            f"{self.outputs / COUNT:.1f} records of {self.output_bytes // self.outputs} bytes and "
            f"{self.entries / COUNT:.1f} state entries of {self.entry_bytes // self.entries} bytes "
            "a request"
        )


class _CountedShard:
    """A shard's handle that counts what is committed through it."""

    def __init__(self, handle: ShardLog, written: Written) -> None:
        self._handle = handle
        self._written = written
        self.restore = handle.restore
        self.poll = handle.poll
        self.close = handle.close

    async def commit(self, commit: Commit) -> None:
        await self._handle.commit(commit)
        self._written.add(commit)


class _CountedLog:
    """A log that counts what is committed to it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.written = Written()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        handle = await self._log.open_shard(stage, partition, sources)
        return _CountedShard(handle, self.written)


async def publish(log: Log) -> None:
    """The requests that are routed, or copied."""
    batch = requests(COUNT)
    for start in range(0, COUNT, BATCH):
        await log.publish(batch[start : start + BATCH])


async def written() -> Written:
    """What the router writes for `COUNT` requests, counted on a log in memory."""
    counted = _CountedLog(MemoryLog(lambda: datetime.now(UTC)))
    await routed(counted)
    return counted.written


class Took(NamedTuple):
    """How long something took, and how much of that this process worked."""

    seconds: float
    cpu_seconds: float


async def routed(log: Log, routes: int = ROUTES) -> Took:
    """How long one process takes to route `COUNT` requests in both stages; closes the log.

    The rulebook of so many routes is in force before.
    """
    await log.publish([records.activation(rulebook(routes), 1, datetime.now(UTC))])
    dispatch = Dispatch(HEAD)
    cores: list[Core] = [Triage(HEAD), dispatch]
    shards = [_shard(log, core) for core in cores]
    for shard in shards:
        await shard.open()
    while not all(core.activation for core in cores):
        for shard in shards:
            await shard.turn(0.05)
    await publish(log)
    calm_collector()
    began, worked = time.perf_counter(), time.process_time()
    working = [asyncio.create_task(_work(shard)) for shard in shards]
    while len(dispatch.desk.tickets) < COUNT:  # noqa: ASYNC110 - a shard has no event for it
        await asyncio.sleep(0.005)
    took = Took(time.perf_counter() - began, time.process_time() - worked)
    await ended(working, shards)
    await log.close()
    return took


async def ended(working: Sequence[asyncio.Task[None]], shards: Sequence[Shard]) -> None:
    """The tasks that work the shards are stopped, the shards given up."""
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    for shard in shards:
        await shard.close()


def _shard(log: Log, core: Core) -> Shard:
    pace = Pace(batch_records=BATCH, watermark=None)
    return Shard(log, lambda: core, 0, clock=lambda: datetime.now(UTC), pace=pace)


async def _work(shard: Shard) -> None:
    """As `Shard.run`, without its care for outages."""
    while True:
        await shard.turn(0.05)
