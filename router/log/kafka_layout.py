"""How a record stands on Kafka: CloudEvents 1.0 in binary mode, by the Kafka protocol binding.

The value is the JSON data, the attributes are headers: `ce_id`, `ce_type`, `ce_source`, `ce_time`,
`ce_specversion`, one `ce_<name>` for each extension, and `content-type`. Topics have the namespace
before their name; `state.<stage>` are the changelogs, `clock` is where the brokers' clock is read.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from router.log.protocol import Envelope, Record

UNREADABLE = "unreadable"
"""The type of a record whose headers somebody else has written, and not as above."""

CLOCK = "clock"
TICK = Envelope("tick", "clock.tick", "switchboard", datetime(1970, 1, 1, tzinfo=UTC))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = frozenset({"ce_id", "ce_type", "ce_source", "ce_time", "ce_specversion", "content-type"})
_JSON = ("content-type", b"application/json")
_VERSION = ("ce_specversion", b"1.0")
_encode = msgspec.json.Encoder().encode
_instant = msgspec.json.Decoder(datetime).decode

Headers = list[tuple[str, bytes]]


def state_topic(stage: str) -> str:
    """The changelog of a stage's shards."""
    return f"state.{stage}"


def headers(envelope: Envelope) -> Headers:
    """The envelope as a record's headers."""
    found = [("ce_id", envelope.id.encode())]
    found += _shared(envelope.type, envelope.source, envelope.time)
    if envelope.extensions:
        found += [(f"ce_{name}", value.encode()) for name, value in envelope.extensions.items()]
    return found


@lru_cache(maxsize=1_000)
def _shared(kind: str, source: str, at: datetime) -> Headers:
    """What all events of a type in a batch have in common."""
    return [
        ("ce_type", kind.encode()),
        ("ce_source", source.encode()),
        ("ce_time", _encode(at)[1:-1]),
        _VERSION,
        _JSON,
    ]


def size(headed: Headers) -> int:
    """The bytes that headers add to a record, and the record's own frame, about."""
    return sum([len(name) + len(value) + 4 for name, value in headed]) + 32


@lru_cache(maxsize=1_000)
def instant(milliseconds: int) -> datetime:
    """A Kafka timestamp: all records of a batch have the same."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def record(topic: str, found: Any) -> Record:
    """What a consumer gives, as a record of `topic` (without the namespace)."""
    stored_at = instant(found.timestamp)
    place = topic, found.partition, str(found.offset)
    try:
        envelope = _envelope(found.headers)
        key = (found.key or b"").decode()
    except (KeyError, ValueError, msgspec.DecodeError):
        # Whoever wrote this: its bytes must come to a dead letter, and the rest go on.
        identity = f"{topic}/{found.partition}/{found.offset}"
        envelope = Envelope(identity, UNREADABLE, "unknown", stored_at)
        key = (found.key or b"").decode(errors="replace")
    return Record(*place, key, found.value or b"", envelope, stored_at)


def _envelope(found: Sequence[tuple[str, bytes]]) -> Envelope:
    named = dict(found)
    extensions: dict[str, str] = {}
    if not _FIXED.issuperset(named):
        extensions = {
            name[3:]: value.decode()
            for name, value in found
            if name not in _FIXED and name.startswith("ce_")
        }
    return Envelope(
        named["ce_id"].decode(),
        named["ce_type"].decode(),
        named["ce_source"].decode(),
        _instant(b'"%b"' % named["ce_time"]),
        extensions,
    )
