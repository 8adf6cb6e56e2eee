"""Every promise of `router.log.protocol`, over every log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

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
    assert part.read_through <= rest.records[0].stored_at
    assert rest.read_through > rest.records[-1].stored_at
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
    """What holds records is known."""
    await log.publish([message("a", partition=0), message("b", partition=1)])
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
