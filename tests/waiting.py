"""Waiting for what other processes do: they set no events."""

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 30


async def until(holds: Callable[[], bool], seconds: float = 0.01) -> None:
    """Wait until it holds, looking every so many seconds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(seconds)
