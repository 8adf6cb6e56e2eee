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
from router.core.entities.inputs import Activation
from router.core.events import RulebookActivated
from router.core.packing import Packed, unpacked
from router.log.protocol import Record
from router.topics import COMPACTED
from rules.index import compile_rulebook

STORED = "rulebook:current"
"""The key of a shard's rulebook in what is stored of its state."""


def is_activation(record: Record) -> bool:
    """Whether the record may put a rulebook in force: few do, and only they need preparing."""
    return record.envelope.type == RulebookActivated.TYPE


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
    found = [(event, one) for one in leading if (event := _activated(one)) is not None]
    newest_first = sorted(enumerate(found), key=lambda one: -one[1][0].activation)
    for place, (newest, _) in newest_first if len(found) > 1 else ():
        if await _compiles(newest):
            return [one for event, one in found[:place] if event.activation < newest.activation]
    return ()


def _activated(record: Record) -> RulebookActivated | None:
    """The record's activation; None when it is something else, or not of its contract."""
    if not is_activation(record):
        return None
    try:
        return decode(RulebookActivated, record.value)
    except Malformed:
        return None


async def _compiles(carrier: Packed) -> bool:
    try:
        await asyncio.to_thread(lambda: compile_rulebook(unpacked(carrier)))
    except Exception:  # noqa: BLE001 - whatever it is, the step meets it too and sets it aside
        return False
    return True
