"""Notices on their way: receivers that fail, are down, are gone; mail; what they take from none."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from channels.contract import decode
from channels.errors import Unavailable
from channels.outbound import OutboundMessage
from channels.sending import Delivery, Sender
from channels.webhook.sender import WebhookSender
from router.counters import Counters
from router.edges.pacing import Pace
from router.edges.senders import Account, Senders
from router.log.memory import MemoryLog
from router.log.protocol import Fenced
from router.log.reading import stored
from router.operations import NoticeFailed, Watermark
from router.topics import OPERATIONS
from rules.model import Budget
from tests.integration.receiver import SECRET, Receiver, listening
from tests.integration.test_mail_sender import CatchAll, serving
from tests.integration.test_senders import QUICK, receipts, submit
from tests.integration.test_webhook_sender import notice
from tests.recording import ScriptedSender, outbound

pytestmark = pytest.mark.services

MAIL: Account = ("email", "support@shop.example")


@pytest.fixture
def log() -> MemoryLog:
    """An empty log."""
    return MemoryLog(lambda: datetime.now(UTC))


@asynccontextmanager
async def running(
    log: MemoryLog,
    senders: Mapping[Account, Sender] | None = None,
    *,
    pace: Pace = QUICK,
    urls: tuple[str, ...] = (),
    **options: Any,
) -> AsyncIterator[Counters]:
    """Senders that reach any URL, and these accounts."""
    counters = Counters()
    async with httpx.AsyncClient(trust_env=False) as client:
        edge = Senders(
            log,
            senders or {},
            clock=lambda: datetime.now(UTC),
            counters=counters,
            webhooks=WebhookSender(client, lambda _: SECRET, clock=lambda: datetime.now(UTC)),
            paces={
                **dict.fromkeys(senders or {}, pace),
                **{("webhook", url): pace for url in urls},
            },
            chance=random.Random(1),  # noqa: S311 - seeded on purpose
            **options,
        )
        edge.budgets = [Budget(limit=0, within=timedelta(hours=1))]
        task = asyncio.create_task(edge.run())
        try:
            yield counters
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Fenced):
                await task


def by_mail(number: int = 1, **fields: object) -> OutboundMessage:
    """A notice by the mail account that answers customers too."""
    return outbound(number, **({"kind": "notice", "conversation": None} | fields))


async def failures(log: MemoryLog, count: int) -> list[NoticeFailed]:
    """What operations are told of notices, waited for."""
    found: list[NoticeFailed] = []
    subscription = log.subscribe([OPERATIONS], None, from_start=True)
    async with asyncio.timeout(20):
        async for delivery in subscription:
            found += [
                decode(NoticeFailed, one.value)
                for one in delivery.records
                if one.envelope.type == NoticeFailed.TYPE
            ]
            if len(found) >= count:
                break
    await subscription.close()
    return found


async def test_receiver_that_fails_twice_is_told_in_the_end(log: MemoryLog) -> None:
    """Once, under one id, with one receipt."""
    receiver = Receiver()
    receiver.answers = [Response(status_code=500), Response(status_code=503)]
    async with listening(receiver) as url, running(log, urls=(url,)) as counters:
        await submit(log, notice(url))
        (receipt,) = await receipts(log, 1)
    assert (receipt.outcome, receipt.kind, receipt.reason) == ("delivered", "notice", "204")
    assert receiver.taken == {"m-1": 3}
    assert len(receiver.events) == 1
    assert counters["senders.postponed"] == 2


async def test_receiver_that_is_down_for_a_while_misses_nothing(
    log: MemoryLog, unused_tcp_port: int
) -> None:
    """Its URL's breaker opens, another's does not; all comes when it is back."""
    receiver, other = Receiver(), Receiver()
    url = f"http://127.0.0.1:{unused_tcp_port}/in"
    async with listening(other) as up, running(log, urls=(url, up)) as counters:
        await submit(log, *(notice(url, number) for number in range(5)), notice(up, 9))
        (first,) = await receipts(log, 1)
        assert first.message == "m-9"
        await until(lambda: bool(counters["senders.breaker.opened"]))
        async with listening(receiver, unused_tcp_port):
            told = await receipts(log, 6)
    assert {one.outcome for one in told} == {"delivered"}
    assert sorted(receiver.taken) == [f"m-{number}" for number in range(5)]
    assert counters["senders.breaker.opened"] == 1


async def test_receiver_says_how_long_to_wait(log: MemoryLog) -> None:
    """Retry-After goes before our own, shorter backoff."""
    receiver = Receiver()
    receiver.answers = [Response(status_code=429, headers={"retry-after": "2"})]
    loop = asyncio.get_running_loop()
    async with listening(receiver) as url, running(log, urls=(url,)):
        began = loop.time()
        await submit(log, notice(url))
        await receipts(log, 1)
    assert loop.time() - began >= 2


async def test_receiver_that_is_gone_is_told_to_operations(log: MemoryLog) -> None:
    """410 for good: the receipt says so, and somebody has to tell the contact."""
    receiver = Receiver()
    receiver.answers = [Response("unsubscribed", status_code=410)]
    async with listening(receiver) as url, running(log, urls=(url,)):
        await submit(log, notice(url))
        (receipt,) = await receipts(log, 1)
        (failed,) = await failures(log, 1)
    assert (receipt.outcome, receipt.permanent) == ("failed", True)
    assert (failed.notice, failed.contact, failed.channel) == ("m-1", "bot", "webhook")
    assert (failed.outcome, failed.reason, failed.ticket) == ("failed", "410 unsubscribed", "t-1")
    assert len(receiver.posts) == 1


async def test_forged_secret_is_given_up_in_the_end(log: MemoryLog) -> None:
    """401 is tried again, for the operator may put it right, and not for ever."""
    receiver = Receiver("whsec_" + "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy0wMDE=")
    pace = Pace(first_retry_seconds=0.01, longest_retry_seconds=0.05, give_up_seconds=0.3)
    async with listening(receiver) as url, running(log, pace=pace, urls=(url,)):
        await submit(log, notice(url))
        (failed,) = await failures(log, 1)
    assert (failed.reason or "").startswith(f"given up: {url}: 401")
    assert receiver.events == []
    assert len(receiver.posts) > 1


async def test_notices_are_under_no_cap_and_count_for_none(log: MemoryLog) -> None:
    """The budget of automatic messages is nothing here: acks are withheld, notices are not."""
    sender = ScriptedSender()
    none = [Budget(limit=0, within=timedelta(hours=1))]
    async with running(log, {MAIL: sender}, overall=none):
        await submit(log, outbound(1, kind="ack"), *(by_mail(number) for number in range(2, 30)))
        told = await receipts(log, 29)
    outcomes = {one.message: one.outcome for one in told}
    assert outcomes.pop("m-1") == "failed"
    assert set(outcomes.values()) == {"sent"}


async def test_notices_that_wait_leave_room_for_acknowledgements(log: MemoryLog) -> None:
    """The bound of an account's waiting messages is of customers' messages alone."""
    sender = ScriptedSender()
    pace = Pace(most_waiting=2, per_second=10_000, burst=10_000)
    async with running(log, {MAIL: sender}, pace=pace):
        notices = [by_mail(number) for number in range(50)]
        await submit(log, *notices, outbound(60, kind="ack", conversation="c-1"))
        told = await receipts(log, 51)
    (ack,) = [one for one in told if one.kind == "ack"]
    assert "wait already" not in (ack.reason or "")


async def test_notices_that_cannot_leave_hold_up_no_customer(log: MemoryLog) -> None:
    """Though both leave by one account: the notices' breaker is their own."""

    class Torn(ScriptedSender):
        async def send(self, message: OutboundMessage) -> Delivery:
            """Fail all notices, as a server does that refuses their address."""
            if message.kind == "notice":
                raise Unavailable("450 not this one")
            return await super().send(message)

    sender = Torn()
    pace = Pace(concurrency=1, breaker_failures=2, breaker_seconds=30, first_retry_seconds=0.01)
    async with running(log, {MAIL: sender}, pace=pace) as counters:
        await submit(log, *(by_mail(number) for number in range(20)))
        await until(lambda: bool(counters["senders.breaker.opened"]))
        await submit(log, outbound(60))
        async with asyncio.timeout(5):
            (reply,) = await receipts(log, 1)
    assert (reply.message, reply.outcome) == ("m-60", "sent")


async def test_notice_waits_for_no_other(log: MemoryLog) -> None:
    """What the receiver cannot take holds up nothing that it can."""
    receiver = Receiver()
    receiver.answers = [Response(status_code=500)] * 3
    slow = Pace(first_retry_seconds=1.0, longest_retry_seconds=1.0, per_second=10_000)
    async with listening(receiver) as url, running(log, pace=slow, urls=(url,)):
        await submit(log, notice(url, 1))
        await until(lambda: bool(receiver.posts))
        receiver.answers = []
        await submit(log, notice(url, 2))
        told = await receipts(log, 2)
    assert [one.message for one in told] == ["m-2", "m-1"]


async def test_mail_says_that_a_machine_wrote_it(log: MemoryLog) -> None:
    """No machine answers it: no return path, and the header of RFC 3834."""
    box = CatchAll()
    headers = {"Auto-Submitted": "auto-generated"}
    async with serving(box) as sender, running(log, {MAIL: sender}):
        await submit(log, by_mail(subject="升级\r\nBcc: all@shop.example", headers=headers))
        (receipt,) = await receipts(log, 1)
    ((envelope, mail),) = box.mails
    assert receipt.outcome == "sent"
    assert envelope.mail_from == "<>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"] == "升级 Bcc: all@shop.example"
    assert mail["Bcc"] is None


async def test_address_that_is_refused_is_told_to_operations(log: MemoryLog) -> None:
    """The others get theirs."""
    box = CatchAll()
    async with serving(box) as sender, running(log, {MAIL: sender}):
        box.answers["RCPT"] = "550 5.1.1 no such user"
        await submit(log, by_mail(1, attributes={"contact": "lead"}))
        (failed,) = await failures(log, 1)
        del box.answers["RCPT"]
        await submit(log, by_mail(2))
        await receipts(log, 2)
    assert (failed.contact, failed.outcome) == ("lead", "bounced")
    assert len(box.mails) == 1


async def test_account_that_is_not_configured_is_told_to_operations(log: MemoryLog) -> None:
    """Which one it is, and of which ticket."""
    async with running(log):
        await submit(log, by_mail(1))
        (failed,) = await failures(log, 1)
    assert failed.reason == "no sender is configured for email/support@shop.example"


async def test_replies_that_fail_are_no_matter_of_notices(log: MemoryLog) -> None:
    """Their agents are told by the receipt; operations are not."""
    async with running(log, {MAIL: ScriptedSender(Delivery("failed", permanent=True))}):
        await submit(log, outbound(1))
        await receipts(log, 1)
    assert {one.envelope.type async for one in stored(log, OPERATIONS)} == {Watermark.TYPE}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens beside the test."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
