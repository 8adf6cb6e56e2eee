"""What a topic holds now, read from its beginning to its end."""

from collections.abc import AsyncIterator

from router.log.protocol import Log, Record


async def stored(log: Log, topic: str) -> AsyncIterator[Record]:
    """The records of `topic` that are stored now, then the end."""
    subscription = log.subscribe([topic], None, from_start=True)
    async for delivery in subscription:
        for record in delivery.records:
            yield record
        if delivery.caught_up:
            break
    await subscription.close()
