"""The brokers' clock, as far as it can be known: what a produce's reply says, and the time since.

A reply with the append time `b` shows that the brokers' clock stood at `b` when it came, or later.
So `b` and what has passed since is never ahead of it: a frontier by it is honest.
"""

import time
from datetime import datetime, timedelta

from channels.errors import Unavailable
from router.log.kafka_layout import instant

DRIFT = timedelta(milliseconds=1)
"""By so much a reply may take the clock back: no two clocks run exactly alike."""


class BrokerClock:
    """Never ahead of the brokers' clock; behind it by about the way of a reply."""

    def __init__(self) -> None:
        self._origin: datetime | None = None

    def told(self, append_time: int) -> None:
        """A reply has just said that a record was stored at `append_time`, in milliseconds."""
        origin = instant(append_time) - timedelta(seconds=time.monotonic())
        if self._origin is not None:
            origin = max(origin, self._origin - DRIFT)
        self._origin = origin

    def now(self) -> datetime:
        """The time in whole milliseconds, as the brokers' own. Raises `Unavailable` untold."""
        if self._origin is None:
            raise Unavailable("no broker has said yet what time it is")
        now = self._origin + timedelta(seconds=time.monotonic())
        return now.replace(microsecond=now.microsecond // 1000 * 1000)
