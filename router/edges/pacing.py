"""When to send, and when to wait: backoff and breaker. Pure; seconds of a monotonic clock."""

import random
from dataclasses import dataclass, field

from channels.outbound import Way


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How an account is treated.

    `first_retry_seconds` doubles up to `longest_retry_seconds`, each drawn from its upper half.
    The breaker opens after `breaker_failures` in a row and lets one message try every
    `breaker_seconds`. A message that still fails `give_up_seconds` after it was written has
    failed. With `most_waiting` messages waiting, a further automatic one is not sent: it would
    come days too late.
    """

    concurrency: int = 4
    per_second: float = 20.0
    burst: int = 20
    first_retry_seconds: float = 1.0
    longest_retry_seconds: float = 600.0
    breaker_failures: int = 5
    breaker_seconds: float = 30.0
    give_up_seconds: float = 2 * 86400.0
    most_waiting: int = 10_000

    def retry_after(self, attempt: int, chance: random.Random) -> float:
        """Seconds before the next try after the `attempt`-th (from 1) has failed."""
        doubled: float = self.first_retry_seconds * 2 ** min(attempt - 1, 30)
        return min(doubled, self.longest_retry_seconds) * chance.uniform(0.5, 1.0)


CHAT = Pace(
    concurrency=200,
    per_second=200.0,
    burst=200,
    longest_retry_seconds=10.0,
    give_up_seconds=86400.0,
    most_waiting=100_000,
)
"""The web chat: many wait for their visitors' confirmation at once, and nobody is overrun; those
of visitors who have left wait for them, and say nothing of the account."""


WEBHOOK = Pace(longest_retry_seconds=300.0, give_up_seconds=86400.0)
"""A program's URL: what it was told a day ago is of no use to it."""


@dataclass
class Breaker:
    """Keeps an account that does not answer from being tried by every message of its own."""

    failures: int
    seconds: float
    _failed: int = field(default=0, init=False)
    _probe_at: float = field(default=float("-inf"), init=False)

    @property
    def open(self) -> bool:
        """True while the account counts as down."""
        return self._failed >= self.failures

    def wait(self, now: float) -> float:
        """0 when a try may be made now; otherwise the seconds until the next one may."""
        if not self.open:
            return 0.0
        if now >= self._probe_at:
            self._probe_at = now + self.seconds
            return 0.0
        return self._probe_at - now

    def succeeded(self) -> None:
        """The account answered."""
        self._failed = 0

    def failed(self, now: float) -> bool:
        """The account did not answer; True when the breaker opens by this."""
        self._failed += 1
        self._probe_at = now + self.seconds
        return self._failed == self.failures


_USUAL = {"chat": CHAT, "webhook": WEBHOOK}


def usual_pace(way: Way) -> Pace:
    """The pace of an account that has none of its own."""
    return _USUAL.get(way, Pace())
