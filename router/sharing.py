"""Which shards of a stage run in this process, as the assignment changes."""

import asyncio
from collections.abc import Callable

import structlog

from router.log.protocol import Fenced, Source
from router.shard import Shard

FENCED_SECONDS = 3.0
"""Who was fenced waits so long before another try: by then it knows whether the shard is its own.

Longer than a heartbeat, or two workers would take a shard from each other in turns.
"""

_log = structlog.get_logger(__name__)


class Shares:
    """The shards that run here. `make` makes the shard of a partition.

    `assign` may be called from anywhere in the loop; `run` does what follows until it is cancelled,
    and then closes every shard. With `again_seconds` None who is fenced has lost its shard for good
    and `run` raises `Fenced`.
    """

    def __init__(self, make: Callable[[int], Shard], *, again_seconds: float | None = None) -> None:
        self._make = make
        self._again_seconds = again_seconds
        self._wanted: frozenset[int] = frozenset()
        self._changed = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._ready: dict[int, asyncio.Event] = {}
        self.assigned = asyncio.Event()
        self.shards: dict[int, Shard] = {}

    def assign(self, partitions: frozenset[int]) -> None:
        """From now on these partitions are ours, and no other."""
        self._wanted = partitions
        self._changed.set()
        self.assigned.set()

    @property
    def ready(self) -> bool:
        """Whether the assignment is known, and every shard of it has restored and caught up."""
        return self.assigned.is_set() and all(
            one in self._ready and self._ready[one].is_set() for one in self._wanted
        )

    async def until_ready(self) -> None:
        """Wait for `ready`."""
        await self.assigned.wait()
        while not self.ready:  # noqa: ASYNC110 - shards become ready, and lose it, by themselves
            await asyncio.sleep(0.05)

    def positions(self, topic: str) -> dict[int, int]:
        """How far the shards have read their partition of `topic`, on a log that counts offsets."""
        found = {
            partition: shard.positions.get(Source(topic, partition))
            for partition, shard in self.shards.items()
        }
        return {one: int(offset) + 1 for one, offset in found.items() if offset is not None}

    async def run(self) -> None:
        """Follow the assignment. Raises what a shard raises that is no outage and no fencing."""
        try:
            while True:
                self._changed.clear()
                await self._follow()
                waiting = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait(
                    {waiting, *self._running.values()}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                for task in self._running.values():
                    if task.done():
                        task.result()
        finally:
            await self._end(list(self._running))

    async def _follow(self) -> None:
        await self._end([one for one in self._running if one not in self._wanted])
        for partition in sorted(self._wanted - self._running.keys()):
            self._ready[partition] = asyncio.Event()
            self.shards[partition] = self._make(partition)
            self._running[partition] = asyncio.create_task(self._own(partition))

    async def _own(self, partition: int) -> None:
        shard = self.shards[partition]
        while True:
            try:
                await shard.run(self._ready[partition])
            except Fenced as error:
                if self._again_seconds is None:
                    raise
                self._ready[partition].clear()
                _log.warning("shard_fenced", shard=shard.name, reason=str(error))
                await asyncio.sleep(self._again_seconds)

    async def _end(self, partitions: list[int]) -> None:
        tasks = [self._running.pop(one) for one in partitions]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        shards = [self.shards.pop(one) for one in partitions]
        await asyncio.gather(*(shard.close() for shard in shards))
