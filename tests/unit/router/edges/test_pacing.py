"""Backoff and breaker."""

import random

import pytest

from router.edges.pacing import Breaker, Pace


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 1.0), (2, 2.0), (5, 16.0), (11, 600.0), (10_000, 600.0)]
)
def test_backoff_doubles_up_to_its_limit(attempt: int, longest: float) -> None:
    """Drawn from the upper half, so that the tries of many messages spread."""
    chance = random.Random(7)  # noqa: S311 - seeded on purpose
    drawn = [Pace().retry_after(attempt, chance) for _ in range(200)]
    assert longest / 2 <= min(drawn) < max(drawn) <= longest


def test_breaker_opens_probes_and_closes() -> None:
    """Three failures open it; then one try a pause; one success closes it."""
    breaker = Breaker(failures=3, seconds=30)
    assert [breaker.failed(now) for now in (0.0, 1.0, 2.0, 3.0)] == [False, False, True, False]
    assert breaker.wait(3.0) == 30.0
    assert breaker.wait(33.0) == 0.0
    assert breaker.wait(33.0) == 30.0
    assert breaker.wait(40.0) == 23.0
    breaker.succeeded()
    assert breaker.wait(40.0) == 0.0


def test_success_between_failures_keeps_it_closed() -> None:
    """Only failures in a row count."""
    breaker = Breaker(failures=2, seconds=30)
    for now in range(10):
        assert not breaker.failed(float(now))
        breaker.succeeded()
    assert not breaker.open
