"""A number that goes up and down in time: its samples, its peak, its mean. And how times spread."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from channels.errors import Malformed

MOST_BUCKETS = 100
MOST_WANTED = 10_000
SIZES = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 30, 60, 3 * 60, 6 * 60, 24 * 60, 7 * 24 * 60, 28 * 24 * 60)
)
_EPOCH = datetime.fromisoformat("2001-01-01T00:00:00Z")
"""A Monday: buckets of a day or a week begin where days and weeks do."""


class Buckets(msgspec.Struct, frozen=True):
    """Spans of equal length from `start` to `end`; the first may be cut."""

    start: datetime
    end: datetime
    size: timedelta

    @classmethod
    def of(cls, start: datetime, end: datetime, size: timedelta | None = None) -> "Buckets":
        """Buckets of `size`, or of the smallest usual one that makes at most a hundred.

        Raises `Malformed` for a size that makes too many.
        """
        if size is not None and (end - start) / size > MOST_WANTED:
            said = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
            raise Malformed(
                f"{said} are more than {MOST_WANTED} intervals of {size}: choose longer ones"
            )
        longest = SIZES[-1]
        fitting = (one for one in SIZES if (end - start) / one <= MOST_BUCKETS)
        return cls(start, end, size or next(fitting, longest))

    @property
    def first(self) -> datetime:
        """The end of the first bucket."""
        return self.start + self.size - (self.start - _EPOCH) % self.size

    @property
    def ends(self) -> list[datetime]:
        """The instants at which samples are taken: each bucket's end."""
        first = self.first
        count = max(0, -((first - self.end) // self.size)) + 1
        return [min(first + number * self.size, self.end) for number in range(count)]


class Level(msgspec.Struct, frozen=True):
    """What a gauge showed: the highest number, the mean over time, and one sample a bucket."""

    peak: int
    mean: float
    last: int
    samples: list[int]


class Gauge:
    """A number that is 0 at the start of the buckets."""

    __slots__ = ("_area", "_buckets", "_count", "_next", "_peak", "_samples", "_since")

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._count = self._peak = 0
        self._area = 0.0
        self._since = buckets.start
        self._next = buckets.first
        self._samples: list[int] = []

    def add(self, by: int, at: datetime) -> None:
        """It changes by `by` at `at`; instants never run backwards."""
        self._until(at)
        self._count += by
        self._peak = max(self._peak, self._count)

    def level(self, end: datetime) -> Level:
        """What it showed until `end`."""
        self._until(end)
        ends = len(self._buckets.ends)
        samples = [*self._samples, *[self._count] * ends][:ends]
        seconds = (end - self._buckets.start).total_seconds()
        mean = round(self._area / seconds, 3) if seconds > 0 else 0.0
        return Level(self._peak, mean, self._count, samples)

    def _until(self, at: datetime) -> None:
        while self._next <= at:
            self._samples.append(self._count)
            self._next += self._buckets.size
        if at > self._since:
            self._area += self._count * (at - self._since).total_seconds()
            self._since = at


class Spread(msgspec.Struct, frozen=True):
    """How durations spread, in seconds: half took `median` at most, nine of ten `p90`."""

    count: int
    median: float
    p90: float
    longest: float


def spread(seconds: Sequence[float]) -> Spread:
    """The spread of `seconds`, of which there is at least one; by nearest rank."""
    ranked = sorted(seconds)

    def rank(share: float) -> float:
        return round(ranked[math.ceil(share * len(ranked)) - 1], 3)

    return Spread(len(ranked), rank(0.5), rank(0.9), rank(1.0))
