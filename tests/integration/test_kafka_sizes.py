"""A record that the brokers refuse, in the middle of a batch: it is set aside, the others go on."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from channels.contract import decode
from channels.identity import request_id, ticket_id
from channels.request import CustomerRequest, Sender
from router import records
from router.core.dispatch import Dispatch
from router.core.events import TicketEvent, TicketOpened, TicketTriaged
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.deadletter import TYPE, DeadLetter
from router.edges.intake import request_message
from router.log.kafka import KafkaLog
from router.log.kafka_shard import KafkaShard
from router.log.kafka_wire import Cluster
from router.log.protocol import Commit, Envelope, Fenced, Message, ShardLog
from router.log.reading import stored
from router.shard import Pace, Shard
from router.stepping import Core
from tests.integration.kafka_workers import RULEBOOK
from tests.kafka import cluster as brokers
from tests.kafka.fixtures import External

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]

HEAD = Letterhead(secrets=(b"secret-of-32-bytes-for-these-tests",), domain="shop.example")
LIMIT = 60_000
CULPRIT, COUNT = 5, 12


async def limit(bootstrap: str, topic: str, most: int) -> None:
    """From now on the brokers refuse larger batches on this topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    settings = {"max.message.bytes": str(most), "message.timestamp.type": "LogAppendTime"}
    asking = [ConfigResource(ConfigResourceType.TOPIC, topic)]
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
        async with asyncio.timeout(20):
            while ("max.message.bytes", str(most)) not in await _configs(admin, asking):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)  # what the broker tells it has, the partition takes a moment later
    finally:
        await admin.close()


async def _configs(
    admin: AIOKafkaAdminClient, asking: list[ConfigResource]
) -> list[tuple[str, str]]:
    """A topic's settings, as a broker knows them."""
    return [
        (entry[0], entry[1])
        for response in await admin.describe_configs(asking)
        for *_, entries in response.resources
        for entry in entries
    ]


def request(number: int) -> Message:
    """A text message; the culprit's is longer than the limit, which our own bounds allow."""
    name = f"m{number}"
    return request_message(
        CustomerRequest(
            id=request_id("sms", "shop", name),
            channel="sms",
            account="shop",
            external_id=name,
            sender=Sender(address=f"+86139{number:08d}"),
            text="投诉" * (LIMIT // 3 if number == CULPRIT else 10),
            received_at=datetime.now(UTC),
        )
    )


async def until_read(shard: Shard, turns: int = 40) -> None:
    """Turns until everything that is stored has been stepped."""
    quiet = 0
    for _ in range(turns):
        quiet = 0 if await shard.turn(0.2) else quiet + 1
        if quiet == 2:
            return


async def of(log: KafkaLog, topic: str, kind: str) -> list[bytes]:
    """The records of a type on a topic."""
    return [one.value async for one in stored(log, topic) if one.envelope.type == kind]


def shard_of(log: KafkaLog, core: type[Triage] | type[Dispatch]) -> Shard:
    """The only shard of a stage."""

    def make() -> Core:
        return core(HEAD)

    return Shard(log, make, 0, clock=lambda: datetime.now(UTC), pace=Pace(watermark=None))


@pytest.mark.parametrize(
    ("refusing", "most"), [("tickets.triaged", LIMIT), ("agent.queue.billing", 10_000)]
)
async def test_what_the_brokers_refuse_is_a_dead_letter_and_the_rest_goes_through(
    kafka: brokers.Cluster | External, refusing: str, most: int
) -> None:
    """Nothing of it is half there, and no other request waits for it."""
    namespace = f"sizes-{uuid.uuid4().hex[:8]}"
    log = KafkaLog(Cluster(kafka.bootstrap), namespace)
    await log.open()
    await log.apply(["billing", "orders", "rescue"])
    await limit(kafka.bootstrap, f"{namespace}.{refusing}", most)
    await log.publish([records.activation({"rules.yaml": RULEBOOK}, 1, datetime.now(UTC))])
    await log.publish([request(number) for number in range(COUNT)])
    triage, dispatch = shard_of(log, Triage), shard_of(log, Dispatch)
    await until_read(triage)
    await until_read(dispatch)
    opened = await of(log, "tickets.events", TicketOpened.TYPE)
    queued = await of(log, "agent.queue.billing", "ticket.queued")
    acks = await of(log, "messages.outbound", "message.outbound")
    letters = [decode(DeadLetter, one) for one in await of(log, "deadletter", TYPE)]
    culprit = request_id("sms", "shop", f"m{CULPRIT}")
    if refusing == "tickets.triaged":
        (letter,) = letters
        assert (letter.error, letter.envelope["id"]) == ("TooLarge", culprit)
        assert len(opened) == len(queued) == len(acks) == COUNT - 1
    else:  # a queue's events, an excerpt each, are too large together: one by one they go
        assert letters == []
        assert len(opened) == len(queued) == len(acks) == COUNT
    tickets = {decode(TicketEvent, one).ticket for one in queued}
    assert (ticket_id(culprit) in tickets) == (refusing != "tickets.triaged")
    triaged = await of(log, "tickets.triaged", TicketTriaged.TYPE)
    assert len(triaged) == len(queued)
    await triage.close()
    await dispatch.close()
    await log.close()


async def test_who_is_overtaken_while_a_batch_is_refused_is_fenced(
    kafka: brokers.Cluster | External, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new producer fences whoever came between; so the one it belongs to must stop as well."""
    namespace = f"sizes-{uuid.uuid4().hex[:8]}"
    log = KafkaLog(Cluster(kafka.bootstrap), namespace)
    await log.open()
    await log.apply(["billing"])
    await limit(kafka.bootstrap, f"{namespace}.tickets.events", 2_000)
    first = await log.open_shard("triage", 0, ())
    others: list[ShardLog] = []
    renew = KafkaShard._renew

    async def later(shard: KafkaShard) -> None:
        if not others:
            others.append(await log.open_shard("triage", 0, ()))
        await renew(shard)

    monkeypatch.setattr(KafkaShard, "_renew", later)
    envelope = Envelope("e1", "t", "tests", datetime.now(UTC))
    large = Message("tickets.events", "k", b'"' + b"x" * 4_000 + b'"', envelope)
    with pytest.raises(Fenced):
        await first.commit(Commit([large], {}, {}))
    with pytest.raises(Fenced):
        await first.commit(Commit([], {"ticket:a": b"1"}, {}))
    with pytest.raises(Fenced):
        await others[0].commit(Commit([], {"ticket:b": b"1"}, {}))
    third = await log.open_shard("triage", 0, ())
    assert [one async for one in third.restore()] == []
    for shard in (first, *others, third):
        await shard.close()
    await log.close()
