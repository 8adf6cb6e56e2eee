"""A shard's rulebook is compiled beside the event loop, once, and only where it is needed."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from router import records
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated
from router.core.triage import Triage
from router.log.memory import MemoryLog
from router.log.protocol import Envelope, Message, Record, Source
from router.preparing import superseded
from router.shard import Pace, Shard
from router.stepping import Core
from router.topics import CUSTOMERS, DEADLETTER, REQUESTS_INBOUND, RULEBOOK
from router.world import LETTERHEAD
from rules import index
from rules.load import load_document as really_load

RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"
SLOW_SECONDS = 1.0
STALL_SECONDS = 0.5
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CORES: tuple[Callable[[], Core], ...] = (lambda: Triage(LETTERHEAD), lambda: Dispatch(LETTERHEAD))


def book(note: str) -> dict[str, str]:
    """A right rulebook that no other test has; another one for each note."""
    return {"a.yaml": f"# preparing: {note}\n{RULES}"}


def wrong(note: str) -> dict[str, str]:
    """A rulebook that no shard takes."""
    return {"a.yaml": book(note)["a.yaml"].replace("queue: q}", "queue: x}")}


def clock() -> datetime:
    """The real one: what is slow takes time."""
    return datetime.now(UTC)


def activations(*books: Mapping[str, str]) -> list[Message]:
    """One after the other, put in force."""
    return [records.activation(files, number, clock()) for number, files in enumerate(books, 1)]


class Loads:
    """The rulebooks that were loaded, by the first line's note; each takes its time."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.seconds = 0.0

    def __call__(self, files: dict[str, str]) -> object:
        """Load in its time."""
        self.notes.append(files["a.yaml"].partition("\n")[0].rpartition(" ")[2])
        time.sleep(self.seconds)
        return really_load(files)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """What is loaded in place of the real thing; nothing is compiled yet."""
    index._compilation.cache_clear()
    found = Loads()
    monkeypatch.setattr(index, "load_document", found)
    return found


def shards(log: MemoryLog) -> list[Shard]:
    """One of each stage."""
    pace = Pace(wait_seconds=0.01, watermark=None)
    return [Shard(log, core, 0, clock=clock, pace=pace) for core in CORES]


async def longest_stall(working: Callable[[], bool]) -> float:
    """For how long the event loop came to nothing else, at most, while something works."""
    longest, last = 0.0, time.monotonic()
    while working():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    return longest


async def stall_of(
    both: list[Shard], step: Callable[[Shard], Coroutine[Any, Any, object]]
) -> float:
    """The longest stall while both shards do it at once."""
    tasks = [asyncio.create_task(step(one)) for one in both]
    stall = await longest_stall(lambda: not all(task.done() for task in tasks))
    await asyncio.gather(*tasks)
    return stall


async def test_the_event_loop_goes_on_while_shards_take_a_large_rulebook(loads: Loads) -> None:
    """Sockets do not wait for a hot reload; both shards share one compilation."""
    log = MemoryLog(clock)
    both = shards(log)
    await log.publish(activations(book("small")))
    for one in both:
        await one.turn()
    await log.publish(activations(book("small"), book("large"))[1:])
    loads.seconds = SLOW_SECONDS
    assert await stall_of(both, Shard.turn) < STALL_SECONDS
    assert [one.core.activation for one in both] == [2, 2]
    assert loads.notes == ["small", "large"]


async def test_the_event_loop_goes_on_while_a_shard_refuses_a_large_rulebook(loads: Loads) -> None:
    """A wrong one takes as long, and comes to the dead letters as ever."""
    log = MemoryLog(clock)
    await log.publish(activations(book("right"), wrong("wrong")))
    (first, _) = shards(log)
    await first.turn()
    loads.seconds = SLOW_SECONDS
    await log.publish([records.activation(wrong("worse"), 3, clock())])
    assert await stall_of([first], Shard.turn) < STALL_SECONDS
    assert first.core.activation == 1
    assert loads.notes.count("worse") == 1


async def test_the_event_loop_goes_on_while_a_restored_shard_compiles(loads: Loads) -> None:
    """A process that starts with a large rulebook answers meanwhile."""
    log = MemoryLog(clock)
    await log.publish(activations(book("stored")))
    for one in shards(log):
        await one.turn()
    index._compilation.cache_clear()
    loads.notes.clear()
    loads.seconds = SLOW_SECONDS
    both = shards(log)
    assert await stall_of(both, Shard.open) < STALL_SECONDS
    assert [one.core.activation for one in both] == [1, 1]
    assert loads.notes == ["stored"]


async def test_a_shard_that_begins_anew_compiles_the_newest_activation_only(loads: Loads) -> None:
    """The others in its history are superseded before they decide anything."""
    log = MemoryLog(clock)
    await log.publish(activations(*(book(f"anew-{number}") for number in range(5))))
    for one in shards(log):
        assert await one.turn() == 5
        assert one.core.activation == 5
        assert await one.turn() == 0
    assert loads.notes == ["anew-4"]


@pytest.mark.parametrize("core", CORES)
async def test_where_the_newest_is_wrong_the_one_before_it_is_in_force(
    core: Callable[[], Core], loads: Loads
) -> None:
    """And the wrong one is a dead letter, as for a shard that reads one by one."""
    log = MemoryLog(clock)
    await log.publish(activations(book("old"), book("good"), wrong("bad")))
    shard = Shard(log, core, 0, clock=clock, pace=Pace(watermark=None))
    await shard.turn()
    assert shard.core.activation == 2
    assert sorted(loads.notes) == ["bad", "good"]
    assert log.length(Source(DEADLETTER, 0)) == 1


A, B, C = book("a"), book("b"), wrong("c")


@pytest.mark.parametrize(
    ("story", "passed_over"),
    [
        ((), ()),
        (((1, A),), ()),
        (((1, A), (2, B)), (0,)),
        (((1, A), (2, B), (3, A)), (0, 1)),
        (((1, A), (3, B), (2, A)), (0,)),  # what comes late changes nothing: its step sees that
        (((1, A), (1, B)), ()),  # the first counts
        (((1, C), (1, B), (2, C)), ()),  # what is wrong becomes a dead letter
        (((1, A), (2, B), (3, C)), (0,)),
        (((1, C), (2, C)), ()),
        (((1, A), CUSTOMERS, (2, B)), (0,)),
        (((1, A), REQUESTS_INBOUND, (2, B)), ()),  # it is decided by the first
        (((1, A), (2, B), REQUESTS_INBOUND, (3, A)), (0,)),
        (((1, A), RULEBOOK, (2, B)), (0,)),  # what is no activation
    ],
)
async def test_superseded_is_what_decides_nothing(
    story: tuple[str | tuple[int, dict[str, str]], ...], passed_over: tuple[int, ...]
) -> None:
    """A newer one follows that is right, and no request comes between."""
    found = [record_of(place, one) for place, one in enumerate(story)]
    assert [int(one.offset) for one in await superseded(found)] == list(passed_over)


def record_of(place: int, told: str | tuple[int, dict[str, str]]) -> Record:
    """An activation's record, or one of that topic that is none."""
    if isinstance(told, str):
        envelope = Envelope(f"{place}", RulebookActivated.TYPE, "test", NOON)
        return Record(told, 0, f"{place}", "k", b"{}", envelope, NOON)
    message = records.activation(told[1], told[0], NOON)
    return Record(
        message.topic, 0, f"{place}", message.key, message.value or b"", message.envelope, NOON
    )
