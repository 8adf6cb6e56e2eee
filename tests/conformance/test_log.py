"""Every promise of `router.log.protocol`, over every log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from channels.errors import Malformed, Unavailable
from router.log.partition import partition_of
from router.log.protocol import (
    Commit,
    Delivery,
    Envelope,
    Fenced,
    Log,
    Message,
    Record,
    ShardLog,
    Source,
    TooLarge,
)
from tests.conformance.harness import Harness
from tests.conformance.proxy import Moment

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="session")]

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
IN, OUT = "requests.inbound", "tickets.events"
SOURCES = (Source("rulebook", 0), Source(IN, 0))


def message(
    identity: str, *, topic: str = IN, key: str = "k", partition: int | None = 0
) -> Message:
    """A small record."""
    envelope = Envelope(identity, "test.happened", "tests", NOON, {"activation": "1"})
    return Message(topic, key, f'{{"id":"{identity}"}}'.encode(), envelope, partition)


async def opened(log: Log) -> ShardLog:
    """The shard that the tests own."""
    return await log.open_shard("triage", 0, SOURCES)


async def state_of(shard: ShardLog) -> dict[str, bytes]:
    """What a restore yields."""
    return {key: data async for key, data in shard.restore()}


async def ids(log: Log, topic: str) -> list[str]:
    """The ids of all records of a topic that are stored."""
    found: list[str] = []
    async for delivery in log.subscribe([topic], None, from_start=True):
        found += [record.envelope.id for record in delivery.records]
        if delivery.caught_up:
            break
    return found


async def committed(shard: ShardLog, record: Record, *outputs: Message, **changes: bytes) -> None:
    """Commit one record's outputs and changes."""
    position = {Source(record.topic, record.partition): record.offset}
    await shard.commit(Commit(outputs, changes, position))


async def test_what_is_published_is_read_as_it_was(log: Log) -> None:
    """Key, bytes and envelope survive, whatever alphabet they are in."""
    envelope = Envelope("ид/1", "типа", "来源", NOON, {"ext": "é", "n": "1"})
    sent = Message(IN, "钥匙 key", '{"文":"投訴"}'.encode(), envelope, 0)
    await log.publish([sent])
    (record,) = (await (await opened(log)).poll(10, 0)).records
    assert (record.key, record.value, record.envelope) == (sent.key, sent.value, envelope)
    assert (record.topic, record.partition) == (IN, 0)


async def test_records_of_a_partition_keep_their_order(log: Log) -> None:
    """First stored, first read, over polls and batches."""
    sent = [f"m{number}" for number in range(250)]
    for start in range(0, 250, 50):
        await log.publish([message(one) for one in sent[start : start + 50]])
    shard = await opened(log)
    found: list[str] = []
    while len(found) < 250:
        found += [record.envelope.id for record in (await shard.poll(33, 0)).records]
    assert found == sent


async def test_the_key_decides_the_partition(log: Log) -> None:
    """murmur2 of the key, for whoever names no partition."""
    keys = [f"key{number}" for number in range(20)]
    await log.publish([message(key, key=key, partition=None) for key in keys])
    for partition in (0, 1):
        shard = await log.open_shard("triage", partition, [Source(IN, partition)])
        found = {record.key for record in (await shard.poll(100, 0)).records}
        assert found == {key for key in keys if partition_of(key, 2) == partition}


async def test_a_commit_stores_outputs_changes_and_position_together(log: Log) -> None:
    """All three are there for the next owner."""
    await log.publish([message("a"), message("b")])
    shard = await opened(log)
    first, _ = (await shard.poll(10, 0)).records
    await committed(shard, first, message("out", topic=OUT), x=b"1", y=b"2")
    again = await opened(log)
    assert await state_of(again) == {"x": b"1", "y": b"2"}
    assert [record.envelope.id for record in (await again.poll(10, 0)).records] == ["b"]
    assert await ids(log, OUT) == ["out"]


async def test_a_change_to_nothing_deletes(log: Log) -> None:
    """The last value of a key counts, none is gone."""
    shard = await opened(log)
    await shard.commit(Commit([], {"x": b"1", "y": b"1"}, {}))
    await shard.commit(Commit([], {"x": b"2", "y": None, "z": None}, {}))
    assert await state_of(await opened(log)) == {"x": b"2"}


async def test_what_was_not_committed_is_read_again(log: Log) -> None:
    """A new owner begins where the last commit ended."""
    await log.publish([message("a"), message("b")])
    shard = await opened(log)
    await shard.poll(10, 0)
    again = await opened(log)
    assert [record.envelope.id for record in (await again.poll(10, 0)).records] == ["a", "b"]


async def test_a_former_owner_is_fenced_and_stores_nothing(log: Log) -> None:
    """Opening a shard ends its previous owner: nothing of its next commit is stored."""
    await log.publish([message("a")])
    old = await opened(log)
    (record,) = (await old.poll(10, 0)).records
    new = await opened(log)
    with pytest.raises(Fenced):
        await committed(old, record, message("ghost", topic=OUT), x=b"ghost")
    assert await ids(log, OUT) == []
    assert await state_of(new) == {}
    assert len((await new.poll(10, 0)).records) == 1


async def test_a_former_owner_is_fenced_when_it_polls(log: Log) -> None:
    """It learns of its end without having anything to commit."""
    old = await opened(log)
    await opened(log)
    with pytest.raises(Fenced):
        await old.poll(10, 0)


async def test_of_two_owners_only_the_last_can_commit(log: Log) -> None:
    """However the two interleave."""
    first = await opened(log)
    await first.commit(Commit([], {"n": b"1"}, {}))
    second = await opened(log)
    await second.commit(Commit([], {"n": b"2"}, {}))
    with pytest.raises(Fenced):
        await first.commit(Commit([], {"n": b"3"}, {}))
    await second.commit(Commit([], {"n": b"4"}, {}))
    assert await state_of(await opened(log)) == {"n": b"4"}


async def test_shards_do_not_touch_each_other(log: Log) -> None:
    """State and fencing are a stage's and a partition's own."""
    one = await log.open_shard("triage", 0, SOURCES)
    other = await log.open_shard("triage", 1, [Source(IN, 1)])
    dispatch = await log.open_shard("dispatch", 0, [Source("tickets.triaged", 0)])
    for shard, data in ((one, b"1"), (other, b"2"), (dispatch, b"3")):
        await shard.commit(Commit([], {"x": data}, {}))
    assert await state_of(one) == {"x": b"1"}
    assert await state_of(other) == {"x": b"2"}
    assert await state_of(dispatch) == {"x": b"3"}


async def test_an_output_too_large_stores_nothing_and_is_named(log: Log) -> None:
    """The commit is refused as a whole; the shard goes on."""
    shard = await opened(log)
    big = Message(OUT, "k", b"x" * 60_000, Envelope("big", "t", "s", NOON), 0)
    with pytest.raises(TooLarge) as refused:
        await shard.commit(Commit([message("ok", topic=OUT), big], {"x": b"1"}, {}))
    assert refused.value.index == 1
    assert await ids(log, OUT) == []
    await shard.commit(Commit([message("ok", topic=OUT)], {}, {}))
    assert await ids(log, OUT) == ["ok"]
    with pytest.raises(TooLarge):
        await log.publish([big])


async def test_an_empty_commit_is_a_commit(log: Log) -> None:
    """It stores nothing and fences like any other."""
    shard = await opened(log)
    await shard.commit(Commit([], {}, {}))
    await opened(log)
    with pytest.raises(Fenced):
        await shard.commit(Commit([], {}, {}))


async def test_a_large_commit_is_one_commit(log: Log) -> None:
    """Ten thousand outputs and as many changes."""
    shard = await opened(log)
    outputs = [message(f"o{number}", topic=OUT) for number in range(10_000)]
    changes = {f"k{number}": b"v" for number in range(10_000)}
    await shard.commit(Commit(outputs, changes, {}))
    assert len(await ids(log, OUT)) == 10_000
    assert await state_of(await opened(log)) == changes


async def test_a_poll_says_how_far_it_has_read(log: Log) -> None:
    """Nothing that was stored before `read_through` is still to come."""
    await log.publish([message(f"m{number}") for number in range(20)])
    await asyncio.sleep(0.01)
    shard = await opened(log)
    part = await shard.poll(5, 0)
    rest = await shard.poll(100, 0)
    last = rest.records[-1].stored_at
    assert part.read_through <= rest.records[0].stored_at
    async with asyncio.timeout(10):
        while rest.read_through <= last:
            rest = await shard.poll(100, 0.01)
            assert list(rest.records) == []
    assert rest.read_through <= rest.log_time
    await log.publish([message("late")])
    late = (await shard.poll(100, 0)).records[0]
    assert late.stored_at >= rest.read_through


async def test_a_poll_waits_for_the_first_record(log: Log) -> None:
    """And returns when it comes, not when the time is over."""
    shard = await opened(log)
    polling = asyncio.create_task(shard.poll(10, 20.0))
    await asyncio.sleep(0.05)
    await log.publish([message("a")])
    batch = await asyncio.wait_for(polling, 10)
    assert [record.envelope.id for record in batch.records] == ["a"]


async def test_a_poll_without_records_ends(log: Log) -> None:
    """Empty, with the frontier moved on."""
    shard = await opened(log)
    first = await shard.poll(10, 0.01)
    await asyncio.sleep(0.01)
    second = await shard.poll(10, 0)
    assert (list(first.records), list(second.records)) == ([], [])
    assert second.read_through > first.read_through


async def test_sources_are_read_in_order_of_time(log: Log) -> None:
    """Over all inputs of a shard, what was stored earlier comes earlier."""
    for number in range(6):
        topic = IN if number % 2 else "rulebook"
        await log.publish([message(f"m{number}", topic=topic)])
        await asyncio.sleep(0.003)
    batch = await (await opened(log)).poll(100, 0)
    assert [record.envelope.id for record in batch.records] == [f"m{n}" for n in range(6)]


async def next_of(deliveries: AsyncIterator[Delivery]) -> list[str]:
    """The ids of the next delivery that has any."""
    while True:
        delivery = await asyncio.wait_for(anext(deliveries), 10)
        if delivery.records:
            return [record.envelope.id for record in delivery.records]


async def test_a_group_sees_again_what_it_did_not_acknowledge(log: Log) -> None:
    """And never again what it did."""
    await log.publish([message("a", topic=OUT), message("b", topic=OUT)])
    first = log.subscribe([OUT], "views", from_start=True)
    async for delivery in first:
        await first.ack(delivery)
        break
    await first.close()
    await log.publish([message("c", topic=OUT)])
    for _ in range(2):
        again = log.subscribe([OUT], "views", from_start=True)
        assert await next_of(aiter(again)) == ["c"]
        await again.close()


async def test_groups_read_on_their_own(log: Log) -> None:
    """One group's position is not another's."""
    await log.publish([message("a", topic=OUT)])
    for group in ("one", "two"):
        subscription = log.subscribe([OUT], group, from_start=True)
        async for delivery in subscription:
            assert [record.envelope.id for record in delivery.records] == ["a"]
            await subscription.ack(delivery)
            break
        await subscription.close()


async def test_a_reader_of_now_sees_only_what_comes(log: Log) -> None:
    """Its first delivery is empty; then come the new records."""
    await log.publish([message("old", topic=OUT)])
    subscription = log.subscribe([OUT], None)
    deliveries = aiter(subscription)
    assert list((await anext(deliveries)).records) == []
    await log.publish([message("new", topic=OUT)])
    assert await next_of(deliveries) == ["new"]
    await subscription.close()


async def test_a_star_reads_topics_that_come_later(log: Log) -> None:
    """`agent.queue.*` is every queue, also one that does not exist yet."""
    await log.publish([message("a", topic="agent.queue.one")])
    subscription = log.subscribe(["agent.queue.*"], None, from_start=True)
    deliveries = aiter(subscription)
    assert await next_of(deliveries) == ["a"]
    await log.publish([message("b", topic="agent.queue.two")])
    assert await next_of(deliveries) == ["b"]
    await subscription.close()


async def test_topics_are_listed_with_their_partitions(log: Log) -> None:
    """What holds a record is known, with the count that the topic has; what is only read is not."""
    await (await opened(log)).poll(10, 0)
    await ids(log, OUT)
    await log.publish([message("a", partition=0)])
    await log.publish([message("c", topic="deadletter")])
    assert dict(await log.topics()) == {IN: 2, "deadletter": 1}


async def test_the_logs_clock_is_near_ours(log: Log) -> None:
    """UTC, with its zone."""
    assert abs(await log.now() - datetime.now(UTC)) < timedelta(seconds=2)


async def test_concurrent_publishers_lose_nothing(log: Log) -> None:
    """Each message of each publisher is there once."""
    sent = [[message(f"p{one}-{n}", topic=OUT) for n in range(20)] for one in range(10)]
    await asyncio.gather(*(log.publish(batch) for batch in sent))
    assert sorted(await ids(log, OUT)) == sorted(m.envelope.id for batch in sent for m in batch)


@pytest.mark.parametrize("partition", [2, -1])
async def test_a_partition_that_a_topic_lacks_is_refused(log: Log, partition: int) -> None:
    """Nobody would ever read it; nothing of what came with it is stored."""
    with pytest.raises(Malformed, match=IN):
        await log.publish([message("a", topic=OUT), message("b", partition=partition)])
    assert await ids(log, OUT) == []


async def test_each_partition_of_a_topic_keeps_its_order_for_a_subscriber(log: Log) -> None:
    """However many there are in each: deliveries are bounded, and none is left out."""
    for partition in (0, 1):
        for start in range(0, 2_200, 1_100):
            numbers = range(start, start + 1_100)
            await log.publish([message(f"{partition}-{n}", partition=partition) for n in numbers])
    found = await ids(log, IN)
    for partition in (0, 1):
        mine = [one for one in found if one.startswith(f"{partition}-")]
        assert mine == [f"{partition}-{number}" for number in range(2_200)]


async def test_nothing_to_publish_is_nothing(log: Log) -> None:
    """Not an error, and not a topic."""
    await log.publish([])
    assert dict(await log.topics()) == {}


async def test_a_tombstone_is_a_record_without_bytes(log: Log) -> None:
    """A compacted topic's reader learns that the key is gone."""
    await log.publish([Message("customers", "c1", None, Envelope("t", "gone", "tests", NOON))])
    shard = await log.open_shard("triage", 0, [Source("customers", 0)])
    (record,) = (await shard.poll(10, 0)).records
    assert (record.key, record.value) == ("c1", b"")


STATE = {"投诉:ключ 🎫": "値".encode(), "": b"", "binary": bytes(range(256)), "a b\r\nc": b"\r\n"}


async def test_state_keys_and_bytes_are_free(log: Log) -> None:
    """Any text is a key, any bytes are a value."""
    shard = await opened(log)
    await shard.commit(Commit([], STATE, {}))
    assert await state_of(await opened(log)) == STATE


async def test_each_key_is_restored_once(log: Log) -> None:
    """Also of a state that has grown through many commits."""
    shard = await opened(log)
    for start in range(0, 6_000, 500):
        await shard.commit(Commit([], {f"k{n}": b"v" for n in range(start, start + 500)}, {}))
    keys = [key async for key, _ in (await opened(log)).restore()]
    assert sorted(keys) == sorted(f"k{n}" for n in range(6_000))


async def test_positions_are_each_source_s_own(log: Log) -> None:
    """A commit moves those that it names, and the others stay."""
    await log.publish([message("r", topic="rulebook"), message("a"), message("b")])
    shard = await opened(log)
    by_id = {one.envelope.id: one for one in (await shard.poll(10, 0)).records}
    await committed(shard, by_id["a"])
    await committed(shard, by_id["r"])
    assert [one.envelope.id for one in (await (await opened(log)).poll(10, 0)).records] == ["b"]


async def test_a_poll_takes_so_many_of_each_source(log: Log) -> None:
    """A full source does not keep another from being read."""
    await log.publish([message(f"m{number}") for number in range(10)])
    await log.publish([message("r", topic="rulebook")])
    records = (await (await opened(log)).poll(3, 0)).records
    assert {one.envelope.id for one in records} == {"m0", "m1", "m2", "r"}


async def test_every_frontier_is_honest_while_others_write(log: Log) -> None:
    """What was stored before `read_through` has come by then, whoever writes meanwhile."""
    shard = await opened(log)
    writing = asyncio.create_task(_write(log, 40))
    frontiers: list[tuple[datetime, int]] = []
    found: list[Record] = []
    while len(found) < 40 * 5:
        batch = await shard.poll(7, 0.05)
        found += batch.records
        frontiers.append((batch.read_through, len(found)))
        assert batch.read_through <= batch.log_time
    await writing
    for frontier, delivered in frontiers:
        late = [one.envelope.id for one in found[delivered:] if one.stored_at < frontier]
        assert late == []


async def _write(log: Log, batches: int) -> None:
    for number in range(batches):
        topic = "rulebook" if number % 3 else IN
        await log.publish([message(f"w{number}-{part}", topic=topic) for part in range(5)])
        await asyncio.sleep(0.001)


async def test_a_handle_reads_what_another_has_stored(harness: Harness) -> None:
    """All handles are on one log, as processes are; ownership is the log's, not the handle's."""
    one, other = harness.handle(), harness.handle()
    await one.publish([message("a")])
    shard = await opened(one)
    successor = await opened(other)
    assert len((await successor.poll(10, 0)).records) == 1
    with pytest.raises(Fenced):
        await shard.commit(Commit([], {"x": b"1"}, {}))


async def test_a_commit_that_never_arrived_stores_nothing(harness: Harness) -> None:
    """It raises; opened anew, the shard is as before, and goes on."""
    log = harness.handle()
    await log.publish([message("a")])
    async with harness.cut(Moment.BEFORE) as cut:
        shard = await opened(cut.log)
        (record,) = (await shard.poll(10, 0)).records
        cut.arm()
        with pytest.raises(Unavailable):
            await committed(shard, record, message("out", topic=OUT), x=b"1")
    again = await opened(log)
    assert await ids(log, OUT) == []
    assert await state_of(again) == {}
    (record,) = (await again.poll(10, 0)).records
    await committed(again, record, message("out", topic=OUT), x=b"1")
    assert await ids(log, OUT) == ["out"]


async def test_a_commit_whose_reply_was_lost_is_stored_once(harness: Harness) -> None:
    """Whether it returns or raises: opened anew, the shard shows it, whole."""
    log = harness.handle()
    await log.publish([message("a")])
    async with harness.cut(Moment.AFTER) as cut:
        shard = await opened(cut.log)
        (record,) = (await shard.poll(10, 0)).records
        cut.arm()
        with contextlib.suppress(Unavailable):
            await committed(shard, record, message("out", topic=OUT), x=b"1")
    again = await opened(log)
    assert await ids(log, OUT) == ["out"]
    assert await state_of(again) == {"x": b"1"}
    assert list((await again.poll(10, 0)).records) == []


@pytest.mark.parametrize(("moment", "stored"), [(Moment.BEFORE, []), (Moment.AFTER, ["a", "b"])])
async def test_a_publish_that_raises_stored_all_or_nothing(
    harness: Harness, moment: Moment, stored: list[str]
) -> None:
    """The producer repeats it; its ids tell the repetition."""
    both = [message("a", topic=OUT), message("b", topic=OUT)]
    log = harness.handle()
    async with harness.cut(moment) as cut:
        await cut.log.now()
        cut.arm()
        with pytest.raises(Unavailable):
            await cut.log.publish(both)
    assert await ids(log, OUT) == stored
    await log.publish(both)
    assert await ids(log, OUT) == [*stored, "a", "b"]


async def test_a_group_that_began_now_loses_nothing_between(harness: Harness) -> None:
    """What came after its beginning comes again, though it never acknowledged anything."""
    await harness.handle().publish([message("old", topic=OUT)])
    first = harness.handle().subscribe([OUT, "agent.queue.*"], "desks")
    deliveries = aiter(first)
    assert list((await anext(deliveries)).records) == []
    await first.close()
    await harness.handle().publish(
        [message("new", topic=OUT), message("queued", topic="agent.queue.new", partition=0)]
    )
    again = harness.handle().subscribe([OUT, "agent.queue.*"], "desks")
    found: set[str] = set()
    deliveries = aiter(again)
    while found != {"new", "queued"}:
        found |= set(await next_of(deliveries))
    await again.close()


async def test_acknowledging_late_takes_nothing_back(log: Log) -> None:
    """A delivery includes what came before it, in whatever order they are acknowledged."""
    reading = log.subscribe([OUT], "views", from_start=True)
    deliveries = aiter(reading)
    await anext(deliveries)
    kept: list[Delivery] = []
    for identity in ("a", "b"):
        await log.publish([message(identity, topic=OUT)])
        kept.append(await anext(deliveries))
    for delivery in reversed(kept):
        await reading.ack(delivery)
    await reading.close()
    await log.publish([message("c", topic=OUT)])
    again = log.subscribe([OUT], "views", from_start=True)
    assert await next_of(aiter(again)) == ["c"]
    await again.close()


async def test_caught_up_is_said_when_all_has_come(log: Log) -> None:
    """Not before: who reads what is stored would stop too early."""
    await log.publish([message(f"m{number}", topic=OUT) for number in range(2_500)])
    said: list[tuple[int, bool]] = []
    read = 0
    async for delivery in log.subscribe([OUT], None, from_start=True):
        read += len(delivery.records)
        said.append((read, delivery.caught_up))
        if delivery.caught_up:
            break
    assert said[-1] == (2_500, True)
    assert not any(caught_up for _, caught_up in said[:-1])
