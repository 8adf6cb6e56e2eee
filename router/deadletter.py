"""`DeadLetter`: what could not be processed, with all that is needed to repair and redrive it."""

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from channels.contract import decode, encode
from channels.identity import NAMESPACE
from router import operations
from router.log.protocol import Envelope, Message, Record
from router.topics import DEADLETTER

TYPE = "record.deadlettered"
PART_TYPE = "record.deadletter_part"
REDRIVEN_TYPE = "record.redriven"

PART = 64_000
"""So much of a letter's Base64 stands in one record: any log takes that. A multiple of four."""


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
    its sentence. The bytes are `value_base64`, or the blob at `ref`; those of a large record go on
    in `parts - 1` records of type `record.deadletter_part`. `key` and `envelope` (CloudEvents
    attributes) are those of the record, for redrive.
    """

    origin: Origin
    error: str
    problem: str
    value_base64: str | None = None
    parts: int = 1
    ref: str | None = None
    key: str | None = None
    envelope: dict[str, str] = field(default_factory=dict)
    at: datetime

    @property
    def value(self) -> bytes | None:
        """The bytes, where they stand here."""
        return None if self.value_base64 is None else base64.b64decode(self.value_base64)


@dataclass(frozen=True, kw_only=True)
class Part:
    """More bytes of the dead letter `letter`; `part` counts from 2."""

    letter: str
    part: int
    value_base64: str


@dataclass(frozen=True, kw_only=True)
class Redriven:
    """The dead letter `letter` was sent through again."""

    letter: str
    at: datetime


def of_bytes(value: bytes, *, origin: Origin, error: str, problem: str, at: datetime) -> DeadLetter:
    """The dead letter of raw input that a source took and no parser could read."""
    return DeadLetter(
        origin=origin, error=error, problem=problem, value_base64=_base64(value), at=at
    )


def of_record(record: Record, *, error: str, problem: str, at: datetime) -> DeadLetter:
    """The dead letter of a record that a reader could not process."""
    envelope = record.envelope
    return DeadLetter(
        origin=Origin(topic=record.topic, partition=record.partition, offset=record.offset),
        error=error,
        problem=problem,
        value_base64=_base64(record.value),
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


def messages(letter: DeadLetter, source: str) -> list[Message]:
    """The records that say so: the letter (in parts when it is large), and the alarm.

    The letter's id depends on origin and bytes, not on the moment; `source` raises the alarm.
    """
    content = letter.value_base64 or ""
    digest = hashlib.sha256((content or letter.ref or "").encode()).hexdigest()
    identity = json.dumps(["deadletter", str(letter.origin), digest], separators=(",", ":"))
    id = str(uuid.uuid5(NAMESPACE, identity))
    first, *more = [content[at : at + PART] for at in range(0, len(content), PART)] or [content]
    if more:
        letter = replace(letter, value_base64=first, parts=1 + len(more))
    alarm = operations.DeadLettered(
        letter=id, origin=str(letter.origin), error=letter.error, problem=letter.problem,
        at=letter.at,
    )  # fmt: skip
    return [
        _record(letter, TYPE, id, letter),
        *(
            _record(letter, PART_TYPE, f"{id}/{part}", Part(letter=id, part=part, value_base64=one))
            for part, one in enumerate(more, 2)
        ),
        operations.message(alarm, id=f"{id}/alarm", source=source, at=letter.at),
    ]


def redriven(id: str, letter: DeadLetter, at: datetime) -> Message:
    """The record that remembers that the dead letter `id` was sent through again."""
    return _record(letter, REDRIVEN_TYPE, f"{id}/redriven", Redriven(letter=id, at=at))


def _record(letter: DeadLetter, kind: str, id: str, data: object) -> Message:
    envelope = Envelope(id=id, type=kind, source="switchboard/deadletter", time=letter.at)
    return Message(topic=DEADLETTER, key=str(letter.origin), value=encode(data), envelope=envelope)


class Letters:
    """The dead letters of a log, from its records in order: parts joined, redriven ones known."""

    def __init__(self) -> None:
        self._parts: dict[str, list[str]] = {}
        self._letters: dict[str, DeadLetter] = {}
        self.redriven: dict[str, datetime] = {}

    def add(self, record: Record) -> None:
        """Take the next record of topic `deadletter`."""
        kind = record.envelope.type
        if kind == TYPE:
            self._letters[record.envelope.id] = decode(DeadLetter, record.value)
        elif kind == PART_TYPE:
            part = decode(Part, record.value)
            self._parts.setdefault(part.letter, []).append(part.value_base64)
        else:
            mark = decode(Redriven, record.value)
            self.redriven[mark.letter] = mark.at

    def __iter__(self) -> Iterator[tuple[str, DeadLetter]]:
        """Each letter whole, with its id."""
        for id, letter in self._letters.items():
            content = "".join([letter.value_base64 or "", *self._parts.get(id, ())])
            yield id, replace(letter, value_base64=content or letter.value_base64, parts=1)


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
