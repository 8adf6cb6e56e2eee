"""`DeadLetter`: what could not be processed, with all that is needed to repair and redrive it."""

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime

from channels.contract import encode
from channels.identity import NAMESPACE
from router.log.protocol import Envelope, Message, Record
from router.topics import DEADLETTER

TYPE = "record.deadlettered"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the bytes came from: a record's coordinates, or the name of a source."""

    topic: str | None = None
    partition: int | None = None
    offset: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        return self.source or f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """One thing that could not be processed.

    `error` is the kind of the error (a class name, or the field or line that is wrong), `problem`
    its sentence. The bytes are `value_base64`, or where they are too many for the log, the blob
    at `ref`. `key` and `envelope` (CloudEvents attributes) are those of the record, for redrive.
    """

    origin: Origin
    error: str
    problem: str
    value_base64: str | None = None
    ref: str | None = None
    key: str | None = None
    envelope: dict[str, str] = field(default_factory=dict)
    at: datetime

    @property
    def value(self) -> bytes | None:
        """The bytes, where they stand here."""
        return None if self.value_base64 is None else base64.b64decode(self.value_base64)


def of_bytes(value: bytes, *, origin: Origin, error: str, problem: str, at: datetime) -> DeadLetter:
    """The dead letter of raw input that a source took and no parser could read."""
    return DeadLetter(
        origin=origin, error=error, problem=problem, value_base64=_base64(value), at=at
    )


def of_record(
    record: Record, *, error: str, problem: str, at: datetime, whole: bool = True
) -> DeadLetter:
    """The dead letter of a record that a reader could not process.

    Without the `whole` record its bytes stay where `origin` says: they would not fit.
    """
    envelope = record.envelope
    return DeadLetter(
        origin=Origin(topic=record.topic, partition=record.partition, offset=record.offset),
        error=error,
        problem=problem,
        value_base64=_base64(record.value) if whole else None,
        key=record.key,
        envelope={
            "id": envelope.id,
            "type": envelope.type,
            "source": envelope.source,
            "time": envelope.time.isoformat(),
            **envelope.extensions,
        },
        at=at,
    )


def message(letter: DeadLetter) -> Message:
    """The record for topic `deadletter`: its id depends on origin and bytes, not on the moment."""
    content = hashlib.sha256((letter.value_base64 or letter.ref or "").encode()).hexdigest()
    identity = json.dumps(["deadletter", str(letter.origin), content], separators=(",", ":"))
    return Message(
        topic=DEADLETTER,
        key=str(letter.origin),
        value=encode(letter),
        envelope=Envelope(
            id=str(uuid.uuid5(NAMESPACE, identity)),
            type=TYPE,
            source="switchboard/deadletter",
            time=letter.at,
        ),
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def again(letter: DeadLetter) -> Message | None:
    """The record as it was, for its topic; None when it never was one, or its bytes are a blob.

    It keeps its id, so that a core which has seen it meanwhile takes it as a duplicate.
    """
    value, envelope = letter.value, dict(letter.envelope)
    if letter.origin.topic is None or value is None:
        return None
    return Message(
        topic=letter.origin.topic,
        key=letter.key or "",
        value=value,
        partition=letter.origin.partition,
        envelope=Envelope(
            id=envelope.pop("id"),
            type=envelope.pop("type"),
            source=envelope.pop("source"),
            time=datetime.fromisoformat(envelope.pop("time")),
            extensions=envelope,
        ),
    )
