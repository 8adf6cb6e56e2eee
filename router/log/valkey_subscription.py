"""A group's reading of topics: `group:<name>` is its hash of positions, `groups` the set of names.

A group's position is written down before its first delivery: what comes between that and its
first acknowledgement is not lost to it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from router.log.protocol import Delivery, Record, Source
from router.log.valkey_layout import START, Layout, place_of, position
from router.log.wire import Address, Command, Wire, checked

Sources = Callable[[], Awaitable[Sequence[Source]]]
"""Every partition that holds, or held, a record. Raises `Unavailable`."""


class ValkeySubscription:
    """See `Subscription`. Topics with a `*` are looked for anew once a second."""

    LIMIT = 1_000
    BLOCK_MILLISECONDS = 500
    RESCAN_SECONDS = 1.0

    def __init__(
        self,
        address: Address,
        layout: Layout,
        sources: Sources,
        topics: Sequence[str],
        group: str | None,
        *,
        from_start: bool,
    ) -> None:
        self._layout = layout
        self._sources = sources
        self._topics = topics
        self._group = group
        self._from_start = from_start
        self._wire = Wire(address)
        self._acking = Wire(address)
        self._read: dict[Source, str] = {}
        self._acked: dict[str, str] = {}
        self._scanned_at = float("-inf")
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        behind = True
        try:
            skips = await self._join()
            while not self._closed:
                await self._find(skips=skips)
                records = await self._next(None if behind else self.BLOCK_MILLISECONDS)
                if records or behind:
                    behind = len(records) >= self.LIMIT
                    yield Delivery(records, caught_up=not behind)
                skips = False
        finally:
            await self.close()

    async def _next(self, block: int | None) -> list[Record]:
        if not self._read:
            await asyncio.sleep(0 if block is None else block / 1000)
            return []
        command = self._layout.xread(self._read, self.LIMIT, block)
        (streams,) = await checked(self._wire, [command])
        records: list[Record] = []
        for source, found in self._layout.records(self._read, streams):
            records += found
            self._read[source] = found[-1].offset
        return records

    async def _join(self) -> bool:
        """Make the group known; whether what is stored already is skipped: it is, once."""
        await self._sources()  # opens the log
        if self._group is None:
            return not self._from_start
        (new,) = await checked(self._wire, [("SADD", self._layout.key("groups"), self._group)])
        return bool(new) and not self._from_start

    async def _find(self, *, skips: bool) -> None:
        """Take up partitions that are new; where to begin is decided once, and kept for a group."""
        if time.monotonic() - self._scanned_at < self.RESCAN_SECONDS:
            return
        for source in await self._matching():
            if source not in self._read:
                self._read[source] = await self._start(source, skips=skips)
        self._scanned_at = time.monotonic()

    async def _matching(self) -> list[Source]:
        found = [
            Source(topic, partition)
            for topic in self._topics
            if not topic.endswith("*")
            for partition in range(self._layout.partitions.of(topic))
        ]
        prefixes = tuple(topic[:-1] for topic in self._topics if topic.endswith("*"))
        if prefixes:
            found += [one for one in await self._sources() if one.topic.startswith(prefixes)]
        return list(dict.fromkeys(found))

    async def _start(self, source: Source, *, skips: bool) -> str:
        begin = START
        if skips:
            last = ("XREVRANGE", self._layout.stream(source), "+", "-", "COUNT", 1)
            (newest,) = await checked(self._wire, [last])
            begin = newest[0][0].decode() if newest else START
        if self._group is None:
            return begin
        positions, field = self._layout.key("group", self._group), position(source)
        asking: list[Command] = [("HSETNX", positions, field, begin), ("HGET", positions, field)]
        _, stored = await checked(self._wire, asking)
        return str(stored.decode())

    async def ack(self, delivery: Delivery) -> None:
        """See `Subscription.ack`."""
        if self._group is None:
            return
        last = {f"{one.topic}:{one.partition}": one.offset for one in delivery.records}
        places = {
            field: offset
            for field, offset in last.items()
            if place_of(offset) > place_of(self._acked.get(field, START))
        }
        if places:
            fields = (part for place in places.items() for part in place)
            positions = self._layout.key("group", self._group)
            await checked(self._acking, [("HSET", positions, *fields)])
            self._acked |= places

    async def close(self) -> None:
        """See `Subscription.close`."""
        self._closed = True
        await self._wire.close()
        await self._acking.close()
