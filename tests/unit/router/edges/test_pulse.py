"""The watermarks of the sources."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from channels.contract import decode
from channels.errors import Unavailable
from router.edges.pulse import pulse
from router.log.protocol import Message
from router.operations import Watermark

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FewTimes:
    """A log that is down at first, and stops the pulse after three publications."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.calls = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        """Refuse, then take, then end."""
        self.calls += 1
        if self.calls == 1:
            raise Unavailable("the log is down")
        self.messages.extend(messages)
        if self.calls == 3:
            raise asyncio.CancelledError


async def test_pulse_counts_what_each_source_took() -> None:
    """What could not be told is told the next time; a quiet source says 0."""
    log: Any = FewTimes()
    taken = iter([2, 5, 6])
    sources = {"channels/smtp": lambda: next(taken), "channels/http": lambda: 0}
    with suppress(asyncio.CancelledError):
        await pulse(log, sources, clock=lambda: NOON, every_seconds=0)
    told = [decode(Watermark, message.value or b"") for message in log.messages]
    assert [(one.source, one.records, one.read_through) for one in told] == [
        ("channels/smtp", 5, NOON),
        ("channels/http", 0, NOON),
        ("channels/smtp", 1, NOON),
        ("channels/http", 0, NOON),
    ]
