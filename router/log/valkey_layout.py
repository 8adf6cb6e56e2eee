"""Where a namespace keeps its records on Valkey, and how a record is written and read.

`stream:<topic>:<partition>` is a stream of entries with three fields: `k` the key, `e` the
envelope (a JSON array of id, type, source, time, extensions), `v` the value. `streams` is the set
of all partitions that were ever written to. The format is normative: `docs/log.md`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from router.log.partition import place
from router.log.protocol import Envelope, Message, Record, Source, TooLarge
from router.log.wire import Command
from router.topics import Partitions

START = "0-0"
"""The offset before every record."""

UNREADABLE = "unreadable"
"""The type of a record whose fields somebody else has written, and not as above."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, str, str, datetime, dict[str, str]]).decode


class Layout:
    """The keys and the records of one namespace."""

    def __init__(self, namespace: str, partitions: Partitions, max_bytes: int) -> None:
        self.partitions = partitions
        self._namespace = namespace
        self._max_bytes = max_bytes
        self._heads: dict[tuple[str, int], bytes] = {}

    def key(self, *parts: object) -> str:
        """A key of the namespace."""
        return ":".join([self._namespace, *map(str, parts)])

    def stream(self, source: Source) -> str:
        """The stream of a partition."""
        return self.key("stream", source.topic, source.partition)

    def adding(self, messages: Sequence[Message]) -> list[Command | bytes]:
        """The commands that store `messages`. Raises `TooLarge`, `Malformed`."""
        commands: list[Command | bytes] = []
        written: set[tuple[str, int]] = set()
        envelope: Envelope | None = None
        header = b""
        for index, message in enumerate(messages):
            value = message.value or b""
            if len(value) > self._max_bytes:
                raise TooLarge(f"{len(value)} bytes where {self._max_bytes} are taken", index)
            where = message.topic, place(message, self.partitions)
            written.add(where)
            if message.envelope is not envelope:  # else the same event, to a further topic
                envelope = message.envelope
                header = _header(envelope)
            commands.append(self._xadd(where, message.key.encode(), header, value))
        if written:
            names = [f"{topic}:{partition}" for topic, partition in sorted(written)]
            commands.append(("SADD", self.key("streams"), *names))
        return commands

    def _xadd(self, where: tuple[str, int], key: bytes, header: bytes, value: bytes) -> bytes:
        """XADD as it goes over the wire: there are thousands of them in a commit."""
        return b"%b$%d\r\n%b\r\n$1\r\ne\r\n$%d\r\n%b\r\n$1\r\nv\r\n$%d\r\n%b\r\n" % (
            self._heads.get(where) or self._head(where),
            len(key),
            key,
            len(header),
            header,
            len(value),
            value,
        )

    def _head(self, where: tuple[str, int]) -> bytes:
        stream = self.stream(Source(*where)).encode()
        self._heads[where] = (
            b"*9\r\n$4\r\nXADD\r\n$%d\r\n%b\r\n$1\r\n*\r\n$1\r\nk\r\n" % (len(stream), stream)
        )  # fmt: skip
        return self._heads[where]

    def xread(self, read: Mapping[Source, str], count: int, block: int | None = None) -> Command:
        """What follows the offsets `read`: at most `count` of each, waiting `block` ms for one."""
        waiting = () if block is None else ("BLOCK", block)
        streams = map(self.stream, read)
        return ("XREAD", "COUNT", count, *waiting, "STREAMS", *streams, *read.values())

    def records(
        self, read: Mapping[Source, str], streams: Any
    ) -> list[tuple[Source, list[Record]]]:
        """The reply to `xread`: only sources that have records."""
        by_key = {self.stream(source).encode(): source for source in read}
        return [
            (by_key[key], [_record(by_key[key], entry) for entry in entries])
            for key, entries in streams or ()
        ]


def _header(envelope: Envelope) -> bytes:
    return _encode(
        (envelope.id, envelope.type, envelope.source, envelope.time, envelope.extensions)
    )


def _record(source: Source, entry: Any) -> Record:
    name, fields = entry
    offset = name.decode()
    stored_at = stored_at_of(offset)
    try:
        _, key, _, header, _, value = fields
        envelope = Envelope(*_decode(header))
        return Record(
            source.topic, source.partition, offset, key.decode(), value, envelope, stored_at
        )
    except (ValueError, msgspec.DecodeError):
        # Whoever wrote this by hand: its bytes must come to a dead letter, and the rest go on.
        identity = f"{source.topic}/{source.partition}/{offset}"
        envelope = Envelope(identity, UNREADABLE, "unknown", stored_at)
        value = b"\0".join(fields)
        return Record(source.topic, source.partition, offset, "", value, envelope, stored_at)


def stored_at_of(offset: str) -> datetime:
    """When the record of that offset was stored, by the server's clock, in whole milliseconds."""
    return _instant(offset.partition("-")[0])


@lru_cache(maxsize=1_000)
def _instant(milliseconds: str) -> datetime:
    """All records of a commit have the same."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def pairs(flat: Sequence[Any]) -> list[tuple[Any, Any]]:
    """A hash as RESP2 gives it: field, value, field, value."""
    return list(zip(flat[::2], flat[1::2], strict=True))


def position(source: Source) -> str:
    """The field of a source in a hash of positions."""
    return f"{source.topic}:{source.partition}"


def source_of(field: str) -> Source:
    """The inverse of `position`."""
    topic, _, partition = field.rpartition(":")
    return Source(topic, int(partition))


def place_of(offset: str) -> tuple[int, int]:
    """An offset as numbers, which compare in the order of the stream."""
    first, _, sequence = offset.partition("-")
    return int(first), int(sequence)
