"""The senders over a log: one receipt a message, order, crashes, retries, the breaker."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.contract import decode, encode
from channels.errors import Unavailable
from channels.outbound import OutboundMessage, Receipt
from channels.sending import Deferred, Delivery, Sender, Unconfirmed
from router.counters import Counters
from router.deadletter import DeadLetter
from router.edges.pacing import Pace
from router.edges.senders import Account, Senders
from router.log.memory import Faults, MemoryLog
from router.log.protocol import Commit, Envelope, Fenced, Log, Message, ShardLog, Source
from router.operations import Watermark
from router.records import activation
from router.rulebook_following import follow_budgets
from router.topics import DEADLETTER, MESSAGES_OUTBOUND, MESSAGES_RECEIPTS, OPERATIONS
from tests.recording import ScriptedSender, outbound

MAIL: Account = ("email", "support@shop.example")
QUICK = Pace(
    first_retry_seconds=0.01,
    longest_retry_seconds=0.02,
    breaker_failures=3,
    breaker_seconds=0.05,
    per_second=10_000,
    burst=10_000,
)


async def submit(log: Log, *messages: OutboundMessage) -> None:
    """What the stages do: put messages into `messages.outbound`."""
    await log.publish([record(encode(message), message.id) for message in messages])


def record(value: bytes, name: str) -> Message:
    """A record of `messages.outbound`."""
    envelope = Envelope(name, "message.outbound", "test", datetime.now(UTC))
    return Message(MESSAGES_OUTBOUND, "key", value, envelope)


async def stored(log: Log, topic: str, count: int) -> list[bytes]:
    """The first `count` records of a topic, waited for."""
    found: list[bytes] = []
    subscription = log.subscribe([topic], None, from_start=True)
    async with asyncio.timeout(20):
        async for delivery in subscription:
            found += [one.value for one in delivery.records]
            if len(found) >= count:
                break
    await subscription.close()
    return found


async def receipts(log: Log, count: int) -> list[Receipt]:
    """The first `count` receipts."""
    return [decode(Receipt, value) for value in await stored(log, MESSAGES_RECEIPTS, count)]


@asynccontextmanager
async def running(
    log: MemoryLog, sender: Sender, *, pace: Pace = QUICK, counters: Counters | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    """Senders with one mail account, stopped at the end."""
    async with running_all(log, {MAIL: sender}, pace=pace, counters=counters) as task:
        yield task


@asynccontextmanager
async def running_all(
    log: MemoryLog,
    senders: dict[Account, Sender],
    *,
    pace: Pace = QUICK,
    counters: Counters | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """Senders with these accounts, stopped at the end."""
    edge = Senders(
        log,
        senders,
        clock=lambda: datetime.now(UTC),
        counters=counters or Counters(),
        paces=dict.fromkeys(senders, pace),
        chance=random.Random(1),  # noqa: S311 - seeded on purpose
    )
    task = asyncio.create_task(edge.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Fenced):
            await task


@pytest.fixture
def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog(lambda: datetime.now(UTC))


async def test_each_message_gets_one_receipt(log: MemoryLog) -> None:
    """Sent, refused by the recipient, refused for good: each is said, in the peer's words."""
    script = [
        Delivery("sent", reason="250 queued"),
        Delivery("bounced", permanent=True, reason="550 no such user"),
        Delivery("failed", permanent=True, reason="554 too ugly"),
    ]
    sender = ScriptedSender(*script)
    async with running(log, sender):
        await submit(log, *(outbound(number) for number in (1, 2, 3)))
        found = await receipts(log, 3)
    assert [(one.message, one.outcome, one.permanent, one.reason) for one in found] == [
        ("m-1", "sent", False, "250 queued"),
        ("m-2", "bounced", True, "550 no such user"),
        ("m-3", "failed", True, "554 too ugly"),
    ]
    assert {(one.pool, one.ticket, one.conversation) for one in found} == {
        ("service", "t-1", "abcdefgh23456777-1")
    }


async def test_message_that_is_published_again_is_sent_once(log: MemoryLog) -> None:
    """The ledger knows it, also after a restart."""
    sender = ScriptedSender()
    counters = Counters()
    async with running(log, sender, counters=counters):
        await submit(log, outbound(1), outbound(1))
        await receipts(log, 1)
    async with running(log, sender, counters=counters):
        await submit(log, outbound(1), outbound(2))
        await receipts(log, 2)
    assert [message.id for message in sender.sent] == ["m-1", "m-2"]
    assert counters["senders.duplicates"] == 2


async def test_conversation_keeps_its_order_while_others_go_on(log: MemoryLog) -> None:
    """A message that is retried holds back its conversation and no other one."""
    sender = ScriptedSender(Deferred("450 greylisted"), Delivery("sent"))
    async with running(log, sender):
        await submit(log, outbound(1), outbound(2), outbound(3, conversation="other-1"))
        await receipts(log, 3)
    order = [message.id for message in sender.sent]
    assert [name for name in order if name != "m-3"] == ["m-1", "m-1", "m-2"]
    assert order.index("m-3") == 1


async def test_dead_account_does_not_hold_up_another(log: MemoryLog) -> None:
    """Receipts of the second come while the first is down."""
    down = ScriptedSender(*[Unavailable("connection refused")] * 10_000)
    up = ScriptedSender()
    accounts: dict[Account, Sender] = {MAIL: down, ("sms", "shop"): up}
    async with running_all(log, accounts):
        await submit(log, outbound(1), outbound(2, channel="sms", account="shop"))
        (receipt,) = await receipts(log, 1)
    assert (receipt.message, receipt.outcome) == ("m-2", "sent")


async def test_breaker_spares_an_account_that_is_down(log: MemoryLog) -> None:
    """Ten conversations try three times together and then once a pause, until it answers."""
    sender = ScriptedSender(*[Unavailable("connection refused")] * 5)
    counters = Counters()
    pace = Pace(
        concurrency=1,
        first_retry_seconds=0.001,
        longest_retry_seconds=0.001,
        breaker_failures=3,
        breaker_seconds=0.05,
        per_second=10_000,
    )
    async with running(log, sender, pace=pace, counters=counters):
        await submit(log, *(outbound(n, conversation=f"c-{n}") for n in range(10)))
        found = await receipts(log, 10)
    assert {one.outcome for one in found} == {"sent"}
    assert counters["senders.breaker.opened"] == 1
    assert len(sender.sent) == 15


async def test_recipient_who_takes_nothing_opens_no_breaker(log: MemoryLog) -> None:
    """The account works: others must not wait for one who is greylisted or away."""
    sender = ScriptedSender(*[Deferred("450 greylisted")] * 10)
    counters = Counters()
    async with running(log, sender, counters=counters):
        await submit(log, outbound(1))
        (receipt,) = await receipts(log, 1)
    assert receipt.outcome == "sent"
    assert counters["senders.postponed"] == 10
    assert counters["senders.unavailable"] == counters["senders.breaker.opened"] == 0


async def test_message_that_fails_too_long_is_given_up(log: MemoryLog) -> None:
    """It has failed, and the receipt says why."""
    sender = ScriptedSender(Unavailable("connection refused"))
    old = outbound(1, created_at=datetime.now(UTC) - timedelta(days=3))
    async with running(log, sender):
        await submit(log, old)
        (receipt,) = await receipts(log, 1)
    assert (receipt.outcome, receipt.permanent) == ("failed", True)
    assert receipt.reason == "given up: connection refused"


async def test_message_without_a_sender_fails(log: MemoryLog) -> None:
    """An account that is not configured is named."""
    async with running(log, ScriptedSender()):
        await submit(log, outbound(1, account="other@shop.example"))
        (receipt,) = await receipts(log, 1)
    assert receipt.outcome == "failed"
    assert "email/other@shop.example" in (receipt.reason or "")


@pytest.mark.parametrize(
    ("kind", "outcome", "tries"),
    [
        ("reply", "sent", 2),
        ("notice", "sent", 2),
        ("ack", "uncertain", 1),
        ("survey", "uncertain", 1),
    ],
)
async def test_lost_confirmation(log: MemoryLog, kind: str, outcome: str, tries: int) -> None:
    """A reply is sent again; what is automatic is reported as uncertain and never doubled."""
    sender = ScriptedSender(Unconfirmed("connection lost after DATA"))
    async with running(log, sender):
        await submit(log, outbound(1, kind=kind))
        (receipt,) = await receipts(log, 1)
    assert receipt.outcome == outcome
    assert len(sender.sent) == tries


async def test_loop_of_acknowledgements_is_braked(log: MemoryLog) -> None:
    """Ten to one address within ten minutes, also over a restart; the receipt says why."""
    sender = ScriptedSender()
    async with running(log, sender):
        await submit(log, *(outbound(n, kind="ack", conversation=f"c-{n}") for n in range(6)))
        await receipts(log, 6)
    async with running(log, sender):
        await submit(log, *(outbound(n, kind="ack", conversation=f"c-{n}") for n in range(6, 12)))
        found = await receipts(log, 12)
    assert [one.outcome for one in found].count("sent") == 10
    assert {one.reason for one in found if one.outcome == "failed"} == {
        "withheld: 10 automatic messages to this address within 0:10:00"
    }
    assert len(sender.sent) == 10


async def test_fault_of_a_sender_is_reported_and_stops_nothing(log: MemoryLog) -> None:
    """What it did is unknown; the next message goes out."""
    sender = ScriptedSender(ZeroDivisionError("oops"))
    async with running(log, sender):
        await submit(log, outbound(1), outbound(2))
        found = await receipts(log, 2)
    assert [one.outcome for one in found] == ["uncertain", "sent"]


async def test_record_that_is_no_message_is_a_dead_letter(log: MemoryLog) -> None:
    """Its bytes are kept, and the next record is sent."""
    async with running(log, ScriptedSender()):
        await log.publish([record(b'{"id": 1', "broken")])
        await submit(log, outbound(2))
        await receipts(log, 1)
        (value,) = await stored(log, DEADLETTER, 1)
    letter = decode(DeadLetter, value)
    assert letter.origin.topic == MESSAGES_OUTBOUND
    assert letter.value == b'{"id": 1'


class DyingSender(ScriptedSender):
    """Sends, and never comes back: the process dies between sending and the result."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def send(self, message: OutboundMessage) -> Delivery:
        """Send, tell, and hang."""
        self.sent.append(message)
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")


@pytest.mark.parametrize(
    ("kind", "outcome", "again"),
    [("reply", "sent", ["m-1"]), ("ack", "uncertain", []), ("survey", "uncertain", [])],
)
async def test_crash_between_intent_and_result(
    log: MemoryLog,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    outcome: str,
    again: list[str],
) -> None:
    """A reply goes out again under the same Message-ID; an acknowledgement never does."""
    # A crash waits for nobody.
    monkeypatch.setattr("router.edges.outbox._GRACE_SECONDS", 0)
    dying = DyingSender()
    message = outbound(1, kind=kind, message_id="<1.x@shop.example>")
    async with running(log, dying):
        await submit(log, message)
        await asyncio.wait_for(dying.reached.wait(), 10)
    second = ScriptedSender()
    async with running(log, second):
        (receipt,) = await receipts(log, 1)
    assert (receipt.message, receipt.outcome) == ("m-1", outcome)
    assert [found.id for found in second.sent] == again
    assert {found.message_id for found in second.sent} <= {message.message_id}


async def test_stop_waits_for_what_is_being_sent(log: MemoryLog) -> None:
    """Its result is stored before the senders end, so that nothing is uncertain."""
    started, finish = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedSender):
        async def send(self, message: OutboundMessage) -> Delivery:
            started.set()
            await finish.wait()
            return await super().send(message)

    async with running(log, Slow()):
        await submit(log, outbound(1, kind="ack"))
        await asyncio.wait_for(started.wait(), 10)
        asyncio.get_running_loop().call_later(0.05, finish.set)
    (receipt,) = await receipts(log, 1)
    assert receipt.outcome == "sent"


class BrokenShard:
    """A shard whose next commit with a receipt ends in an outage, before or after it is stored."""

    def __init__(self, shard: ShardLog, breaks: "BreaksOnce") -> None:
        self._shard = shard
        self._breaks = breaks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shard, name)

    async def commit(self, commit: Commit) -> None:
        """Store, and fail once."""
        fails = self._breaks.pending and any(
            one.topic == MESSAGES_RECEIPTS for one in commit.outputs
        )
        if not fails:
            await self._shard.commit(commit)
            return
        self._breaks.pending = False
        if self._breaks.stored:
            await self._shard.commit(commit)
        raise Unavailable("the reply was lost")


class BreaksOnce:
    """A log of which one commit fails."""

    def __init__(self, log: MemoryLog, *, stored: bool) -> None:
        self._log = log
        self.stored = stored
        self.pending = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def open_shard(self, stage: str, partition: int, sources: Sequence[Source]) -> Any:
        """The log's own shard, wrapped."""
        return BrokenShard(await self._log.open_shard(stage, partition, sources), self)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("kind", ["reply", "ack"])
async def test_outage_of_the_log_after_sending(
    log: MemoryLog, monkeypatch: pytest.MonkeyPatch, kind: str, *, stored: bool
) -> None:
    """The result is known here and is stored later: one receipt, nothing doubled or uncertain."""
    monkeypatch.setattr("router.edges.senders._REOPEN_SECONDS", 0.01)
    sender = ScriptedSender()
    broken: Any = BreaksOnce(log, stored=stored)
    async with running(broken, sender):
        await submit(log, outbound(1, kind=kind))
        await receipts(log, 1)
        await submit(log, outbound(2))
        found = await receipts(log, 2)
    assert not broken.pending
    assert [(one.message, one.outcome) for one in found] == [("m-1", "sent"), ("m-2", "sent")]
    assert [message.id for message in sender.sent] == ["m-1", "m-2"]


@pytest.mark.parametrize("seed", range(8))
async def test_log_that_fails_at_random(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """One receipt for each message, no acknowledgement twice, no reply never."""
    monkeypatch.setattr("router.edges.senders._REOPEN_SECONDS", 0.001)
    chance = random.Random(seed)  # noqa: S311 - seeded on purpose
    faults = Faults(chance, before_commit=0.2, after_commit=0.2)
    log = MemoryLog(lambda: datetime.now(UTC), faults=faults)
    sender = ScriptedSender()
    messages = [
        outbound(
            n,
            kind=chance.choice(["ack", "reply"]),
            to=f"{n}@example.org",
            conversation=f"c-{n % 7}",
        )
        for n in range(30)
    ]
    async with running(log, sender):
        await submit(log, *messages)
        await receipts(log, 30)
    found = await receipts(log, 30)
    assert sorted(one.message for one in found) == sorted(message.id for message in messages)
    sent = Counter(message.id for message in sender.sent)
    for message in messages:
        assert sent[message.id] == 1 if message.kind == "ack" else sent[message.id] >= 1


async def test_senders_tell_that_they_live(log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """`health.watermark` in `operations`, also when there is nothing to send."""
    monkeypatch.setattr("router.edges.outbox.WATERMARK_SECONDS", 0.01)
    async with running(log, ScriptedSender()):
        await submit(log, outbound(1))
        await receipts(log, 1)
        told = [decode(Watermark, value) for value in await stored(log, OPERATIONS, 3)]
    assert {one.source for one in told} == {"switchboard/senders"}
    assert sum(one.records for one in told) <= 1


async def test_second_senders_fence_the_first(log: MemoryLog) -> None:
    """Two processes never send the same message: the first one is told and stops."""
    first = ScriptedSender()
    async with running(log, first) as task:
        await submit(log, outbound(1))
        await receipts(log, 1)
        second = ScriptedSender()
        async with running(log, second):
            await submit(log, outbound(2))
            found = await receipts(log, 2)
            with pytest.raises(Fenced):
                await asyncio.wait_for(task, 10)
    assert [one.message for one in found] == ["m-1", "m-2"]
    assert len(first.sent) + len(second.sent) == 2


async def test_a_full_account_does_not_hold_up_another(log: MemoryLog) -> None:
    """An automatic message that would come days too late is not sent; replies are kept."""
    dead, alive = ScriptedSender(*[Unavailable("down")] * 1_000), ScriptedSender()
    full: Account = ("sms", "shop")
    slow = replace(QUICK, longest_retry_seconds=60.0, breaker_seconds=60.0, most_waiting=3)
    messages = [
        outbound(n, kind="ack", channel="sms", account="shop", to=f"+{n}", conversation=f"c-{n}")
        for n in range(5)
    ]
    reply = outbound(8, channel="sms", account="shop", to="+8", conversation="c-8")
    async with running_all(log, {full: dead, MAIL: alive}, pace=slow):
        await submit(log, *messages, reply, outbound(9))
        found = await receipts(log, 3)
    assert {(one.message, one.outcome) for one in found} == {
        ("m-3", "failed"), ("m-4", "failed"), ("m-9", "sent")
    }  # fmt: skip
    assert {one.reason for one in found if one.outcome == "failed"} == {
        "withheld: 3 messages of sms/shop wait already"
    }
    well = ScriptedSender()
    async with running_all(log, {full: well, MAIL: alive}):
        await receipts(log, 7)
    assert sorted(message.id for message in well.sent) == ["m-0", "m-1", "m-2", "m-8"]


async def test_the_budgets_are_the_rulebooks(log: MemoryLog) -> None:
    """A rulebook that comes into force while the senders run counts at once."""
    sender = ScriptedSender()
    edge = Senders(
        log, {MAIL: sender}, clock=lambda: datetime.now(UTC), counters=Counters(),
        paces={MAIL: QUICK},
    )  # fmt: skip
    tasks = [asyncio.create_task(work) for work in (edge.run(), follow_budgets(log, edge))]
    acks = [outbound(n, kind="ack", conversation=f"c-{n}") for n in range(4)]
    try:
        await submit(log, acks[0], acks[1])
        await receipts(log, 2)
        rulebook = (
            "pools: {p: {queues: [q]}}\nqueues: {q: {}}\n"
            "routes: [{id: default, then: {queue: q}}]\n"
            "ack_policy: {budgets: [{limit: 3, within: 1h}]}\n"
        )
        await log.publish([activation({"rules.yaml": rulebook}, 1, datetime.now(UTC))])
        async with asyncio.timeout(20):
            while edge.budgets[0].limit != 3:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        await submit(log, acks[2], acks[3])
        found = await receipts(log, 4)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert [one.outcome for one in found].count("sent") == 3
    (withheld,) = [one.reason for one in found if one.outcome == "failed"]
    assert withheld == "withheld: 3 automatic messages to this address within 1:00:00"
