"""Rulebooks are compiled in a thread before a core takes them: thousands of routes take seconds.

The core compiles on its own account and then finds what was compiled here. What is wrong with a
rulebook its step says, and finds as fast.
"""

import asyncio
from collections.abc import Collection, Sequence
from itertools import takewhile

import msgspec

from channels.contract import decode
from channels.errors import Malformed
from router.core.desk import Activation
from router.core.events import RulebookActivated
from router.core.packing import Packed, unpacked
from router.log.protocol import Record
from router.topics import COMPACTED
from rules.index import compile_rulebook

STORED = "rulebook:current"
"""The key of a shard's rulebook in what is stored of its state."""


async def prepare_step(record: Record, in_force: int) -> None:
    """Compile what the record puts in force over that activation, if it does."""
    event = _activated(record)
    if event is not None and event.activation > in_force:
        await _compiles(event)


async def prepare_restore(data: bytes) -> None:
    """Compile what the stored entity under `STORED` has in force."""
    await _compiles(msgspec.json.decode(data, type=Activation))


async def superseded(records: Sequence[Record]) -> Collection[Record]:
    """The activations that a shard which begins anew need not take: a newer one follows at once.

    That is one with a higher number, which compiles and comes before anything that it would decide.
    """
    leading = takewhile(lambda record: record.topic in COMPACTED, records)
    found = [(event.activation, one) for one in leading if (event := _activated(one)) is not None]
    for number, newest in sorted(found, key=lambda one: -one[0]) if len(found) > 1 else ():
        if await _compiles(_activated(newest)):
            earlier = found[: found.index((number, newest))]
            return [record for other, record in earlier if other < number]
    return ()


def _activated(record: Record) -> RulebookActivated | None:
    """The record's activation; None when it is something else, or not of its contract."""
    if record.envelope.type != RulebookActivated.TYPE:
        return None
    try:
        return decode(RulebookActivated, record.value)
    except Malformed:
        return None


async def _compiles(carrier: Packed | None) -> bool:
    if carrier is None:
        return False
    try:
        await asyncio.to_thread(lambda: compile_rulebook(unpacked(carrier)))
    except Exception:  # noqa: BLE001 - whatever it is, the step meets it too and sets it aside
        return False
    return True
