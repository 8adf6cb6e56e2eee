"""A tailed `queue_log`: its calls, each published once its end is logged. No decisions here.

The position is stored after the log has confirmed: at-least-once, and deterministic ids remove
what a crash in between makes come twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import structlog

from channels.errors import Unavailable
from channels.hotline.parse import Assembler
from channels.hotline.position import Position, load, save
from channels.hotline.tail import NumberedLine, Tail
from channels.inbox import Inbound, Publish
from channels.parsed import Unreadable

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class QueueLog:
    """One PBX: its log, where the position is kept (elsewhere), and the country of its numbers.

    `from_end` is for a first start beside an old log: what stands in it is not read.
    """

    account: str
    path: Path
    position_path: Path
    region: str | None = None
    interval_seconds: float = 1.0
    from_end: bool = False


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
    tail = Tail(queue_log.path, place, from_end=queue_log.from_end)
    try:
        while True:
            lines = await _step(queue_log, tail, assembler, publish)
            if not lines:
                await asyncio.sleep(queue_log.interval_seconds)
    finally:
        tail.close()


async def _step(
    queue_log: QueueLog, tail: Tail, assembler: Assembler, publish: Publish
) -> Sequence[NumberedLine]:
    before, lost = tail.place, tail.lost
    lines = await _until_done(queue_log, lambda: asyncio.to_thread(tail.read))
    if tail.lost > lost:
        _log.warning("hotline.rotated_file_gone", path=str(queue_log.path))
    origin = f"hotline/{queue_log.account}"
    found = [_from(origin, one) for offset, line in lines for one in assembler.feed(line, offset)]
    if found:
        await _until_done(queue_log, lambda: publish(found))
    place = tail.place
    if place is not None and place != before:
        open_lines = tuple(line for call in assembler.open_calls() for line in call.raw)
        position = Position(place=place, open_lines=open_lines)
        await _until_done(
            queue_log, lambda: asyncio.to_thread(save, queue_log.position_path, position)
        )
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
