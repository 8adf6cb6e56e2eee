"""One step of a core after another: an input or a timer in, the messages to be committed out.

What raises in a step leaves no trace in the state and becomes a dead letter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from channels.contract import decode, encode
from channels.errors import Malformed
from router import deadletter, operations
from router.core.outputs import Given, Output
from router.core.state import Journal
from router.log.protocol import Envelope, Message, Record, TooLarge
from router.topics import COMPACTED, Stage

MAX_RECORD_BYTES = 900_000
"""No output is larger: Kafka's brokers refuse 1 MiB by default."""

TIMER_RETRY = timedelta(minutes=1)

_log = structlog.get_logger(__name__)


class Core(Protocol):
    """What a shard needs of a stage's core (`router.core.triage`, `router.core.dispatch`)."""

    journal: Journal

    @property
    def stage(self) -> Stage:
        """Which stage it is."""
        ...

    @property
    def contracts(self) -> Mapping[str, type[Any]]:
        """The contract of each type of event that it takes."""
        ...

    @property
    def activation(self) -> int:
        """The rulebook's activation in force."""
        ...

    def step(self, event: object, given: Given, now: datetime) -> list[Output]:
        """Process one input."""
        ...

    def fire(self, before: datetime, now: datetime) -> list[Output] | None:
        """Handle one timer that is due strictly before `before`, or return None."""
        ...

    def postpone(self, until: datetime) -> None:
        """Put the earliest due timer off."""
        ...

    def next_at(self) -> datetime | None:
        """The earliest timer's instant."""
        ...

    def caught_up(self, now: datetime) -> list[Output]:
        """Everything that was stored while the shard was down has been read."""
        ...

    def refuse(self, kind: str, given: Given, problem: str, now: datetime) -> list[Output] | None:
        """What to answer to an input that is not of its contract; None: a dead letter."""
        ...

    def fallback(self, event: object, given: Given, now: datetime) -> list[Output] | None:
        """The least that must be done for an input whose step raised."""
        ...


class Stepper:
    """A core, and the name under which its shard tells what it does."""

    def __init__(self, core: Core, partition: int) -> None:
        self.core = core
        self.name = f"switchboard/{core.stage.value}/{partition}"
        self._partition = partition

    def step(self, record: Record, now: datetime) -> list[Message]:
        """One input; whatever it raises, the record becomes a dead letter."""
        mark = self.core.journal.mark()
        given = self._given(record)
        event: object = None
        try:
            try:
                event = decode(self._contract(record.envelope.type), record.value)
            except Malformed as error:
                refusal = self.core.refuse(record.envelope.type, given, str(error), now)
                if refusal is None:
                    raise
                return self.messages(refusal)
            return self.messages(self.core.step(event, given, now))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must go on
            self.core.journal.rollback(mark)
            return self._dead_letter(record, event, given, error, now)

    def refused(self, record: Record, error: TooLarge, now: datetime) -> list[Message]:
        """What comes of an input when the log refuses what came of it: a dead letter."""
        return self._dead_letter(record, self._event(record), self._given(record), error, now)

    def _given(self, record: Record) -> Given:
        """How a record came. What all shards of a stage read causes other things in each."""
        cause = record.envelope.id
        if self._partition and record.topic in COMPACTED:
            cause = f"{cause}@{self._partition}"
        return Given(cause, record.stored_at, record.value)

    def _event(self, record: Record) -> object:
        """What the record holds; None when it is not of its contract."""
        try:
            return decode(self._contract(record.envelope.type), record.value)
        except Malformed:
            return None

    def _contract(self, kind: str) -> type[Any]:
        try:
            return self.core.contracts[kind]
        except KeyError:
            raise Malformed(f"no contract for events of type {kind!r}") from None

    def _dead_letter(
        self, record: Record, event: object, given: Given, error: Exception, now: datetime
    ) -> list[Message]:
        """The record as a dead letter, and the least that must be done for it all the same."""
        kind, problem = type(error).__name__, str(error)[:2_000]
        letter = deadletter.of_record(record, error=kind, problem=problem, at=now)
        _log.error("dead_letter", shard=self.name, origin=str(letter.origin), error=kind)
        return [*deadletter.messages(letter, self.name), *self._least(event, given, now)]

    def _least(self, event: object, given: Given, now: datetime) -> list[Message]:
        """What must be done even for an input whose step raised; it may fail too."""
        mark = self.core.journal.mark()
        try:
            return self.messages(self.core.fallback(event, given, now) or [])
        except Exception:  # noqa: BLE001 - what can be done was done; operations are told
            self.core.journal.rollback(mark)
            _log.exception("fallback_failed", shard=self.name, cause=given.cause)
            return []

    def fire(self, before: datetime, now: datetime) -> list[Message] | None:
        """One timer that is due strictly before `before`; None when there is none."""
        mark = self.core.journal.mark()
        try:
            outputs = self.core.fire(before, now)
            return None if outputs is None else self.messages(outputs)
        except Exception as error:  # noqa: BLE001 - operations are told, others go on
            self.core.journal.rollback(mark)
            return [self.timer_failed(error, now)]

    def timer_failed(self, error: Exception, now: datetime) -> Message:
        """The earliest timer cannot be done now: later, and operations are told."""
        self.core.postpone(now + TIMER_RETRY)
        _log.error("timer_failed", shard=self.name, exc_info=error)
        data = operations.TimerFailed(
            source=self.name, error=type(error).__name__, problem=str(error)[:2_000],
            again_at=now + TIMER_RETRY, at=now,
        )  # fmt: skip
        identity = f"{self.name}/timer-failed/{now.isoformat()}"
        return operations.message(data, id=identity, source=self.name, at=now)

    def messages(self, outputs: Sequence[Output]) -> list[Message]:
        """The outputs as records. Raises `TooLarge` for one that no log would take."""
        messages: list[Message] = []
        envelope: Envelope | None = None
        value = b""
        for output in outputs:
            if envelope is None or output.id != envelope.id:  # else one event to several topics
                value = encode(output.data)
                if len(value) > MAX_RECORD_BYTES:
                    raise TooLarge(f"{output.type} would have {len(value)} bytes")
                envelope = Envelope(
                    output.id, output.type, self.name, output.time, output.extensions
                )
            messages.append(Message(output.topic, output.key, value, envelope))
        return messages
