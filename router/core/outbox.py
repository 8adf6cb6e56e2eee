"""What a step has yielded so far, and the ids under which it does."""

from datetime import datetime
from typing import Any

import msgspec

from router.core.outputs import Output


class Outbox:
    """Collects the outputs of one step; ids are `<cause>/<n>`, the same cause makes the same.

    `raw` is the input's own JSON, for outputs that pass it on: what embeds it keeps the fields
    that this version does not know.
    """

    __slots__ = ("_count", "cause", "now", "outputs", "raw")

    def __init__(self, cause: str, now: datetime, raw: bytes = b"null") -> None:
        self.cause = cause
        self.now = now
        self.raw = msgspec.Raw(raw)
        self.outputs: list[Output] = []
        self._count = 0

    def embedded(self) -> Any:
        """The input itself, to be embedded in an output as it stands."""
        return self.raw

    def next_id(self) -> str:
        """The next id that follows from this step's cause."""
        self._count += 1
        return f"{self.cause}/{self._count}"

    def add(
        self,
        topic: str,
        key: str,
        kind: str,
        data: object,
        *,
        id: str | None = None,
        extensions: dict[str, str] | None = None,
    ) -> str:
        """Yield `data` as an event; returns its id, under which it may go to further topics."""
        event_id = id or self.next_id()
        self.outputs.append(Output(topic, key, kind, event_id, self.now, data, extensions or {}))
        return event_id
