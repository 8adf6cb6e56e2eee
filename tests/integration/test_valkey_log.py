"""What only the log on Valkey has: its format, its server's faults, its trimming."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from channels.errors import Full, Malformed, Unavailable
from router.log import valkey_shard
from router.log.protocol import (
    Commit,
    Envelope,
    Fenced,
    Log,
    Message,
    Record,
    Source,
    TooLarge,
    Uncertain,
)
from router.log.valkey import ValkeyLog, check_server
from router.log.valkey_server import EmbeddedServer
from router.log.valkey_shard import Broken, ValkeyShard
from router.log.wire import Address, Command, Refused, Wire
from router.topics import Partitions
from tests.conformance.proxy import Moment, Proxy

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
IN, OUT = "requests.inbound", "tickets.events"
SOURCES = [Source(IN, 0)]


def message(identity: str, topic: str = IN, value: bytes = b"{}") -> Message:
    """A small record."""
    return Message(topic, "k", value, Envelope(identity, "t", "tests", NOW), 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """One server for these tests."""
    found = EmbeddedServer(tmp_path_factory.mktemp("valkey"))
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def raw(server: EmbeddedServer) -> AsyncIterator[Wire]:
    """The server's own language; what a test has set there is set back."""
    wire = Wire(Address.parse(server.url))
    yield wire
    await wire.call([("CONFIG", "SET", "maxmemory", 0), ("FLUSHALL",)])
    await wire.close()


@pytest_asyncio.fixture(loop_scope="module")
async def log(server: EmbeddedServer, raw: Wire) -> AsyncIterator[ValkeyLog]:
    """An empty log, namespace `n`."""
    found = ValkeyLog(server.url, "n")
    yield found
    await found.close()


async def stored(log: Log, topic: str) -> list[Record]:
    """All records of a topic."""
    found: list[Record] = []
    async for delivery in log.subscribe([topic], None, from_start=True):
        found += delivery.records
        if delivery.caught_up:
            break
    return found


async def test_what_others_wrote_into_a_stream_is_a_record_of_type_unreadable(
    log: ValkeyLog, raw: Wire
) -> None:
    """Its bytes survive, and the records behind it are read."""
    stream = "n:stream:requests.inbound:0"
    await log.publish([message("a")])
    strange = (
        ("text", "hello"),
        ("k", b"\xff", "e", "{}", "v", "x"),
        ("k", "", "e", "[]", "v", ""),
    )
    await raw.call([("XADD", stream, "*", *fields) for fields in strange])
    await log.publish([message("b")])
    shard = await log.open_shard("triage", 0, SOURCES)
    first, *foreign, last = (await shard.poll(10, 0)).records
    await shard.close()
    assert (first.envelope.id, last.envelope.id) == ("a", "b")
    assert {one.envelope.type for one in foreign} == {"unreadable"}
    assert foreign[0].value == b"text\0hello"
    assert foreign[0].envelope.id == f"{IN}/0/{foreign[0].offset}"


async def test_a_commit_stored_in_part_closes_the_shard(log: ValkeyLog, raw: Wire) -> None:
    """MULTI does not roll back: nobody goes on from there until somebody has looked."""
    shard = await log.open_shard("triage", 0, SOURCES)
    await raw.call([("SET", "n:stream:tickets.events:0", "not a stream")])
    with pytest.raises(Broken, match="only in part"):
        await shard.commit(Commit([message("out", OUT)], {"x": b"1"}, {}))
    await shard.close()
    with pytest.raises(Broken, match="HDEL n:shard:triage:0 broken"):
        await log.open_shard("triage", 0, SOURCES)
    await raw.call([("DEL", "n:stream:tickets.events:0"), ("HDEL", "n:shard:triage:0", "broken")])
    await (await log.open_shard("triage", 0, SOURCES)).close()


async def test_a_full_server_takes_nothing_and_then_goes_on(log: ValkeyLog, raw: Wire) -> None:
    """`Full` for a producer and for a commit, which stores nothing; room again, and both work."""
    shard = await log.open_shard("triage", 0, SOURCES)
    await raw.call([("CONFIG", "SET", "maxmemory", 1)])
    commit = Commit([message("out", OUT)], {"x": b"1"}, {})
    with pytest.raises(Full):
        await log.publish([message("a")])
    with pytest.raises(Full):
        await shard.commit(commit)
    await raw.call([("CONFIG", "SET", "maxmemory", 0)])
    assert await stored(log, OUT) == []
    await log.publish([message("a")])
    await shard.commit(commit)
    await shard.close()
    assert [one.envelope.id for one in await stored(log, OUT)] == ["out"]


async def test_publishes_that_wait_for_each_other_fail_each_on_its_own(
    log: ValkeyLog, raw: Wire
) -> None:
    """They share a round trip, not a fate; each is stored, or refused with its own reason."""
    await raw.call([("SET", "n:stream:deadletter:0", "not a stream")])
    sent = [message(f"m{number}", OUT) for number in range(50)]
    sent[7] = message("big", OUT, b"x" * 2_000_000)
    sent[9] = message("refused", "deadletter")
    results = await asyncio.gather(*(log.publish([one]) for one in sent), return_exceptions=True)
    failed = {number: type(one) for number, one in enumerate(results) if one is not None}
    assert failed == {7: TooLarge, 9: Refused}
    assert {one.envelope.id for one in await stored(log, OUT)} == {
        one.envelope.id for number, one in enumerate(sent) if number not in failed
    }


async def test_a_publisher_that_is_cancelled_disturbs_nobody(log: ValkeyLog) -> None:
    """Its own fate is open, as it is whenever publish does not return."""
    await log.open()
    publishing = [asyncio.create_task(log.publish([message(f"m{n}", OUT)])) for n in range(10)]
    await asyncio.sleep(0)
    publishing[3].cancel()
    await asyncio.gather(*publishing, return_exceptions=True)
    found = {one.envelope.id for one in await stored(log, OUT)}
    assert found >= {f"m{number}" for number in range(10) if number != 3}


async def test_another_partition_count_is_refused(log: ValkeyLog, server: EmbeddedServer) -> None:
    """The count of a log in use decides where its keys are: it cannot just be another."""
    await log.open()
    other = ValkeyLog(server.url, "n", Partitions(triage=4))
    with pytest.raises(Malformed, match=r"'triage': 1.*'triage': 4"):
        await other.open()
    await other.close()


async def test_trimming_stays_behind_every_reader(log: ValkeyLog) -> None:
    """Neither what a shard has not committed goes, nor what a group has not acknowledged."""
    shard = await log.open_shard("triage", 0, SOURCES)
    reading = log.subscribe([IN, OUT], "views", from_start=True)
    deliveries = aiter(reading)
    await anext(deliveries)
    await log.publish([message(f"m{number}") for number in range(10)])
    await log.publish([message("event", OUT), message("book", "rulebook")])
    assert await log.trim(timedelta(0)) == 0
    records = (await shard.poll(6, 0)).records
    await shard.commit(Commit([], {}, {SOURCES[0]: records[-1].offset}))
    assert await log.trim(timedelta(0)) == 0, "the group has acknowledged nothing"
    seen = 0
    while seen < 11:
        delivery = await anext(deliveries)
        seen += len(delivery.records)
        await reading.ack(delivery)
    await reading.close()
    await asyncio.sleep(0.002)
    await log.trim(timedelta(0))
    left = [one.envelope.id for one in await stored(log, IN)]
    assert left == ["m5", "m6", "m7", "m8", "m9"], "the last one read stands, the next is to come"
    assert [one.envelope.id for one in (await shard.poll(10, 0)).records] == left[1:]
    await shard.close()
    assert len(await stored(log, "rulebook")) == 1, "a compacted topic is never trimmed"


async def test_compacting_keeps_the_newest_of_each_key(log: ValkeyLog) -> None:
    """Behind every reader, and no sooner than the retention; what is not compacted stays."""
    shard = await log.open_shard("triage", 0, [Source("customers", 0)])
    for number in range(4):
        await log.publish([keyed("customers", f"k{number % 2}", f"c{number}")])
        await log.publish([keyed("tickets.events", "k", f"e{number}")])
    await asyncio.sleep(0.002)
    assert await log.compact(timedelta(0)) == 0, "the shard has read nothing"
    records = (await shard.poll(10, 0)).records
    await shard.commit(Commit([], {}, {Source("customers", 0): records[0].offset}))
    assert await log.compact(timedelta(hours=1)) == 0
    assert await log.compact(timedelta(0)) == 0, "what was committed last stands"
    await shard.commit(Commit([], {}, {Source("customers", 0): records[-1].offset}))
    assert await log.compact(timedelta(0)) == 2
    assert [one.envelope.id for one in await stored(log, "customers")] == ["c2", "c3"]
    assert len(await stored(log, "tickets.events")) == 4
    await shard.close()


def keyed(topic: str, key: str, identity: str) -> Message:
    """A record under a key."""
    return Message(topic, key, b"{}", Envelope(identity, "t", "tests", datetime.now(UTC)), 0)


async def test_trimming_keeps_what_is_younger_than_the_retention(log: ValkeyLog) -> None:
    """Though nobody reads it."""
    await log.publish([message("a", OUT)])
    assert await log.trim(timedelta(hours=1)) == 0
    assert len(await stored(log, OUT)) == 1


async def test_a_large_transaction_is_atomic_for_its_readers(
    log: ValkeyLog, server: EmbeddedServer
) -> None:
    """Nobody ever reads a part of a commit."""
    shard = await log.open_shard("triage", 0, SOURCES)
    outputs = [message(f"o{number}", OUT) for number in range(3_000)]
    committing = asyncio.create_task(shard.commit(Commit(outputs, {}, {})))
    other, counts = ValkeyLog(server.url, "n"), set()
    while not committing.done():
        counts.add(len(await stored(other, OUT)))
    counts.add(len(await stored(other, OUT)))
    await shard.close()
    await other.close()
    assert counts <= {0, 3_000}


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """For every verb."""
    log = ValkeyLog(f"unix://{tmp_path}/nothing.sock")
    verbs: list[Callable[[], object]] = [
        log.now,
        log.topics,
        lambda: log.publish([message("a")]),
        lambda: log.open_shard("triage", 0, SOURCES),
        lambda: anext(aiter(log.subscribe([OUT], "g"))),
    ]
    for verb in verbs:
        with pytest.raises(Unavailable, match="does not answer"):
            await verb()  # type: ignore[misc] # all are awaitable
    await log.close()


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ("redis_version:6.2.14", "7 or newer, this server is 6.2.14"),
        ("redis_version:7.2.4\nredis_mode:cluster", "part of a cluster"),
        ("redis_version:7.2.4\nvalkey_version:9.1.0\nserver_mode:cluster", "part of a cluster"),
        ("redis_version:7.2.4\nmaxmemory:1000\nmaxmemory_policy:allkeys-lru", "noeviction"),
        ("nothing at all", "7 or newer"),
    ],
)
async def test_a_server_that_cannot_keep_the_promises_is_refused(info: str, problem: str) -> None:
    """Too old, a cluster, or one that throws records away."""
    with pytest.raises(Malformed, match=problem):
        check_server(info)


async def test_a_server_that_may_forget_is_told_of() -> None:
    """Without an append-only file a crash takes back what was confirmed."""
    assert check_server("redis_version:7.2.4\naof_enabled:1") is None
    assert "appendonly is off" in (check_server("redis_version:7.2.4\naof_enabled:0") or "")


async def test_the_embedded_server_forgets_nothing(server: EmbeddedServer, raw: Wire) -> None:
    """It writes every transaction to the disk before it answers, and evicts nothing."""
    names = ("appendonly", "appendfsync", "maxmemory-policy", "aof-load-truncated", "save", "port")
    (reply,) = await raw.call([("CONFIG", "GET", *names)])
    found = dict(zip(reply[::2], reply[1::2], strict=True))
    assert found == {
        b"appendonly": b"yes", b"appendfsync": b"always", b"maxmemory-policy": b"noeviction",
        b"aof-load-truncated": b"yes", b"save": b"", b"port": b"0",
    }  # fmt: skip


async def test_an_owner_that_comes_in_the_middle_of_a_commit_is_noticed(
    log: ValkeyLog, raw: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the epoch and the transaction: WATCH makes it store nothing."""
    shard = await log.open_shard("triage", 0, SOURCES)
    assert isinstance(shard, ValkeyShard)
    look = shard._own

    async def look_and_lose() -> None:
        await look()
        await raw.call([("HINCRBY", "n:shard:triage:0", "epoch", 1)])

    monkeypatch.setattr(shard, "_own", look_and_lose)
    with pytest.raises(Fenced):
        await shard.commit(Commit([message("ghost", OUT)], {"x": b"ghost"}, {}))
    await shard.close()
    successor = await log.open_shard("triage", 0, SOURCES)
    assert [one async for one in successor.restore()] == []
    await successor.close()
    assert await stored(log, OUT) == []


async def test_an_owner_that_does_not_know_its_own_last_commit_is_fenced(
    log: ValkeyLog, raw: Wire
) -> None:
    """It should have opened the shard again: what it would store rests on what it does not know."""
    shard = await log.open_shard("triage", 0, SOURCES)
    await raw.call([("HINCRBY", "n:shard:triage:0", "commit", 1)])
    with pytest.raises(Fenced):
        await shard.commit(Commit([message("ghost", OUT)], {}, {}))
    await shard.close()
    assert await stored(log, OUT) == []


async def test_a_frontier_is_honest_whenever_somebody_writes(
    log: ValkeyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also between any two commands of a poll."""
    shard = await log.open_shard("triage", 0, SOURCES)
    assert isinstance(shard, ValkeyShard)
    at_once = shard._wire.call

    async def one_by_one(commands: Sequence[Command], **options: bool) -> list[object]:
        replies: list[object] = []
        for command in commands:
            await asyncio.sleep(0.003)
            await log.publish([message("between")])
            await asyncio.sleep(0.003)
            replies += await at_once([command], **options)
        return replies

    monkeypatch.setattr(shard._wire, "call", one_by_one)
    first = await shard.poll(100, 0)
    second = await shard.poll(100, 0)
    await shard.close()
    assert second.records
    assert all(one.stored_at >= first.read_through for one in second.records)


async def test_a_key_that_a_scan_shows_twice_is_restored_once(
    log: ValkeyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As HSCAN may while its table grows."""
    shard = await log.open_shard("triage", 0, SOURCES)
    assert isinstance(shard, ValkeyShard)
    pages = [[b"7", [b"a", b"1", b"b", b"2"]], [b"0", [b"b", b"2", b"c", b"3"]]]

    async def scan(_: Sequence[Command]) -> list[object]:
        return [pages.pop(0)]

    monkeypatch.setattr(shard._wire, "call", scan)
    found = [one async for one in shard.restore()]
    await shard.close()
    assert found == [("a", b"1"), ("b", b"2"), ("c", b"3")]


class GoneAfterwards(Proxy):
    """Hangs up, and is not there again."""

    def _done(self) -> None:
        super()._done()
        self._listener.close()


async def test_a_commit_of_which_nobody_can_tell_is_uncertain(
    log: ValkeyLog, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply was lost, and the log does not come back: to open the shard again shows it."""
    monkeypatch.setattr(valkey_shard, "RESOLVE_SECONDS", 0.2)
    proxy = GoneAfterwards(server.socket, tmp_path / "p")
    await proxy.start()
    through = ValkeyLog(f"unix://{proxy.listening}", "n")
    shard = await through.open_shard("triage", 0, SOURCES)
    await shard.poll(1, 0)
    proxy.cut = Moment.AFTER
    with pytest.raises(Uncertain):
        await shard.commit(Commit([message("out", OUT)], {}, {}))
    await shard.close()
    await through.close()
    await proxy.stop()
    assert [one.envelope.id for one in await stored(log, OUT)] == ["out"]


async def test_user_password_and_database_are_the_addresss(
    server: EmbeddedServer, raw: Wire
) -> None:
    """A wrong password is refused for good; the right one reaches the database."""
    path = str(server.socket)
    await raw.call([("ACL", "SETUSER", "ann", "on", ">secret", "~*", "+@all")])
    wrong = Wire(Address(path, username="ann", password="guess"))
    with pytest.raises(Refused, match="WRONGPASS"):
        await wrong.call([("PING",)])
    right = Wire(Address(path, username="ann", password="secret", database=3))
    await right.call([("SET", "where", "three")])
    assert await raw.call([("GET", "where"), ("SELECT", 3), ("GET", "where"), ("SELECT", 0)]) == [
        None, b"OK", b"three", b"OK",
    ]  # fmt: skip
    for wire in (wrong, right):
        await wire.close()


async def test_a_fenced_owner_learns_it_though_its_reply_is_lost(
    log: ValkeyLog, server: EmbeddedServer
) -> None:
    """It asks what is stored, and finds that the shard is another's."""
    shard = await log.open_shard("triage", 0, SOURCES)
    other = ValkeyLog(server.url, "n")
    await (await other.open_shard("triage", 0, SOURCES)).close()
    await other.close()
    assert isinstance(shard, ValkeyShard)
    with pytest.raises(Fenced):
        await shard._resolve()
    await shard.close()
