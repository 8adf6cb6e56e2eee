"""A token bucket. Pure; seconds of a monotonic clock."""

from dataclasses import dataclass, field


@dataclass
class Rate:
    """`burst` at once, then `per_second`."""

    per_second: float
    burst: int
    _free_at: float = field(default=float("-inf"), init=False)

    def reserve(self, now: float) -> float:
        """Take a turn; returns how many seconds there are until it comes."""
        step = 1 / self.per_second
        self._free_at = max(self._free_at, now - self.burst * step) + step
        return max(0.0, self._free_at - now)
