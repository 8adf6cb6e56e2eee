"""A stretch of open periods with running sums: business time by looking up, not by walking."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta

ZERO = timedelta(0)


class Stretch:
    """All open periods of some months, in order. What reaches beyond `until` it does not know."""

    __slots__ = ("_after", "_before", "_ends", "_starts", "_until")

    def __init__(self, periods: Iterable[tuple[datetime, datetime]], until: datetime) -> None:
        self._starts: list[datetime] = []
        self._ends: list[datetime] = []
        self._before: list[timedelta] = []
        self._after: list[timedelta] = []
        self._until = until
        total = ZERO
        for start, end in periods:
            self._starts.append(start)
            self._ends.append(end)
            self._before.append(total)
            total += end - start
            self._after.append(total)

    def is_open(self, at: datetime) -> bool:
        """Whether an instant of the stretch is in a period."""
        number = bisect_right(self._ends, at)
        return number < len(self._starts) and self._starts[number] <= at

    def due(self, start: datetime, duration: timedelta) -> datetime | None:
        """When `duration` of open time has passed; None when that is beyond the stretch."""
        number = bisect_right(self._ends, start)
        if number == len(self._ends):
            return None
        opens = self._starts[number]
        total = self._before[number] + duration
        if start > opens:
            total += start - opens
        if total > self._after[-1]:
            return None
        number = bisect_left(self._after, total, number)
        return self._starts[number] + (total - self._before[number])

    def elapsed(self, start: datetime, end: datetime) -> timedelta | None:
        """The open time between two instants in order; None when that is beyond the stretch."""
        return self._passed(end) - self._passed(start) if end < self._until else None

    def _passed(self, at: datetime) -> timedelta:
        number = bisect_right(self._starts, at) - 1
        if number < 0:
            return ZERO
        if at >= self._ends[number]:
            return self._after[number]
        return self._before[number] + (at - self._starts[number])
