"""A group's reading of topics, with its offsets kept by Kafka under the group's name.

Partitions are assigned by hand: a group has one reader at a time, and takes up new topics by
itself. A group's offset is committed before its first delivery: what comes between that and its
first acknowledgement is not lost to it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from aiokafka import TopicPartition

from router.log import kafka_layout as layout
from router.log.kafka_namespace import Namespace
from router.log.protocol import Delivery, Record


class KafkaSubscription:
    """See `Subscription`. Topics with a `*` are looked for anew once a second."""

    LIMIT = 1_000
    WAIT_MILLISECONDS = 500
    RESCAN_SECONDS = 1.0

    def __init__(
        self,
        namespace: Namespace,
        connect: Callable[[], Awaitable[object]],
        topics: Sequence[str],
        group: str | None,
        *,
        from_start: bool,
    ) -> None:
        self._connect = connect
        self._namespace = namespace
        self._cluster = namespace.cluster
        self._lookups = namespace.lookups
        self._topics = topics
        self._from_start = from_start
        self._group = None if group is None else namespace.name(group)
        self._reader = self._cluster.consumer(group=self._group, auto_offset_reset="earliest")
        self._positions: dict[TopicPartition, int] = {}
        self._acked: dict[TopicPartition, int] = {}
        self._marker = TopicPartition(namespace.name(layout.CLOCK), 0)
        self._scanned_at = float("-inf")
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        behind = True
        try:
            await self._connect()
            with self._cluster.errors("a subscription"):
                await self._namespace.ensure(
                    [layout.CLOCK, *(one for one in self._topics if not one.endswith("*"))]
                )
                await self._reader.start()
                skips = await self._skips()
            while not self._closed:
                with self._cluster.errors("a subscription"):
                    await self._find(skips=skips)
                    skips = False
                    records = await self._next(100 if behind else self.WAIT_MILLISECONDS)
                    if not records and not behind:
                        continue
                    caught_up = await self._caught_up()
                if records or caught_up:
                    yield Delivery(records, caught_up=caught_up)
                behind = not caught_up
        finally:
            await self.close()

    async def _skips(self) -> bool:
        """Whether what is stored already is skipped: once for a group, which is then known."""
        if self._group is not None:
            if await self._reader.committed(self._marker) is not None:
                return False
            self._reader.assign([self._marker])
            await self._reader.commit({self._marker: 0})
        return not self._from_start

    async def _find(self, *, skips: bool) -> None:
        """Take up partitions that are new; where to begin is decided once, and kept for a group."""
        if time.monotonic() - self._scanned_at < self.RESCAN_SECONDS:
            return
        new = [one for one in await self._matching() if one not in self._positions]
        if new:
            begins = await self._begins(new, skips=skips)
            for one in self._positions:
                self._positions[one] = await self._reader.position(one)
            self._positions |= begins
            self._reader.assign(list(self._positions))
            for one, offset in self._positions.items():
                self._reader.seek(one, offset)
            if self._group is not None:
                await self._reader.commit(begins)
        self._scanned_at = time.monotonic()

    async def _matching(self) -> list[TopicPartition]:
        topics = {topic for topic in self._topics if not topic.endswith("*")}
        prefixes = tuple(topic[:-1] for topic in self._topics if topic.endswith("*"))
        if prefixes:
            topics |= {one for one in await self._namespace.topics() if one.startswith(prefixes)}
        return [
            TopicPartition(self._namespace.name(topic), partition)
            for topic in sorted(topics)
            for partition in range(self._namespace.partitions.of(topic))
        ]

    async def _begins(
        self, new: Sequence[TopicPartition], *, skips: bool
    ) -> dict[TopicPartition, int]:
        begins = dict.fromkeys(new, 0)
        if skips:
            begins = await self._lookups.stable(new)
        if self._group is not None:
            for one in new:
                committed = await self._reader.committed(one)
                begins[one] = begins[one] if committed is None else committed
        return begins

    async def _next(self, milliseconds: int) -> list[Record]:
        if not self._positions:
            await asyncio.sleep(milliseconds / 1000)
            return []
        found = await self._reader.getmany(timeout_ms=milliseconds, max_records=self.LIMIT)
        return [
            layout.record(self._namespace.topic(where.topic), one)
            for where, records in found.items()
            for one in records
        ]

    async def _caught_up(self) -> bool:
        ends = await self._lookups.stable(list(self._positions)) if self._positions else {}
        return all([await self._reader.position(one) >= end for one, end in ends.items()])

    async def ack(self, delivery: Delivery) -> None:
        """See `Subscription.ack`."""
        if self._group is None:
            return
        places: dict[TopicPartition, int] = {}
        for one in delivery.records:
            where = TopicPartition(self._namespace.name(one.topic), one.partition)
            if int(one.offset) + 1 > self._acked.get(where, 0):
                places[where] = int(one.offset) + 1
        if places:
            with self._cluster.errors(self._group):
                await self._reader.commit(places)
            self._acked |= places

    async def close(self) -> None:
        """See `Subscription.close`."""
        self._closed = True
        await self._cluster.stop_consumer(self._reader)
