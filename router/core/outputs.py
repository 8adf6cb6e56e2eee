"""What a step yields: facts to be stored, each under an id that follows from its cause."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Output:
    """One record to store: `data` is a contract, or JSON bytes that are passed on untouched."""

    topic: str
    key: str
    type: str
    id: str
    time: datetime
    data: Any
    extensions: dict[str, str] = field(default_factory=dict)


class Outbox:
    """Collects the outputs of one step; ids are `<cause>/<n>`, the same cause makes the same."""

    __slots__ = ("_count", "cause", "now", "outputs")

    def __init__(self, cause: str, now: datetime) -> None:
        self.cause = cause
        self.now = now
        self.outputs: list[Output] = []
        self._count = 0

    def next_id(self) -> str:
        """The next id that follows from this step's cause."""
        self._count += 1
        return f"{self.cause}/{self._count}"

    def add(
        self,
        topics: str | tuple[str, ...],
        key: str,
        kind: str,
        data: object,
        *,
        id: str | None = None,  # noqa: A002 - the CloudEvents attribute
        extensions: dict[str, str] | None = None,
    ) -> str:
        """Yield `data` to one topic or, as the same event, to several. Returns the event's id."""
        event_id = id or self.next_id()
        for topic in (topics,) if isinstance(topics, str) else topics:
            self.outputs.append(
                Output(topic, key, kind, event_id, self.now, data, extensions or {})
            )
        return event_id
