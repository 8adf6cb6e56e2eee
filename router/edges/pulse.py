"""The watermarks of the sources: a quiet source and a dead one look different."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from channels.errors import Unavailable
from channels.inbox import Clock
from router import operations
from router.log.protocol import Log

EVERY_SECONDS = 10.0
_log = structlog.get_logger(__name__)


async def pulse(
    log: Log,
    sources: Mapping[str, Callable[[], int]],
    *,
    clock: Clock,
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Tell operations until cancelled that each of the `sources` lives.

    Args:
        log: Where `health.watermark` is published. While it is down, nobody is told.
        sources: By name, how many inputs each has taken since it was started.
        clock: The present instant.
        every_seconds: Seconds between two watermarks of a source.
    """
    before = dict.fromkeys(sources, 0)
    while True:
        now = clock()
        taken = {name: count() for name, count in sources.items()}
        told = [
            operations.message(
                operations.Watermark(
                    source=name, read_through=now, records=taken[name] - before[name], at=now
                ),
                id=f"{name}/watermark/{now.isoformat()}",
                source=name,
                at=now,
            )
            for name in sources
        ]
        try:
            await log.publish(told)
            before = taken
        except Unavailable as error:
            _log.warning("watermark_not_stored", reason=str(error))
        await asyncio.sleep(every_seconds)
