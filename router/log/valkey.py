"""The log on Valkey or Redis 7+: streams for topics, hashes for state, MULTI for a commit.

Keys, all under the namespace: `stream:<topic>:<partition>`; `state:<stage>:<partition>` (a hash
of entities); `shard:<stage>:<partition>` (a hash: `epoch`, `commit`, and a position for each
source); `group:<name>` (a hash of positions); `meta` (partition counts), `shards` (who reads
what, for trimming). Persistence is the server's: run it with `appendonly yes`, `appendfsync
always`, `maxmemory-policy noeviction`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from channels.errors import Malformed, SwitchboardError, Unavailable
from router.log.partition import partition_of
from router.log.protocol import (
    Batch,
    Commit,
    Delivery,
    Envelope,
    Fenced,
    Message,
    Record,
    ShardLog,
    Source,
    Subscription,
    TooLarge,
)
from router.log.wire import Address, Command, Wire, raise_error
from router.topics import COMPACTED, Partitions

MAX_BYTES = 1_000_000
START = "0-0"
RESOLVE_SECONDS = 5.0
_SCAN_COUNT = 2_000


class _Header(msgspec.Struct, array_like=True):
    """An envelope as it is stored: a JSON array, for it stands in every record."""

    id: str
    type: str
    source: str
    time: datetime
    extensions: dict[str, str] = msgspec.field(default_factory=dict)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Header).decode


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
        self._namespace = namespace
        self._max_bytes = max_bytes
        self._wire = Wire(self.address)
        self._opened = False

    async def open(self) -> None:
        """Check server, version and partition counts. Raises `Unavailable`, `Malformed`."""
        if self._opened:
            return
        info, *_ = await self._call([("INFO", "server")])
        _check_version(info.decode())
        mine = {"triage": self.partitions.triage, "dispatch": self.partitions.dispatch}
        meta = self.key("meta")
        setting: list[Command] = [("HSETNX", meta, name, n) for name, n in mine.items()]
        *_, stored = await self._call([*setting, ("HGETALL", meta)])
        found = {key.decode(): int(value) for key, value in _pairs(stored)}
        if found != mine:
            raise Malformed(
                f"this log has {found} partitions, the settings say {mine}: "
                "the count of a log that is in use is changed only by repartitioning it"
            )
        self._opened = True

    def key(self, *parts: object) -> str:
        """A key of the namespace."""
        return ":".join([self._namespace, *map(str, parts)])

    def stream(self, source: Source) -> str:
        """The stream of a partition."""
        return self.key("stream", source.topic, source.partition)

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """See `Log.open_shard`."""
        await self.open()
        key = self.key("shard", stage, partition)
        reads = json.dumps([[source.topic, source.partition] for source in sources])
        *_, replies = await self._call(
            [
                ("MULTI",),
                ("HSET", self.key("shards"), f"{stage}:{partition}", reads),
                ("HINCRBY", key, "epoch", 1),
                ("HGETALL", key),
                ("EXEC",),
            ]
        )
        stored = {name.decode(): value.decode() for name, value in _pairs(replies[2])}
        return ValkeyShard(self, key, self.key("state", stage, partition), sources, stored)

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`."""
        if not messages:
            return
        await self.open()
        commands = [("MULTI",), *self.added(messages), ("EXEC",)]
        *_, replies = await self._call(commands)
        for reply in replies:
            raise_error(reply)

    def added(self, messages: Sequence[Message]) -> list[Command]:
        """The commands that store `messages`. Raises `TooLarge`."""
        commands: list[Command] = []
        for index, message in enumerate(messages):
            value = message.value or b""
            if len(value) > self._max_bytes:
                raise TooLarge(f"{len(value)} bytes where {self._max_bytes} are taken", index)
            envelope = message.envelope
            header = _encode(
                (envelope.id, envelope.type, envelope.source, envelope.time, envelope.extensions)
            )
            stream = self.stream(Source(message.topic, self._partition(message)))
            commands.append(("XADD", stream, "*", "k", message.key, "e", header, "v", value))
        return commands

    def _partition(self, message: Message) -> int:
        if message.partition is not None:
            return message.partition
        return partition_of(message.key, self.partitions.of(message.topic))

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """See `Log.subscribe`."""
        return ValkeySubscription(self, topics, group, from_start=from_start)

    async def topics(self) -> Mapping[str, int]:
        """See `Log.topics`."""
        found: dict[str, int] = {}
        for source in await self.sources():
            found[source.topic] = max(found.get(source.topic, 0), source.partition + 1)
        return found

    async def sources(self) -> list[Source]:
        """Every partition of a topic that holds, or held, a record."""
        prefix = self.key("stream", "")
        found: set[Source] = set()
        cursor = b"0"
        while True:
            command = ("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", _SCAN_COUNT)
            ((cursor, keys),) = await self._call([command])
            for key in keys:
                topic, _, partition = key.decode().removeprefix(prefix).rpartition(":")
                found.add(Source(topic, int(partition)))
            if cursor == b"0":
                return sorted(found, key=lambda one: (one.topic, one.partition))

    async def now(self) -> datetime:
        """See `Log.now`."""
        (reply,) = await self._call([("TIME",)])
        return _server_time(reply)

    async def trim(self, retention: timedelta) -> int:
        """Drop records older than `retention` that every reader has behind it; returns how many."""
        oldest = int((await self.now() - retention).timestamp() * 1000)
        behind = await self._read_positions()
        dropped = 0
        for source in await self.sources():
            if source.topic in COMPACTED:
                continue
            positions = [(oldest, 0), *map(_place, behind.get(source, []))]
            first, sequence = min(positions)
            trimming = ("XTRIM", self.stream(source), "MINID", f"{first}-{sequence}")
            (count,) = await self._call([trimming])
            dropped += int(count)
        return dropped

    async def _read_positions(self) -> dict[Source, list[str]]:
        """Where every registered reader stands in each partition."""
        behind: dict[Source, list[str]] = {}
        (shards,) = await self._call([("HGETALL", self.key("shards"))])
        for name, reads in _pairs(shards):
            stage, _, partition = name.decode().rpartition(":")
            key = self.key("shard", stage, partition)
            for topic, number in json.loads(reads):
                source = Source(topic, number)
                (stored,) = await self._call([("HGET", key, _position(source))])
                behind.setdefault(source, []).append(stored.decode() if stored else START)
        (groups,) = await self._call([("SMEMBERS", self.key("groups"))])
        for group in groups:
            (positions,) = await self._call([("HGETALL", self.key("group", group.decode()))])
            for field, place in _pairs(positions):
                topic, _, number = field.decode().rpartition(":")
                source = Source(topic, int(number))
                behind.setdefault(source, []).append(place.decode())
        return behind

    async def close(self) -> None:
        """See `Log.close`."""
        await self._wire.close()

    async def _call(self, commands: Sequence[Command]) -> list[Any]:
        return await checked(self._wire, commands)


async def checked(wire: Wire, commands: Sequence[Command]) -> list[Any]:
    """The replies of `commands`; the first error reply is raised."""
    replies = await wire.call(commands)
    for reply in replies:
        raise_error(reply)
    return replies


class Broken(SwitchboardError):
    """A commit was stored only in part: the server refused a command inside EXEC.

    MULTI does not roll back. The shard stops; this is not retried.
    """


class ValkeyShard:
    """One owner's handle. A commit compares epoch and commit number under WATCH."""

    def __init__(
        self,
        log: ValkeyLog,
        key: str,
        state: str,
        sources: Sequence[Source],
        stored: Mapping[str, str],
    ) -> None:
        self._log = log
        self._key = key
        self._state = state
        self._epoch = stored["epoch"]
        self._commit = int(stored.get("commit", 0))
        self._read = {source: stored.get(_position(source), START) for source in sources}
        self._wire = Wire(log.address)

    async def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """See `ShardLog.restore`."""
        cursor = b"0"
        while True:
            scan = ("HSCAN", self._state, cursor, "COUNT", _SCAN_COUNT)
            ((cursor, found),) = await checked(self._wire, [scan])
            for key, data in _pairs(found):
                yield key.decode(), data
            if cursor == b"0":
                return

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """See `ShardLog.poll`."""
        batch = await self._poll(max_records)
        if not batch.records and wait_seconds > 0:
            milliseconds = max(1, int(wait_seconds * 1000))
            await checked(self._wire, [_xread(self._log, self._read, 1, milliseconds)])
            batch = await self._poll(max_records)
        return batch

    async def _poll(self, max_records: int) -> Batch:
        epoch, clock, streams = await checked(
            self._wire,
            [
                ("HGET", self._key, "epoch"),
                ("TIME",),
                _xread(self._log, self._read, max_records),
            ],
        )
        if epoch is None or epoch.decode() != self._epoch:
            raise Fenced(f"another owner has opened {self._key}")
        log_time = _server_time(clock)
        records: list[Record] = []
        # Stream ids have milliseconds: what comes in this very one may still be to come.
        frontier = log_time.replace(microsecond=log_time.microsecond // 1000 * 1000)
        for source, found in _records(self._log, self._read, streams):
            records += found
            self._read[source] = found[-1].offset
            if len(found) == max_records:
                frontier = min(frontier, found[-1].stored_at)
        records.sort(key=lambda record: record.stored_at)
        return Batch(records, frontier, log_time)

    async def commit(self, commit: Commit) -> None:
        """See `ShardLog.commit`."""
        storing = self._log.added(commit.outputs)
        changed = [part for key, data in commit.changes.items() if data is not None
                   for part in (key, data)]  # fmt: skip
        gone = [key for key, data in commit.changes.items() if data is None]
        if changed:
            storing.append(("HSET", self._state, *changed))
        if gone:
            storing.append(("HDEL", self._state, *gone))
        places = [part for source, offset in commit.positions.items()
                  for part in (_position(source), offset)]  # fmt: skip
        storing.append(("HSET", self._key, "commit", self._commit + 1, *places))
        await self._own()
        try:
            commands = [("MULTI",), *storing, ("EXEC",)]
            replies = await self._wire.call(commands, connected=True)
        except Unavailable:
            await self._resolve()
        else:
            self._done(replies)
        self._commit += 1

    async def _own(self) -> None:
        """Watch the shard's key and see that it is still ours, at our commit."""
        watch: list[Command] = [("WATCH", self._key), ("HMGET", self._key, "epoch", "commit")]
        _, (epoch, number) = await checked(self._wire, watch)
        if epoch is None or epoch.decode() != self._epoch or int(number or 0) != self._commit:
            raise Fenced(f"another owner has opened {self._key}")

    def _done(self, replies: list[Any]) -> None:
        *queued, executed = replies
        for reply in queued:
            raise_error(reply)
        raise_error(executed)
        if executed is None:
            raise Fenced(f"another owner has opened {self._key}")
        for reply in executed:
            try:
                raise_error(reply)
            except SwitchboardError as error:
                raise Broken(f"{self._key}: a commit was stored only in part: {error}") from error

    async def _resolve(self) -> None:
        """The reply was lost: was the commit stored? Returns when it was, raises when not."""
        deadline = time.monotonic() + RESOLVE_SECONDS
        while True:
            with suppress(Unavailable):
                ask: list[Command] = [("HMGET", self._key, "epoch", "commit")]
                ((epoch, number),) = await checked(self._wire, ask)
                break
            if time.monotonic() > deadline:
                raise Unavailable("the log went away during a commit")
            await asyncio.sleep(0.1)
        if epoch is None or epoch.decode() != self._epoch:
            raise Fenced(f"another owner has opened {self._key}")
        if int(number or 0) != self._commit + 1:
            raise Unavailable("the log went away before a commit was stored")

    async def close(self) -> None:
        """See `ShardLog.close`."""
        await self._wire.close()


class ValkeySubscription:
    """See `Subscription`. Topics with a `*` are looked for anew once a second."""

    LIMIT = 1_000
    BLOCK_MILLISECONDS = 500
    RESCAN_SECONDS = 1.0

    def __init__(
        self, log: ValkeyLog, topics: Sequence[str], group: str | None, *, from_start: bool
    ) -> None:
        self._log = log
        self._topics = topics
        self._group = log.key("group", group) if group is not None else None
        self._name = group
        self._from_start = from_start
        self._wire = Wire(log.address)
        self._acking = Wire(log.address)
        self._read: dict[Source, str] = {}
        self._scanned_at = float("-inf")
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[Delivery]:
        first = behind = True
        await self._log.open()
        try:
            while not self._closed:
                await self._find(beginning=first)
                records = await self._next(None if behind else self.BLOCK_MILLISECONDS)
                if records or behind:
                    behind = len(records) >= self.LIMIT
                    yield Delivery(records, caught_up=not behind)
                first = False
        finally:
            await self.close()

    async def _next(self, block: int | None) -> list[Record]:
        if not self._read:
            await asyncio.sleep(0 if block is None else block / 1000)
            return []
        command = _xread(self._log, self._read, self.LIMIT, block)
        (streams,) = await checked(self._wire, [command])
        records: list[Record] = []
        for source, found in _records(self._log, self._read, streams):
            records += found
            self._read[source] = found[-1].offset
        return records

    async def _find(self, *, beginning: bool) -> None:
        """Take up partitions that are new; where to begin is decided once, and kept for a group."""
        if time.monotonic() - self._scanned_at < self.RESCAN_SECONDS:
            return
        self._scanned_at = time.monotonic()
        for source in await self._matching():
            if source not in self._read:
                self._read[source] = await self._start(source, beginning=beginning)

    async def _matching(self) -> list[Source]:
        found = [
            Source(topic, partition)
            for topic in self._topics
            if not topic.endswith("*")
            for partition in range(self._log.partitions.of(topic))
        ]
        prefixes = tuple(topic[:-1] for topic in self._topics if topic.endswith("*"))
        if prefixes:
            found += [one for one in await self._log.sources() if one.topic.startswith(prefixes)]
        return list(dict.fromkeys(found))

    async def _start(self, source: Source, *, beginning: bool) -> str:
        begin = START
        if beginning and not self._from_start:
            last = ("XREVRANGE", self._log.stream(source), "+", "-", "COUNT", 1)
            (newest,) = await checked(self._wire, [last])
            begin = newest[0][0].decode() if newest else START
        if self._group is None:
            return begin
        field = f"{source.topic}:{source.partition}"
        *_, stored = await checked(
            self._wire,
            [
                ("SADD", self._log.key("groups"), self._name or ""),
                ("HSETNX", self._group, field, begin),
                ("HGET", self._group, field),
            ],
        )
        return str(stored.decode())

    async def ack(self, delivery: Delivery) -> None:
        """See `Subscription.ack`."""
        if self._group is None or not delivery.records:
            return
        places = {f"{one.topic}:{one.partition}": one.offset for one in delivery.records}
        fields = [part for place in places.items() for part in place]
        await checked(self._acking, [("HSET", self._group, *fields)])

    async def close(self) -> None:
        """See `Subscription.close`."""
        self._closed = True
        await self._wire.close()
        await self._acking.close()


def _xread(
    log: ValkeyLog, read: Mapping[Source, str], count: int, block: int | None = None
) -> Command:
    waiting = () if block is None else ("BLOCK", block)
    streams = [log.stream(source) for source in read]
    return ("XREAD", "COUNT", count, *waiting, "STREAMS", *streams, *read.values())


def _records(
    log: ValkeyLog, read: Mapping[Source, str], streams: Any
) -> list[tuple[Source, list[Record]]]:
    by_key = {log.stream(source).encode(): source for source in read}
    return [
        (by_key[key], [_record(by_key[key], entry) for entry in entries])
        for key, entries in streams or ()
    ]


def _record(source: Source, entry: Any) -> Record:
    offset, fields = entry
    header = _decode(fields[3])
    name = offset.decode()
    return Record(
        topic=source.topic,
        partition=source.partition,
        offset=name,
        key=fields[1].decode(),
        value=fields[5],
        envelope=Envelope(header.id, header.type, header.source, header.time, header.extensions),
        stored_at=datetime.fromtimestamp(int(name.partition("-")[0]) / 1000, UTC),
    )


def _position(source: Source) -> str:
    return f"{source.topic}:{source.partition}"


def _place(offset: str) -> tuple[int, int]:
    first, _, sequence = offset.partition("-")
    return int(first), int(sequence)


def _pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _server_time(reply: Any) -> datetime:
    seconds, microseconds = map(int, reply)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)


def _check_version(info: str) -> None:
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    version = fields.get("valkey_version") or fields.get("redis_version", "0")
    if int(version.split(".")[0]) < 7:
        raise Malformed(f"the log needs Valkey or Redis 7 or newer, this server is {version}")
