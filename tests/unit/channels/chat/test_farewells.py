"""Who has left the chat, and is back: told once, and only of those who have written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from channels.chat import farewells
from channels.chat.farewells import Farewells
from channels.chat.hub import Visitor
from channels.errors import Unavailable
from tests.recording import NOON, RecordingPublish
from tests.waiting import until

WANG = ("web", "wang")
SOON = 0.03


class Door:
    """The farewells under test, with what they have published."""

    def __init__(self) -> None:
        self.publish = RecordingPublish()
        self.now = NOON
        self.counted: list[str] = []
        self.farewells = Farewells(
            publish=self.publish, clock=lambda: self.now, count=self.counted.append
        )

    def writes(self, visitor: Visitor = WANG) -> None:
        """The visitor comes and writes."""
        self.farewells.arrived(visitor)
        self.farewells.wrote(visitor)

    def closes(self, visitor: Visitor = WANG) -> None:
        """The visitor closes the last window."""
        self.farewells.closed(visitor, SOON)

    async def told(self, count: int) -> list[str]:
        """The kinds of what was published, once there are so many."""
        await until(lambda: len(self.publish.requests) >= count)
        await asyncio.sleep(3 * SOON)
        return [request.kind for request in self.publish.requests]


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """Farewells that are told quickly."""
    monkeypatch.setattr(farewells, "_LOOK_SECONDS", 0.005)
    async with _running(Door()) as found:
        yield found


@asynccontextmanager
async def _running(door: Door) -> AsyncIterator[Door]:
    running = asyncio.create_task(door.farewells.run())
    yield door
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_has_written_and_closed_the_window_has_left(door: Door) -> None:
    """At the instant of closing it; the request's id follows from that."""
    door.writes()
    door.closes()
    door.now += timedelta(minutes=1)
    assert await door.told(1) == ["left"]
    (request,) = door.publish.requests
    assert (request.account, request.sender.address) == WANG
    assert request.received_at == NOON
    assert request.external_id == f"wang/left/{NOON.isoformat()}"
    assert door.counted == ["chat.left"]


async def test_who_has_only_looked_is_not_missed(door: Door) -> None:
    """Nobody owes them an answer."""
    door.farewells.arrived(WANG)
    door.closes()
    assert await door.told(0) == []


async def test_a_page_that_is_loaded_anew_is_no_leaving(door: Door) -> None:
    """The visitor is back before the time is over."""
    door.writes()
    door.closes()
    door.farewells.arrived(WANG)
    assert await door.told(0) == []


async def test_who_comes_back_without_a_word_is_told_of(door: Door) -> None:
    """And may leave again without one."""
    door.writes()
    door.closes()
    await door.told(1)
    door.now += timedelta(minutes=1)
    door.farewells.arrived(WANG)
    assert await door.told(2) == ["left", "returned"]
    door.closes()
    assert await door.told(3) == ["left", "returned", "left"]


async def test_who_comes_back_with_a_word_has_said_so(door: Door) -> None:
    """The message tells it."""
    door.writes()
    door.closes()
    await door.told(1)
    door.writes()
    assert await door.told(1) == ["left"]


async def test_what_the_log_does_not_take_is_told_later(door: Door) -> None:
    """Under the same id, however often it is tried."""
    door.publish.down = Unavailable("no log")
    door.writes()
    door.closes()
    await door.told(0)
    door.publish.down = None
    assert await door.told(1) == ["left"]


async def test_who_is_back_before_the_log_is_has_not_left(door: Door) -> None:
    """Nobody was told of the leaving, and so nobody is told of the return."""
    door.publish.down = Unavailable("no log")
    door.writes()
    door.closes()
    await door.told(0)
    door.farewells.arrived(WANG)
    door.publish.down = None
    assert await door.told(0) == []


async def test_those_who_have_left_are_forgotten_in_the_end(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory is bounded: who comes back then without a word is not told of."""
    monkeypatch.setattr(farewells, "MOST_GONE", 1)
    for name in ("wang", "li"):
        door.writes(("web", name))
        door.closes(("web", name))
        door.now += timedelta(seconds=1)
    await door.told(2)
    for name in ("wang", "li"):
        door.farewells.arrived(("web", name))
    assert await door.told(3) == ["left", "left", "returned"]
