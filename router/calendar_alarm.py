"""The alarm that a calendar in force lacks the days off of a year that begins soon.

The core counts by the calendar that it has and knows no alarms; so a part beside the shards looks
whenever a rulebook comes into force, and once an hour, for time goes on too.
"""

import asyncio
from contextlib import suppress
from datetime import datetime

import structlog

from channels.errors import Malformed, Unavailable
from channels.inbox import Clock
from router import operations
from router.log.protocol import Log
from router.rulebook_following import POLL_SECONDS, activations
from router.rulebook_history import in_force
from rules.coverage import gaps_ahead
from rules.index import compile_rulebook

EVERY_SECONDS = 3600.0
SOURCE = "switchboard/calendars"
_log = structlog.get_logger(__name__)


async def watch_calendars(log: Log, *, clock: Clock, every_seconds: float = EVERY_SECONDS) -> None:
    """Until cancelled, tell operations of each calendar in force that is not covered, once a day.

    Args:
        log: Where the rulebook in force is read, and `operations.calendar_uncovered` published.
        clock: The present instant.
        every_seconds: Seconds between two looks while no rulebook comes into force.
    """
    changed = asyncio.Event()
    told: set[str] = set()
    async with asyncio.TaskGroup() as group:
        group.create_task(_notice(log, changed))
        while True:
            changed.clear()
            try:
                told = await _tell(log, clock(), told)
                wait_seconds = every_seconds
            except Unavailable as error:
                _log.warning("calendars_wait_for_log", reason=str(error))
                wait_seconds = POLL_SECONDS
            # `wait_for` forgets, before Python 3.12, a cancellation that comes with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await changed.wait()


async def _notice(log: Log, changed: asyncio.Event) -> None:
    async for _ in activations(log, waiting="calendars_wait_for_log"):
        changed.set()


async def _tell(log: Log, now: datetime, told: set[str]) -> set[str]:
    """Tell what was not told today; the identities of all that is to be told today."""
    found = await _uncovered(log, now)
    for identity, event in found.items():
        if identity not in told:
            await log.publish([operations.message(event, id=identity, source=SOURCE, at=now)])
            _log.warning("calendar_uncovered", problem=event.problem, rulebook=event.rulebook)
    return set(found)


async def _uncovered(log: Log, now: datetime) -> dict[str, operations.CalendarUncovered]:
    """By identity, which all workers of one day give alike."""
    entry = await in_force(log)
    try:
        compiled = await asyncio.to_thread(compile_rulebook, entry.files)
    except Malformed as error:
        _log.warning("calendars_unreadable", version=entry.version, problem=str(error)[:300])
        return {}
    return {
        f"{SOURCE}/{compiled.version}/{name}/{gap.first}/{now.date()}": (
            operations.CalendarUncovered(
                rulebook=compiled.version, calendar=name, first_year=gap.first,
                last_year=gap.last, problem=f"calendar {name}: {gap}", at=now,
            )
        )
        for name, calendar in compiled.calendars.items()
        for gap in gaps_ahead(calendar.spec, now)
    }  # fmt: skip
