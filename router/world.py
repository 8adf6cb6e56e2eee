"""Both stages in virtual time over the memory log: nothing waits, nothing is left to chance.

Time stands still while the shards work; it jumps to the next instant at which something is due.
`switchboard simulate` and the simulation tests are shells around this.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from router import records
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.log.memory import MemoryLog
from router.log.protocol import Batch, Commit, Message, ShardLog, Source
from router.shard import Pace, Shard

TICK = timedelta(microseconds=1)
LETTERHEAD = Letterhead(secrets=(b"simulation",), domain="switchboard.example")
ROUNDS = 100_000


class World:
    """A router whose clock the caller moves. `emitted` gets every committed output, in order."""

    def __init__(self, start: datetime, emitted: Callable[[Message], None]) -> None:
        self.now = start
        self.emitted = emitted
        self._settling = False
        self._log = MemoryLog(lambda: self.now)
        log = _Watched(self._log, self)
        pace = Pace(wait_seconds=0, watermark=None)
        self.shards = [
            Shard(log, lambda: Triage(LETTERHEAD), 0, clock=lambda: self.now, pace=pace),
            Shard(log, lambda: Dispatch(LETTERHEAD), 0, clock=lambda: self.now, pace=pace),
        ]

    async def activate(self, files: Mapping[str, str], number: int = 1) -> None:
        """Put a rulebook in force now."""
        await self.publish([records.activation(files, number, self.now)])

    async def publish(self, messages: Sequence[Message]) -> None:
        """Store records as an edge would, and let the shards do what follows at this instant."""
        await self._log.publish(messages)
        await self._quiet()

    async def advance(self, to: datetime) -> None:
        """Let time pass: what is due before `to` fires at its own instant, what is due at it not.

        So an action at exactly the due instant, which comes next, is in time.
        """
        await self._settle()
        while (due := self._next_due()) is not None and due < to:
            self.now = max(self.now, due)
            await self._settle()
        self.now = max(self.now, to)

    async def finish(self) -> None:
        """Let what is due at the present instant fire."""
        await self._settle()

    def read_through(self) -> datetime:
        """How far the inputs are read: not past the present instant while more may come at it."""
        return self.now + TICK if self._settling else self.now

    def _next_due(self) -> datetime | None:
        instants = (shard.core.next_at() for shard in self.shards)
        return min((at for at in instants if at is not None), default=None)

    async def _settle(self) -> None:
        self._settling = True
        try:
            await self._quiet()
        finally:
            self._settling = False

    async def _quiet(self) -> None:
        """Turn the shards until none has anything left to do at this instant."""
        for _ in range(ROUNDS):
            before = self._committed
            for shard in self.shards:
                await shard.turn()
            if self._committed == before:
                return
        raise RuntimeError("the shards do not come to rest at one instant")

    _committed = 0

    def committed(self, commit: Commit) -> None:
        """Told of every commit that is stored."""
        self._committed += 1
        for message in commit.outputs:
            self.emitted(message)


class _Watched:
    """The memory log, with the world's own frontier, and the world told of commits."""

    def __init__(self, log: MemoryLog, world: World) -> None:
        self._log = log
        self._world = world
        self.publish = log.publish
        self.subscribe = log.subscribe
        self.topics = log.topics
        self.now = log.now
        self.close = log.close

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        return _WatchedShard(await self._log.open_shard(stage, partition, sources), self._world)


class _WatchedShard:
    def __init__(self, handle: ShardLog, world: World) -> None:
        self._handle = handle
        self._world = world
        self.close = handle.close

    def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        return self._handle.restore()

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        batch = await self._handle.poll(max_records, wait_seconds)
        return Batch(batch.records, self._world.read_through(), batch.log_time)

    async def commit(self, commit: Commit) -> None:
        await self._handle.commit(commit)
        self._world.committed(commit)
