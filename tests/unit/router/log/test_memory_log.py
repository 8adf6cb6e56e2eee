"""The memory log's own: virtual time, and failures drawn from a seed."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from channels.errors import Full, Unavailable
from router.log.memory import Faults, MemoryLog
from router.log.protocol import Commit, Envelope, Fenced, Message, ShardLog, Source

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
IN, OUT = "requests.inbound", "tickets.events"
SOURCE = Source(IN, 0)


class World:
    """A log and the clock that it looks at."""

    def __init__(self, **options: float | timedelta) -> None:
        self.now = NOON
        chance = random.Random(1)  # noqa: S311 - a seed, not a secret
        self.faults = Faults(chance, **options)  # type: ignore[arg-type] # each test names its own
        self.log = MemoryLog(lambda: self.now, faults=self.faults)

    async def shard(self) -> ShardLog:
        """The shard of these tests."""
        return await self.log.open_shard("triage", 0, [SOURCE])

    def stored(self, topic: str) -> list[str]:
        """The ids that a topic holds."""
        return [one.envelope.id for one in self.log.stored() if one.topic == topic]


def message(identity: str, topic: str = IN) -> Message:
    """A small record."""
    return Message(topic, "k", b"{}", Envelope(identity, "t", "tests", NOON), 0)


async def test_time_is_the_clocks() -> None:
    """`stored_at`, `log_time` and the frontier move as it moves, and not by themselves."""
    world = World()
    shard = await world.shard()
    await world.log.publish([message("a")])
    world.now += timedelta(hours=3)
    await world.log.publish([message("b")])
    batch = await shard.poll(10, 0)
    assert [one.stored_at for one in batch.records] == [NOON, NOON + timedelta(hours=3)]
    assert batch.read_through == batch.log_time == await world.log.now() == world.now


async def test_a_poll_that_need_not_wait_never_lets_go() -> None:
    """In virtual time nothing sleeps: it returns without once giving way to the event loop."""
    poll = (await World().shard()).poll(10, 0)
    with pytest.raises(StopIteration):
        poll.send(None)


async def test_a_commit_that_fails_before_it_is_stored_stores_nothing() -> None:
    """The owner opens the shard anew and finds it as it was."""
    world = World(before_commit=1)
    shard = await world.shard()
    with pytest.raises(Unavailable, match="nothing was committed"):
        await shard.commit(Commit([message("out", OUT)], {"x": b"1"}, {SOURCE: "0"}))
    assert world.stored(OUT) == []
    assert [one async for one in (await world.shard()).restore()] == []


async def test_a_commit_that_fails_after_it_is_stored_stays_stored() -> None:
    """The reply was lost, not the commit."""
    world = World(after_commit=1)
    with pytest.raises(Unavailable, match="the reply was lost"):
        await (await world.shard()).commit(Commit([message("out", OUT)], {"x": b"1"}, {}))
    assert world.stored(OUT) == ["out"]
    assert [one async for one in (await world.shard()).restore()] == [("x", b"1")]


async def test_a_former_owner_is_fenced_before_it_can_fail() -> None:
    """A zombie learns what it is, whatever else goes wrong."""
    world = World(before_commit=1, after_commit=1)
    zombie = await world.shard()
    await world.shard()
    for _ in range(3):
        with pytest.raises(Fenced):
            await zombie.commit(Commit([message("ghost", OUT)], {}, {}))
        with pytest.raises(Fenced):
            await zombie.poll(1, 0)
    assert world.stored(OUT) == []


async def test_a_producer_that_repeats_what_was_not_confirmed_stores_it_twice() -> None:
    """Which is why ids are deterministic."""
    world = World(after_publish=1)
    with pytest.raises(Unavailable):
        await world.log.publish([message("a")])
    world.log.faults = None
    await world.log.publish([message("a")])
    assert world.stored(IN) == ["a", "a"]


@pytest.mark.parametrize(
    ("fault", "kind"), [("before_publish", Unavailable), ("full", Full), ("before_poll", None)]
)
async def test_a_publish_that_is_refused_stores_nothing(
    fault: str, kind: type[Exception] | None
) -> None:
    """An outage, no room; an outage of reading is none of writing."""
    world = World(**{fault: 1})
    shard = await world.shard()
    if kind is None:
        await world.log.publish([message("a")])
        with pytest.raises(Unavailable, match="nothing was read"):
            await shard.poll(10, 0)
        return
    with pytest.raises(kind):
        await world.log.publish([message("a")])
    assert world.stored(IN) == []


async def test_a_log_of_so_many_records_takes_no_more() -> None:
    """Not even a commit; nothing of which is stored."""
    log = MemoryLog(lambda: NOON, max_records=2)
    shard = await log.open_shard("triage", 0, [SOURCE])
    await log.publish([message("a"), message("b")])
    with pytest.raises(Full):
        await log.publish([message("c")])
    with pytest.raises(Full):
        await shard.commit(Commit([message("out", OUT)], {"x": b"1"}, {}))
    await shard.commit(Commit([], {"x": b"2"}, {}))
    assert len(log.stored()) == 2


@pytest.mark.parametrize("seed", range(20))
async def test_the_frontier_stays_behind_what_shows_late(seed: int) -> None:
    """However late records show, none was stored before a frontier that was told already."""
    world = World(delay=timedelta(seconds=5))
    world.faults.chance.seed(seed)
    pace = random.Random(seed)  # noqa: S311 - as above
    shard = await world.shard()
    frontier, found = NOON - timedelta(days=1), list[str]()
    for number in range(60):
        await world.log.publish([message(f"m{number}")])
        world.now += timedelta(seconds=pace.random() * 2)
        batch = await shard.poll(pace.randrange(1, 4), 0)
        assert all(one.stored_at >= frontier for one in batch.records)
        assert frontier <= batch.read_through <= world.now
        frontier = batch.read_through
        found += [one.envelope.id for one in batch.records]
    world.now += timedelta(seconds=10)
    found += [one.envelope.id for one in (await shard.poll(100, 0)).records]
    assert found == [f"m{number}" for number in range(60)]


async def test_a_seed_is_a_run() -> None:
    """The same faults strike at the same steps."""

    async def struck() -> list[bool]:
        world = World(before_publish=0.3, after_publish=0.3, delay=timedelta(seconds=1))
        outcomes = []
        for number in range(50):
            try:
                await world.log.publish([message(f"m{number}")])
            except Unavailable:
                outcomes.append(True)
            else:
                outcomes.append(False)
        return outcomes

    first = await struck()
    assert first == await struck()
    assert len(set(first)) == 2
