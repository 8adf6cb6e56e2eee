"""The log on Valkey or Redis 7+: streams for topics, hashes for state, MULTI for a commit.

Keys, all under the namespace: see `valkey_layout` (streams), `valkey_shard` (`shard:…`, `state:…`),
`valkey_subscription` (`group:…`, `groups`); besides `meta` (the partition counts) and `shards`
(who reads what, for trimming). Persistence is the server's: run it with `appendonly yes`,
`appendfsync always`, `maxmemory-policy noeviction`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from channels.errors import Malformed
from router.log.protocol import Message, Record, ShardLog, Source, Subscription
from router.log.valkey_layout import START, Layout, pairs, place_of, position, source_of
from router.log.valkey_shard import Broken, ValkeyShard, server_time
from router.log.valkey_subscription import ValkeySubscription
from router.log.wire import Address, Command, Wire, checked, raise_error
from router.topics import COMPACTED, KEPT, Partitions

MAX_BYTES = 1_000_000
"""As Kafka's brokers have it by default, so that a log can be changed for the other."""

PAGE = 500
"""Records read, or deleted, at once by housekeeping."""

_log = structlog.get_logger(__name__)


class ValkeyLog:
    """A handle on the log; shards, subscriptions and publishing have connections of their own."""

    def __init__(
        self,
        url: str,
        namespace: str = "switchboard",
        partitions: Partitions | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.address = Address.parse(url)
        self.partitions = partitions or Partitions()
        self._layout = Layout(namespace, self.partitions, max_bytes)
        self._wire = Wire(self.address)
        self._publishing = _Together(self.address)
        self._opened = False
        self._forgets: str | None = None

    async def open(self) -> None:
        """Check server, version and partition counts. Raises `Unavailable`, `Malformed`."""
        if self._opened:
            return
        sections = ("server", "memory", "persistence")
        replies = await self._call([("INFO", section) for section in sections])
        self._forgets = check_server("\n".join(reply.decode() for reply in replies))
        mine = {"triage": self.partitions.triage, "dispatch": self.partitions.dispatch}
        meta = self._layout.key("meta")
        setting: list[Command] = [("HSETNX", meta, name, n) for name, n in mine.items()]
        *_, stored = await self._call([*setting, ("HGETALL", meta)])
        found = {key.decode(): int(value) for key, value in pairs(stored)}
        if found != mine:
            raise Malformed(
                f"this log has {found} partitions, the settings say {mine}: "
                "the count of a log that is in use is changed only by repartitioning it"
            )
        self._opened = True

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`. Raises `Broken` when its last commit was stored only in part."""
        await self.open()
        if self._forgets is not None:
            _log.warning("log_forgets", reason=self._forgets, server=str(self.address))
        key = self._layout.key("shard", stage, partition)
        reads = json.dumps([[source.topic, source.partition] for source in sources])
        *_, replies = await self._call(
            [
                ("MULTI",),
                ("HSET", self._layout.key("shards"), f"{stage}:{partition}", reads),
                ("HINCRBY", key, "epoch", 1),
                ("HGETALL", key),
                ("EXEC",),
            ]
        )
        for reply in replies:
            raise_error(reply)
        stored = {name.decode(): value.decode() for name, value in pairs(replies[2])}
        if "broken" in stored:
            raise Broken(f"{stored['broken']} (when that is set right: HDEL {key} broken)")
        return ValkeyShard(self.address, self._layout, (stage, partition), sources, stored)

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`."""
        if not messages:
            return
        commands = [("MULTI",), *self._layout.adding(messages), ("EXEC",)]
        await self.open()
        replies = await self._publishing.call(commands)
        for reply in replies:
            raise_error(reply)
        for reply in replies[-1]:
            raise_error(reply)

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return ValkeySubscription(
            self.address, self._layout, self.sources, topics, group, from_start=from_start
        )

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        return {source.topic: self.partitions.of(source.topic) for source in await self.sources()}

    async def sources(self) -> list[Source]:
        """Every partition that holds, or held, a record."""
        await self.open()
        (names,) = await self._call([("SMEMBERS", self._layout.key("streams"))])
        found = [source_of(name.decode()) for name in names]
        return sorted(found, key=lambda one: (one.topic, one.partition))

    async def now(self) -> datetime:
        """See `Log.now`."""
        (reply,) = await self._call([("TIME",)])
        return server_time(reply)

    async def trim(self, retention: timedelta) -> int:
        """Drop records older than `retention` that every reader has behind it; returns how many.

        Readers are the shards that were ever opened and the groups that ever subscribed. Compacted
        topics are never trimmed.
        """
        dropped = 0
        for source, (first, sequence) in (await self._done_with(retention)).items():
            if source.topic in KEPT:
                continue
            stream = self._layout.stream(source)
            (count,) = await self._call([("XTRIM", stream, "MINID", f"{first}-{sequence}")])
            dropped += int(count)
        return dropped

    async def compact(self, retention: timedelta) -> int:
        """Drop what a later record of the same key replaces in compacted topics; returns how many.

        Like trimming, only what is older than `retention` and behind every reader.
        """
        dropped = 0
        for source, bound in (await self._done_with(retention)).items():
            if source.topic in COMPACTED:
                dropped += await self._compact(source, bound)
        return dropped

    async def _done_with(self, retention: timedelta) -> dict[Source, tuple[int, int]]:
        """The place in each partition before which all is older than that, and read by everyone."""
        oldest = int((await self.now() - retention).timestamp() * 1000)
        read = await self._read_positions()
        return {
            source: min([(oldest, 0), *map(place_of, read.get(source, []))])
            for source in await self.sources()
        }

    async def _compact(self, source: Source, bound: tuple[int, int]) -> int:
        stream = self._layout.stream(source)
        newest: dict[str, str] = {}
        replaced: list[str] = []
        async for record in self._all(source):
            before = newest.get(record.key)
            if before is not None and place_of(before) < bound:
                replaced.append(before)
            newest[record.key] = record.offset
        for at in range(0, len(replaced), PAGE):
            await self._call([("XDEL", stream, *replaced[at : at + PAGE])])
        return len(replaced)

    async def _all(self, source: Source) -> AsyncIterator[Record]:
        """What a partition holds now."""
        after, streams = START, True
        while streams:
            (streams,) = await self._call([self._layout.xread({source: after}, PAGE)])
            for _, records in self._layout.records({source: after}, streams):
                after = records[-1].offset
                for record in records:
                    yield record

    async def _read_positions(self) -> dict[Source, list[str]]:
        """Where every registered reader stands in each partition."""
        behind: dict[Source, list[str]] = {}
        (shards,) = await self._call([("HGETALL", self._layout.key("shards"))])
        for name, reads in pairs(shards):
            key = self._layout.key("shard", name.decode())
            read = [Source(topic, number) for topic, number in json.loads(reads)]
            (offsets,) = await self._call([("HMGET", key, *map(position, read))])
            for source, offset in zip(read, offsets, strict=True):
                behind.setdefault(source, []).append(offset.decode() if offset else START)
        (groups,) = await self._call([("SMEMBERS", self._layout.key("groups"))])
        for group in groups:
            key = self._layout.key("group", group.decode())
            (positions,) = await self._call([("HGETALL", key)])
            for field, place in pairs(positions):
                behind.setdefault(source_of(field.decode()), []).append(place.decode())
        return behind

    async def close(self) -> None:
        """See `Log.close`."""
        await self._wire.close()
        await self._publishing.close()

    async def _call(self, commands: Sequence[Command]) -> list[Any]:
        return await checked(self._wire, commands)


class _Together:
    """What is published while a round trip is under way goes with the next: one fsync for all."""

    def __init__(self, address: Address) -> None:
        self._wire = Wire(address)
        self._waiting: list[tuple[Sequence[Command | bytes], asyncio.Future[list[Any]]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def call(self, commands: Sequence[Command | bytes]) -> list[Any]:
        """As `Wire.call`; the commands stay together."""
        replies: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, replies))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await replies

    async def _send(self) -> None:
        going: list[tuple[Sequence[Command | bytes], asyncio.Future[list[Any]]]] = []
        try:
            while self._waiting:
                going, self._waiting = self._waiting, []
                replies = await self._wire.call([one for part, _ in going for one in part])
                self._answer(going, replies)
        except Exception as error:  # noqa: BLE001 - it is raised again, in every caller
            for _, caller in [*going, *self._waiting]:
                if not caller.done():
                    caller.set_exception(error)
            self._waiting.clear()
        finally:
            self._sending = None
            for _, caller in [*going, *self._waiting]:
                caller.cancel()  # whoever has no answer yet: we were cancelled ourselves

    @staticmethod
    def _answer(
        going: Sequence[tuple[Sequence[Command | bytes], "asyncio.Future[list[Any]]"]],
        replies: list[Any],
    ) -> None:
        start = 0
        for commands, caller in going:
            if not caller.done():
                caller.set_result(replies[start : start + len(commands)])
            start += len(commands)

    async def close(self) -> None:
        """Close the connection, when all that waits has gone."""
        if self._sending is not None:
            await asyncio.wait({self._sending})
        await self._wire.close()


def check_server(info: str) -> str | None:
    """Refuse a server that cannot keep the promises; say why one may forget what it confirmed."""
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    version = fields.get("valkey_version") or fields.get("redis_version", "0")
    if int(version.split(".")[0]) < 7:
        raise Malformed(f"the log needs Valkey or Redis 7 or newer, this server is {version}")
    if "cluster" in {fields.get("server_mode"), fields.get("redis_mode")}:
        raise Malformed("the log needs a single server: this one is part of a cluster")
    policy = fields.get("maxmemory_policy", "noeviction")
    if fields.get("maxmemory", "0") != "0" and policy != "noeviction":
        raise Malformed(
            f"this server throws records away when its memory is full (maxmemory-policy {policy}): "
            "set maxmemory-policy noeviction"
        )
    if fields.get("aof_enabled") != "1":
        return "appendonly is off: what was confirmed is lost when the server crashes"
    return None
