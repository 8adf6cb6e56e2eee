"""Numbers over time, worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from router.whatif.gauges import Buckets, Gauge, Level, Spread, spread

START = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(minutes: float) -> datetime:
    """The instant so many minutes after the start."""
    return START + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("end", "size", "ends"),
    [
        (at(90), HOUR, [at(30), at(90)]),
        (at(100), HOUR, [at(30), at(90), at(100)]),
        (at(10), HOUR, [at(10)]),
        (at(30), HOUR, [at(30)]),
        (at(0), HOUR, [at(0)]),
    ],
)
def test_buckets_end_where_hours_do(end: datetime, size: timedelta, ends: list[datetime]) -> None:
    """The first is cut where the run begins within an hour, the last where it ends."""
    assert Buckets.of(START, end, size).ends == ends


@pytest.mark.parametrize(
    ("span", "size"),
    [
        (timedelta(minutes=90), timedelta(minutes=1)),
        (timedelta(hours=8), timedelta(minutes=5)),
        (timedelta(days=1), timedelta(minutes=15)),
        (timedelta(days=4), HOUR),
        (timedelta(days=60), timedelta(days=1)),
        (timedelta(days=99_999), timedelta(days=28)),
    ],
)
def test_a_hundred_buckets_at_most(span: timedelta, size: timedelta) -> None:
    """The smallest usual size that makes no more; of decades, four weeks."""
    assert Buckets.of(START, START + span).size == size


def test_a_gauge_by_hand() -> None:
    """Two for 30 minutes, three for 30, one for 40: a peak of three and a mean of 1.9."""
    buckets = Buckets.of(START, at(100), HOUR)
    gauge = Gauge(buckets)
    gauge.add(2, at(0))
    gauge.add(1, at(30))
    gauge.add(-2, at(60))
    assert gauge.level(at(100)) == Level(peak=3, mean=1.9, last=1, samples=[2, 1, 1])


def test_a_gauge_that_nothing_moves_is_zero() -> None:
    """In every bucket; and a run of no length has a mean too."""
    assert Gauge(Buckets.of(START, at(90), HOUR)).level(at(90)) == Level(0, 0.0, 0, [0, 0])
    assert Gauge(Buckets.of(START, START, HOUR)).level(START) == Level(0, 0.0, 0, [0])


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ([5.0], Spread(1, 5.0, 5.0, 5.0)),
        ([4.0, 1.0, 3.0, 2.0], Spread(4, 2.0, 4.0, 4.0)),
        ([float(one) for one in range(1, 11)], Spread(10, 5.0, 9.0, 10.0)),
    ],
)
def test_the_spread_is_by_nearest_rank(seconds: list[float], found: Spread) -> None:
    """A duration that was measured, never one between two."""
    assert spread(seconds) == found
