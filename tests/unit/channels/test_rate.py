"""The token bucket."""

from hypothesis import given
from hypothesis import strategies as st

from channels.rate import Rate


def test_burst_then_rate() -> None:
    """Three at once, then two a second; a pause fills the bucket again, and no further."""
    rate = Rate(per_second=2.0, burst=3)
    assert [rate.reserve(100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert [rate.reserve(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


@given(
    gaps=st.lists(st.floats(0, 10), min_size=1, max_size=60),
    per_second=st.floats(0.1, 100),
    burst=st.integers(1, 50),
)
def test_no_window_has_more_than_the_rate_allows(
    gaps: list[float], per_second: float, burst: int
) -> None:
    """Between any two turns there were at most `burst` and what the rate gave meanwhile."""
    rate, now, turns = Rate(per_second, burst), 0.0, []
    for gap in gaps:
        now += gap
        turns.append(now + rate.reserve(now))
    for first in range(len(turns)):
        for last in range(first, len(turns)):
            allowed = burst + (turns[last] - turns[first]) * per_second
            assert last - first + 1 <= allowed + 1e-6 * (1 + allowed)
