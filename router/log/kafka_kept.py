"""A client that is made when it is first needed, and anew after it has failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from channels.errors import Unavailable
from router.log.kafka_wire import Cluster
from router.log.protocol import TooLarge

T = TypeVar("T")


class Kept(Generic[T]):
    """Keeps one client of a kind. `start` connects it, `stop` hangs up, whatever its state."""

    def __init__(
        self,
        cluster: Cluster,
        make: Callable[[], T],
        start: Callable[[T], Awaitable[object]],
        stop: Callable[[T], Awaitable[None]],
    ) -> None:
        self._cluster = cluster
        self._make = make
        self._start = start
        self._stop = stop
        self._client: T | None = None
        self._making = asyncio.Lock()

    async def get(self) -> T:
        """The client, connected. Raises `Unavailable`, `Refused`."""
        async with self._making:
            if self._client is None:
                made = self._make()
                try:
                    with self._cluster.errors("the log"):
                        async with asyncio.timeout(self._cluster.timeout_seconds):
                            await self._start(made)
                except BaseException:
                    await self._stop(made)
                    raise
                self._client = made
            return self._client

    @asynccontextmanager
    async def used(self) -> AsyncIterator[T]:
        """The client for one thing to do, in time; raises what the client's errors mean.

        One that did not do it is given up: it may never work again. After a size that the brokers
        refuse, an idempotent producer counts wrongly.
        """
        client = await self.get()
        try:
            with self._cluster.errors("the log"):
                async with asyncio.timeout(self._cluster.timeout_seconds):
                    yield client
        except (Unavailable, TooLarge):
            await self._give_up(client)
            raise

    async def _give_up(self, failed: T) -> None:
        if self._client is failed:
            self._client = None
            await self._stop(failed)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._give_up(self._client)
