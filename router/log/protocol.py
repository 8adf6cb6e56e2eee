"""Five verbs: restore, poll, commit for a shard; publish and subscribe for an edge.

Every log (`memory`, `valkey`, `kafka`) keeps these promises, and `tests/conformance` holds them
to it:

* A commit is atomic: outputs, state changes and positions together, or none of them.
* Opening a shard fences its previous owner: its next commit and its next poll raise `Fenced`, and
  nothing of that commit is stored.
* What `publish` returned for is stored; when it raised, all of it may be, or nothing, or where
  several partitions are written a part (ids are deterministic, so a repetition is harmless).
* Records of one partition are read in the order in which they were stored.
* Nothing that was stored before a poll's `read_through` is still to come.
* A group sees a batch again after a restart until it has acknowledged it, and keeps where it began.
* Nobody ever reads what was not committed.

Partitions are chosen by `partition_of` (murmur2, as Java clients do), never by a client library.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

import msgspec

from channels.errors import SwitchboardError, Unavailable


class Fenced(SwitchboardError):
    """Another owner has opened this shard: drop the state, and open it again or stop."""


class TooLarge(SwitchboardError):
    """The log refuses a record of this size; nothing of the commit was stored.

    `index` is the output's place in the commit that was refused.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class Uncertain(Unavailable):
    """The reply to a commit was lost, and the log does not come back to say what it has stored."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The CloudEvents 1.0 attributes of a record, in binary mode (`ce_` headers on Kafka)."""

    id: str
    type: str
    source: str
    time: datetime
    extensions: Mapping[str, str] = msgspec.field(default_factory=dict)

    SPEC_VERSION: ClassVar[str] = "1.0"


class Message(msgspec.Struct, frozen=True, gc=False):
    """What is to be stored: `value` is JSON; the topic is without the namespace.

    `partition` None means that `partition_of` the key decides. A None value is a tombstone of a
    compacted topic.
    """

    topic: str
    key: str
    value: bytes | None
    envelope: Envelope
    partition: int | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """What is stored. `offset` is opaque but for its log; `stored_at` is the log's own clock.

    Bytes that no `Message` can have made come as a record of type `unreadable`.
    """

    topic: str
    partition: int
    offset: str
    key: str
    value: bytes
    envelope: Envelope
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """One input of a shard: a partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What a poll yields: records in order of `stored_at` over all sources, order of a source kept.

    Every record stored before `read_through` has been delivered by this poll or an earlier one:
    the frontier up to which timers may fire. `log_time` is the log's clock at the poll.
    """

    records: Sequence[Record]
    read_through: datetime
    log_time: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one commit stores, atomically.

    `changes` maps state keys to their new bytes, None deletes. `positions` maps a source to the
    offset of the last record that was processed.
    """

    outputs: Sequence[Message]
    changes: Mapping[str, bytes | None]
    positions: Mapping[Source, str]


class ShardLog(Protocol):
    """One owner's handle on one shard; made by `Log.open_shard`, which fences the owner before."""

    def restore(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield the committed state, each key once. Read before the first poll."""
        ...

    async def poll(self, max_records: int, wait_seconds: float) -> Batch:
        """The next records: up to `max_records` of each source, from the committed positions on.

        While there are none it waits, at most `wait_seconds`; with 0 it returns at once. Raises
        `Fenced` or `Unavailable`.
        """
        ...

    async def commit(self, commit: Commit) -> None:
        """Store atomically. Raises `Fenced`, `TooLarge` (nothing stored), `Unavailable`.

        A reply that was lost is resolved inside: when this returns, the commit is stored. After
        `TooLarge` and `Full` the shard goes on; after anything else open it again, which shows
        what is stored, and lets nothing more of the lost commit be stored.
        """
        ...

    async def close(self) -> None:
        """Give the shard up."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch for a subscriber, in order within each partition.

    `caught_up` says that nothing more was stored when it was read. The first delivery comes even
    when there is nothing, so that a reader of what is stored knows when it has all.
    """

    records: Sequence[Record]
    caught_up: bool = False


class Subscription(Protocol):
    """A named group's reading of topics: `async for` deliveries, then `ack` each after success."""

    def __aiter__(self) -> AsyncIterator[Delivery]:
        """Deliveries as they come, for ever; the caller breaks off."""
        ...

    async def ack(self, delivery: Delivery) -> None:
        """The delivery is done with: it, and what came before it, is not delivered again."""
        ...

    async def close(self) -> None:
        """Stop reading. What was not acknowledged comes again to the group."""
        ...


class Log(Protocol):
    """A log as a whole: shared by every shard, source, sender and watcher of a process."""

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> ShardLog:
        """Take ownership of a shard; whoever owned it before is fenced."""
        ...

    async def publish(self, messages: Sequence[Message]) -> None:
        """Store the messages; return when they are stored.

        Raises `Unavailable`, `Full` (which is one), `TooLarge`; `Malformed` for a partition that
        the topic lacks.
        """
        ...

    def subscribe(
        self, topics: Sequence[str], group: str | None, *, from_start: bool = False
    ) -> Subscription:
        """Read topics (a trailing `*` matches a prefix). Without a group nothing is remembered.

        `from_start` says where a group's first reading begins, and every reading without a group:
        at the first record that is stored, or behind the last one at the first delivery.
        """
        ...

    async def topics(self) -> Mapping[str, int]:
        """The topics that hold, or held, a record, with their partition counts."""
        ...

    async def now(self) -> datetime:
        """The log's own clock. Raises `Unavailable` when the log does not answer."""
        ...

    async def close(self) -> None:
        """Free what this handle holds."""
        ...
