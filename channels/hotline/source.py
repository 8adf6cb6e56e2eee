"""A tailed `queue_log`: its calls, each published once its end is logged. No decisions here.

The position is stored after the log has confirmed: at-least-once, and deterministic ids remove
what a crash in between makes come twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import structlog

from channels.errors import Malformed, Unavailable
from channels.hotline.parse import Assembler
from channels.hotline.position import Place, Position, load, save
from channels.hotline.queue_log import read
from channels.hotline.tail import NumberedLine, Tail
from channels.inbox import Inbound, Publish
from channels.parsed import Unreadable

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class QueueLog:
    """One PBX: its log, where the position is kept (elsewhere), and the country of its numbers.

    `since` is for a first start beside an old log: what was logged before is history. Calls that
    are open then are followed to their end.
    """

    account: str
    path: Path
    position_path: Path
    region: str | None = None
    interval_seconds: float = 1.0
    since: datetime | None = None


@dataclass
class _Reading:
    """How far a log has been read: `history` until when lines are not news, `saved` the place."""

    tail: Tail
    assembler: Assembler
    history: datetime | None
    saved: Place | None

    def news(self, line: bytes) -> bool:
        """Whether `line`, and with it every later one, is no history."""
        if self.history is not None and _at(line) >= self.history:
            self.history = None
        return self.history is None

    def position(self) -> Position | None:
        """What to store, once it has changed. History has no place to go on from."""
        place = self.tail.place
        if place is None or place == self.saved or self.history is not None:
            return None
        lines = tuple(line for call in self.assembler.open_calls() for line in call.raw)
        return Position(place=place, open_lines=lines)


def _at(line: bytes) -> datetime:
    try:
        return read(line).at
    except Malformed:
        return datetime.min.replace(tzinfo=UTC)


async def run(queue_log: QueueLog, publish: Publish) -> None:
    """Follow the log until cancelled. Raises `Malformed` when the stored position is damaged.

    While the log cannot be read, or `publish` raises `Unavailable`, it is tried again, after ever
    longer waits; nothing is skipped.
    """
    position = await asyncio.to_thread(load, queue_log.position_path)
    assembler = Assembler(queue_log.account, queue_log.region)
    for line in position.open_lines if position else ():
        assembler.feed(line, 0)
    place = position.place if position else None
    history = None if position else queue_log.since
    reading = _Reading(Tail(queue_log.path, place), assembler, history, place)
    try:
        while True:
            lines = await _step(queue_log, reading, publish)
            if not lines:
                await asyncio.sleep(queue_log.interval_seconds)
    finally:
        reading.tail.close()


async def _step(queue_log: QueueLog, reading: _Reading, publish: Publish) -> Sequence[NumberedLine]:
    tail = reading.tail
    lost = tail.lost
    lines = await _until_done(queue_log, lambda: asyncio.to_thread(tail.read))
    if tail.lost > lost:
        _log.warning("hotline.rotated_file_gone", path=str(queue_log.path))
    if not lines:
        reading.history = None  # the end of what there was
    origin = f"hotline/{queue_log.account}"
    found: list[Inbound] = []
    for offset, line in lines:
        complete = reading.assembler.feed(line, offset)
        if reading.news(line):
            found += (_from(origin, one) for one in complete)
    if found:
        await _until_done(queue_log, lambda: publish(found))
    position = reading.position()
    if position is not None:
        await _until_done(
            queue_log, lambda: asyncio.to_thread(save, queue_log.position_path, position)
        )
        reading.saved = position.place
    return lines


def _from(origin: str, one: Inbound) -> Inbound:
    return replace(one, origin=origin) if isinstance(one, Unreadable) else one


async def _until_done(queue_log: QueueLog, action: Callable[[], Awaitable[T]]) -> T:
    wait_seconds = queue_log.interval_seconds
    while True:
        try:
            return await action()
        except (Unavailable, OSError) as error:
            _log.warning("hotline.waiting", path=str(queue_log.path), problem=str(error))
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
