"""Operations are told of calendars in force that are not covered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from channels.contract import decode
from channels.errors import Unavailable
from router import records
from router.calendar_alarm import watch_calendars
from router.log.memory import MemoryLog
from router.log.protocol import Message
from router.operations import CalendarUncovered
from router.rulebook_following import put_in_force
from router.topics import OPERATIONS
from tests.waiting import until

RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"
DAY = timedelta(days=1)


def book(holidays: str) -> dict[str, str]:
    """A rulebook whose calendar `shop` has these holidays."""
    hours = "timezone: Asia/Shanghai, hours: {mon-fri: ['09:00-18:00']}"
    return {"a.yaml": f"{RULES}calendars: {{shop: {{{hours}, holidays: [{holidays}]}}}}\n"}


class World:
    """A log, a clock that is set by hand, and what operations were told."""

    def __init__(self) -> None:
        self.now = datetime(2040, 11, 25, 9, tzinfo=UTC)
        self.log = MemoryLog(lambda: self.now)

    def told(self) -> list[tuple[str, int, int, str]]:
        """Calendar, years and version of each event."""
        events = [
            decode(CalendarUncovered, one.value)
            for one in self.log.stored()
            if one.topic == OPERATIONS
        ]
        return [(one.calendar, one.first_year, one.last_year, one.rulebook) for one in events]

    @asynccontextmanager
    async def watched(self, every_seconds: float = 3600.0) -> AsyncIterator[None]:
        """While the alarm runs."""
        watching = asyncio.create_task(
            watch_calendars(self.log, clock=lambda: self.now, every_seconds=every_seconds)
        )
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def test_what_comes_into_force_is_looked_at_at_once() -> None:
    """An activation with a calendar that is not covered is told, another one is not."""
    world = World()
    await put_in_force(book("US"), world.log)
    async with world.watched():
        first, _ = await put_in_force(book("CN"), world.log)
        await until(lambda: len(world.told()) == 1)
        await put_in_force(book("US"), world.log)
        again, _ = await put_in_force(book("US, CN"), world.log)
        await until(lambda: len(world.told()) == 2)
    assert world.told() == [("shop", 2040, 2041, one.version) for one in (first, again)]


async def test_it_is_told_once_a_day_and_to_the_log() -> None:
    """Looking again tells nothing new until the next day."""
    world = World()
    await put_in_force(book("CN"), world.log)
    with capture_logs() as logs:
        async with world.watched(every_seconds=0.01):
            await until(lambda: len(world.told()) == 1)
            await asyncio.sleep(0.1)
            assert len(world.told()) == 1
            world.now += DAY
            await until(lambda: len(world.told()) == 2)
    (warning, _) = [one for one in logs if one["event"] == "calendar_uncovered"]
    assert warning["log_level"] == "warning"
    assert warning["problem"].startswith("calendar shop: 2040-2041 are not covered: the days off")


async def test_all_workers_of_a_day_give_the_same_identity() -> None:
    """Who reads operations counts one alarm, however many processes tell it."""
    world = World()
    await put_in_force(book("CN"), world.log)
    async with world.watched(), world.watched():
        await until(lambda: len(world.told()) == 2)
    assert len({one.envelope.id for one in world.log.stored() if one.topic == OPERATIONS}) == 1


async def test_a_rulebook_that_cannot_be_read_is_no_end_of_the_watch() -> None:
    """The shards refuse it; the next one is looked at."""
    world = World()
    broken = records.activation({"a.yaml": "routes: []"}, 1, world.now)
    await world.log.publish([broken])
    with capture_logs() as logs:
        async with world.watched():
            await until(lambda: "calendars_unreadable" in [one["event"] for one in logs])
            await put_in_force(book("CN"), world.log)
            await until(lambda: len(world.told()) == 1)


class AwayAtFirst(MemoryLog):
    """A log that does not take the first alarm."""

    failures = 1

    async def publish(self, messages: Sequence[Message]) -> None:
        """Refuse once."""
        if messages[0].topic == OPERATIONS and self.failures:
            self.failures -= 1
            raise Unavailable("away")
        await super().publish(messages)


async def test_what_the_log_did_not_take_is_told_again() -> None:
    """An alarm is told when it is stored, not when it was tried."""
    world = World()
    world.log = AwayAtFirst(lambda: world.now)
    await put_in_force(book("CN"), world.log)
    with capture_logs() as logs:
        async with world.watched():
            await until(lambda: len(world.told()) == 1)
    assert "calendars_wait_for_log" in [one["event"] for one in logs]


async def test_it_stops_whenever_it_is_told_to() -> None:
    """Also at the very moment at which a rulebook comes into force."""
    for steps in range(40):
        world = World()
        await put_in_force(book("US"), world.log)
        async with asyncio.timeout(5), world.watched():
            await asyncio.sleep(0.02)
            await put_in_force(book("US, CN"), world.log)
            for _ in range(steps):
                await asyncio.sleep(0)
