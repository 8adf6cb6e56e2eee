"""One account's way out as the senders use it: its sender, its pace, its state of health."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import structlog

from channels.errors import Unavailable
from channels.outbound import OutboundMessage
from channels.rate import Rate
from channels.sending import Deferred, Delivery, Later, Sender, Unconfirmed
from router.counters import Counters
from router.edges.caps import AUTOMATIC
from router.edges.pacing import Breaker, Pace

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt after which another one follows, `after_seconds` at the earliest."""

    reason: str
    after_seconds: float = 0.0


@dataclass
class Lane:
    """Bounds how many messages of an account go out at once and how fast."""

    name: str
    sender: Sender
    pace: Pace
    counters: Counters
    slots: asyncio.Semaphore = field(init=False)
    rate: Rate = field(init=False)
    breaker: Breaker = field(init=False)
    _answers: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.pace.concurrency)
        self.rate = Rate(self.pace.per_second, self.pace.burst)
        self.breaker = Breaker(self.pace.breaker_failures, self.pace.breaker_seconds)

    async def turn(self) -> None:
        """Wait until the breaker and the rate let a message go."""
        now = asyncio.get_running_loop().time
        while wait := self.breaker.wait(now()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._answers.wait()
        await asyncio.sleep(self.rate.reserve(now()))

    async def attempt(self, message: OutboundMessage) -> Delivery | Failed:
        """Send once, and judge what came of it."""
        try:
            delivery = await self.sender.send(message)
        except Unconfirmed as error:
            self._failed(error)
            if message.kind in AUTOMATIC:
                return Delivery("uncertain", permanent=True, reason=str(error))
            return Failed(str(error))
        except Deferred as error:
            self._answered()
            return Failed(str(error))
        except Unavailable as error:
            self._failed(error)
            return Failed(str(error), error.seconds if isinstance(error, Later) else 0.0)
        except Exception as error:  # noqa: BLE001 - see below
            # A sender's own fault must not stop every other account; nor is it known what it did.
            _log.exception("sender_crashed", account=self.name, message=message.id)
            self.counters.add("senders.crashed")
            return Delivery("uncertain", permanent=True, reason=f"{type(error).__name__}: {error}")
        self._answered()
        return delivery

    def _answered(self) -> None:
        self.breaker.succeeded()
        # Wakes those who wait now, and nobody later.
        self._answers.set()
        self._answers.clear()

    def _failed(self, error: Exception) -> None:
        self.counters.add("senders.unavailable")
        if self.breaker.failed(asyncio.get_running_loop().time()):
            self.counters.add("senders.breaker.opened")
            _log.error("breaker_opened", account=self.name, reason=str(error))
