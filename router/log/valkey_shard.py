"""One owner's handle on a shard: `shard:<stage>:<partition>` is its hash, `state:…` its entities.

The hash has the `epoch` (how often the shard was opened), the number of the last `commit`, and a
position for each source. A commit compares the first two under WATCH, and is one MULTI/EXEC.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.errors import SwitchboardError, Unavailable
from router.log.protocol import Batch, Commit, Fenced, Record, Source, Uncertain
from router.log.valkey_layout import START, Layout, pairs, position
from router.log.wire import Address, Command, Wire, checked, raise_error

RESOLVE_SECONDS = 5.0
"""How long a commit waits for the server to say whether it is stored, when its reply was lost."""

_LONGEST_WAIT_SECONDS = 20.0
_SCAN_COUNT = 2_000


class Broken(SwitchboardError):
    """A commit was stored only in part: the server refused a command inside EXEC.

    MULTI does not roll back. The shard stops and cannot be opened until somebody has looked.
    """


class ValkeyShard:
    """See `ShardLog`."""

    def __init__(
        self,
        address: Address,
        layout: Layout,
        shard: tuple[str, int],
        sources: Sequence[Source],
        stored: Mapping[str, str],
    ) -> None:
        self._layout = layout
        self._key = layout.key("shard", *shard)
        self._state = layout.key("state", *shard)
        self._epoch = stored["epoch"]
        self._commit = int(stored.get("commit", 0))
        self._read = {source: stored.get(position(source), START) for source in sources}
        self._wire = Wire(address)

    async def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `ShardLog.restore`."""
        cursor = b"0"
        seen: set[str] = set()
        while True:
            scan = ("HSCAN", self._state, cursor, "COUNT", _SCAN_COUNT)
            ((cursor, found),) = await checked(self._wire, [scan])
            for name, data in pairs(found):
                key = name.decode()
                if key not in seen:  # a scan may show a key twice while the table grows
                    seen.add(key)
                    yield key, data
            if cursor == b"0":
                return

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """See `ShardLog.poll`."""
        batch = await self._poll(max_records)
        if not batch.records and wait_seconds > 0:
            milliseconds = max(1, int(min(wait_seconds, _LONGEST_WAIT_SECONDS) * 1000))
            await checked(self._wire, [self._layout.xread(self._read, 1, milliseconds)])
            batch = await self._poll(max_records)
        return batch

    async def _poll(self, max_records: int) -> Batch:
        # The clock is asked before the streams: what they do not show yet is stored after it.
        epoch, clock, streams = await checked(
            self._wire,
            [
                ("HGET", self._key, "epoch"),
                ("TIME",),
                self._layout.xread(self._read, max_records),
            ],
        )
        if epoch is None or epoch.decode() != self._epoch:
            raise self._fenced()
        log_time = server_time(clock)
        records: list[Record] = []
        # Stream ids have milliseconds: what comes in this very one may still be to come.
        frontier = log_time.replace(microsecond=log_time.microsecond // 1000 * 1000)
        for source, found in self._layout.records(self._read, streams):
            records += found
            self._read[source] = found[-1].offset
            if len(found) == max_records:
                frontier = min(frontier, found[-1].stored_at)
        records.sort(key=lambda record: record.stored_at)
        return Batch(records, frontier, log_time)

    async def commit(self, commit: Commit) -> None:
        """See `ShardLog.commit`. Raises `Broken`, too, which nobody should try again."""
        storing = self._storing(commit)
        await self._own()
        try:
            replies = await self._wire.call([("MULTI",), *storing, ("EXEC",)], connected=True)
        except Unavailable:
            await self._resolve()
        else:
            await self._done(replies)
        self._commit += 1

    def _storing(self, commit: Commit) -> list[Command | bytes]:
        storing = self._layout.adding(commit.outputs)
        changed: list[str | bytes] = []
        gone: list[str] = []
        for key, data in commit.changes.items():
            if data is None:
                gone.append(key)
            else:
                changed += (key, data)
        if changed:
            storing.append(("HSET", self._state, *changed))
        if gone:
            storing.append(("HDEL", self._state, *gone))
        places = [(position(source), offset) for source, offset in commit.positions.items()]
        fields = (part for place in places for part in place)
        storing.append(("HSET", self._key, "commit", self._commit + 1, *fields))
        return storing

    async def _own(self) -> None:
        """Watch the shard's hash and see that it is still ours, at our commit."""
        watch: list[Command] = [("WATCH", self._key), ("HMGET", self._key, "epoch", "commit")]
        _, (epoch, number) = await checked(self._wire, watch)
        if epoch is None or epoch.decode() != self._epoch or int(number or 0) != self._commit:
            raise self._fenced()

    async def _done(self, replies: list[Any]) -> None:
        for reply in replies:
            raise_error(reply)
        executed = replies[-1]
        if executed is None:
            raise self._fenced()
        for reply in executed:
            try:
                raise_error(reply)
            except SwitchboardError as error:
                await self._break(str(error))

    async def _break(self, problem: str) -> None:
        text = f"{self._key}: a commit was stored only in part: {problem}"
        await checked(self._wire, [("HSET", self._key, "broken", text)])
        raise Broken(text)

    async def _resolve(self) -> None:
        """The reply was lost: was the commit stored? Returns when it was, raises when not.

        Should the lost commands still be on their way, the next `open_shard` touches the watched
        hash, and they store nothing.
        """
        deadline = time.monotonic() + RESOLVE_SECONDS
        while True:
            with suppress(Unavailable):
                ask: list[Command] = [("HMGET", self._key, "epoch", "commit")]
                ((epoch, number),) = await checked(self._wire, ask)
                break
            if time.monotonic() > deadline:
                raise Uncertain(f"{self._key}: the log went away during a commit")
            await asyncio.sleep(0.1)
        if epoch is None or epoch.decode() != self._epoch:
            raise self._fenced()
        if int(number or 0) != self._commit + 1:
            raise Unavailable(f"{self._key}: the log went away before a commit was stored")

    def _fenced(self) -> Fenced:
        return Fenced(f"another owner has opened {self._key}")

    async def close(self) -> None:
        """See `ShardLog.close`."""
        await self._wire.close()


def server_time(reply: Any) -> datetime:
    """The reply to TIME."""
    seconds, microseconds = map(int, reply)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
