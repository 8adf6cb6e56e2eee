"""The loop of the senders: accept, record the intent, send, record the result with its receipt.

Accepting a message moves the position in the same commit, and a result is committed together with
its receipt. One task owns the shard; tasks of conversations ask it to store, and wait until it
has. Conversations of one account go side by side, messages of one conversation one by one.
"""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from channels.contract import decode, encode
from channels.errors import Malformed, SwitchboardError
from channels.inbox import Clock
from channels.outbound import OutboundMessage, Receipt
from channels.sending import Delivery
from router import deadletter, operations
from router.counters import Counters
from router.edges.caps import AUTOMATIC, Caps
from router.edges.lane import Failed, Lane
from router.edges.lanes import Lanes
from router.edges.ledger import UNCERTAIN, Ledger, Phase, account_of, lane_of
from router.log.protocol import Commit, Envelope, Message, Record, ShardLog, Source
from router.topics import MESSAGES_RECEIPTS
from rules.model import Budget

SENDERS = "switchboard/senders"
MESSAGE_RECEIPT = "message.receipt"
WATERMARK_SECONDS = 10.0
NOT_TOLD = frozenset({"failed", "bounced", "uncertain"})
"""Outcomes of a notice after which somebody else has to tell its contact."""

_MAX_BATCH = 500
_BUSY_POLL_SECONDS = 0.02
_IDLE_POLL_SECONDS = 0.25
_GRACE_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass
class Outside:
    """What outlives a session: the accounts' health, and results that are not stored yet."""

    lanes: Lanes
    clock: Clock
    counters: Counters
    chance: random.Random
    budgets: Callable[[], Sequence[Budget]]
    overall: Sequence[Budget]
    results: dict[str, Delivery | Failed] = field(default_factory=dict)


class _Pending:
    """What the next commit stores, and who waits for it."""

    def __init__(self) -> None:
        self.changes: dict[str, bytes | None] = {}
        self.outputs: list[Message] = []
        self.positions: dict[Source, str] = {}
        self.accepted: list[OutboundMessage] = []
        self.results: list[str] = []
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __bool__(self) -> bool:
        return bool(self.changes or self.outputs or self.positions)


class Outbox:
    """One ownership of the senders' shard, from its opening to its end."""

    def __init__(self, shard: ShardLog, source: Source, ledger: Ledger, outside: Outside) -> None:
        self._shard = shard
        self._source = source
        self._ledger = ledger
        self._caps = Caps(outside.overall, ledger.automatic())
        self._outside = outside
        self._pending = _Pending()
        self._queues: dict[tuple[str, ...], deque[OutboundMessage]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None] | None] = set()
        self._crash: BaseException | None = None
        self._watermark_at = 0.0
        self._read = 0

    async def run(self) -> None:
        """Commit, poll, commit … until cancelled, fenced, or the log fails."""
        try:
            self._recover()
            while self._crash is None:
                self._watermark()
                stored = await self._commit()
                # The tasks that waited for this come to their turn, and have more to store.
                await asyncio.sleep(0)
                busy = stored or self._pending or self._sending
                await self._poll(_BUSY_POLL_SECONDS if busy else _IDLE_POLL_SECONDS)
            raise self._crash
        except asyncio.CancelledError:
            await self._wind_down()
            await self._commit_last()
            raise
        finally:
            await self._wind_down()
            await self._shard.close()

    def _recover(self) -> None:
        """Decide what an earlier session left: DESIGN section 10, "Senders"."""
        results, self._outside.results = self._outside.results, {}
        for phase, message in self._ledger.unfinished():
            if phase is Phase.ACCEPTED:
                self._enqueue(message)
                continue
            result = results.get(message.id)
            if result is None and message.kind in AUTOMATIC:
                result = UNCERTAIN
            self._outside.counters.add("senders.recovered")
            self._settle(message, result or Failed("stopped while sending"))
            if not isinstance(result, Delivery):
                self._enqueue(message)

    # -- the owner of the shard ------------------------------------------------------------------

    async def _commit(self) -> bool:
        self._pending.changes.update(self._ledger.forget(self._outside.clock()))
        if not self._pending:
            return False
        pending, self._pending = self._pending, _Pending()
        try:
            await self._shard.commit(Commit(pending.outputs, pending.changes, pending.positions))
        except BaseException:
            pending.stored.cancel()
            raise
        pending.stored.set_result(None)
        for message_id in pending.results:
            self._outside.results.pop(message_id, None)
        for message in pending.accepted:
            self._enqueue(message)
        return True

    async def _commit_last(self) -> None:
        pending = self._pending
        try:
            await self._commit()
        except SwitchboardError as error:
            # What is lost is known: it is found as begun, and judged so, by the next session.
            _log.warning("results_not_stored", messages=len(pending.results), reason=str(error))

    async def _poll(self, wait: float) -> None:
        batch = await self._shard.poll(_MAX_BATCH, wait)
        self._read += len(batch.records)
        for record in batch.records:
            self._accept(record)

    def _accept(self, record: Record) -> None:
        now = self._outside.clock()
        self._pending.positions[self._source] = record.offset
        try:
            message = decode(OutboundMessage, record.value)
        except Malformed as error:
            letter = deadletter.of_record(record, error="Malformed", problem=str(error), at=now)
            self._pending.outputs.extend(deadletter.messages(letter, SENDERS))
            self._outside.counters.add("senders.unreadable")
            return
        changes = self._ledger.accept(message, now)
        if changes is None:
            self._outside.counters.add("senders.duplicates")
            return
        self._pending.changes.update(changes)
        if (full := self._full(message)) is not None:
            self._withhold(message, full)
            return
        self._pending.accepted.append(message)

    def _full(self, message: OutboundMessage) -> str | None:
        """Why the account can take no further automatic message; None when it can."""
        lane = self._outside.lanes.of(message)
        if lane is None or message.kind not in AUTOMATIC:
            return None
        most = lane.pace.most_waiting
        if self._ledger.waiting[lane_of(message)] <= most:
            return None
        return f"withheld: {most} messages of {lane.name} wait already"

    def _withhold(self, message: OutboundMessage, reason: str) -> asyncio.Future[None]:
        """The message is not sent, and whoever looks for it is told why."""
        self._outside.counters.add("senders.withheld")
        _log.warning("message_withheld", message=message.id, reason=reason)
        return self._settle(message, Delivery("failed", permanent=True, reason=reason))

    def _watermark(self) -> None:
        """Tell operations now and then that the senders live, so that silence means they do not."""
        loop_now = asyncio.get_running_loop().time()
        if loop_now < self._watermark_at:
            return
        self._watermark_at = loop_now + WATERMARK_SECONDS
        now = self._outside.clock()
        told = operations.Watermark(source=SENDERS, read_through=now, records=self._read, at=now)
        identity = f"{SENDERS}/watermark/{now.isoformat()}"
        self._pending.outputs.append(operations.message(told, id=identity, source=SENDERS, at=now))
        self._read = 0

    async def _wind_down(self) -> None:
        """Start nothing more; what is being sent may end, for its result is worth knowing."""
        for task in self._tasks - self._sending:
            task.cancel()
        deadline = asyncio.get_running_loop().time() + _GRACE_SECONDS
        while self._sending and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - ends
            await asyncio.sleep(_BUSY_POLL_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- the tasks of the conversations ----------------------------------------------------------

    def _enqueue(self, message: OutboundMessage) -> None:
        # A notice waits for no other one: what is told first may be what cannot be told.
        among = message.id if message.kind == "notice" else message.conversation or message.to
        key = (message.channel, message.account, among)
        if key in self._queues:
            self._queues[key].append(message)
            return
        self._queues[key] = deque([message])
        task = asyncio.create_task(self._drain(key))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._crash = task.exception()

    async def _drain(self, key: tuple[str, ...]) -> None:
        queue = self._queues[key]
        while queue:
            await self._deliver(queue[0])
            queue.popleft()
        del self._queues[key]

    async def _deliver(self, message: OutboundMessage) -> None:
        lane = self._outside.lanes.of(message)
        if lane is None:
            await self._withhold(
                message, f"no sender is configured for {'/'.join(account_of(message))}"
            )
            return
        withheld = self._caps.take(message, self._outside.budgets(), self._outside.clock())
        if withheld is not None:
            await self._withhold(message, withheld)
            return
        for attempt in itertools.count(1):
            await lane.sender.ready(message)
            async with lane.slots:
                await lane.turn()
                await self._begin(message)
                result = await self._attempt(lane, message)
                await self._settle(message, result)
            if isinstance(result, Delivery):
                return
            backoff = lane.pace.retry_after(attempt, self._outside.chance)
            await asyncio.sleep(max(backoff, result.after_seconds))

    def _begin(self, message: OutboundMessage) -> asyncio.Future[None]:
        """Record the intent; until the sender is called, it is known that nothing went out."""
        self._outside.results[message.id] = Failed("interrupted before it was sent")
        self._pending.changes.update(self._ledger.begin(message, self._outside.clock()))
        return self._stored()

    async def _attempt(self, lane: Lane, message: OutboundMessage) -> Delivery | Failed:
        self._outside.results.pop(message.id, None)
        task = asyncio.current_task()
        self._sending.add(task)
        try:
            result = await lane.attempt(message)
        finally:
            self._sending.discard(task)
        age = self._outside.clock() - message.created_at
        if isinstance(result, Failed) and age.total_seconds() > lane.pace.give_up_seconds:
            result = Delivery("failed", permanent=True, reason=f"given up: {result.reason}")
        self._note(lane, message, result)
        return result

    def _settle(self, message: OutboundMessage, result: Delivery | Failed) -> asyncio.Future[None]:
        """Record what came of a message; the result is stored when the future is done."""
        now = self._outside.clock()
        self._outside.results[message.id] = result
        self._pending.results.append(message.id)
        if isinstance(result, Failed):
            self._pending.changes.update(self._ledger.postpone(message, now))
            return self._stored()
        changes, receipt = self._ledger.finish(message, result, now)
        self._pending.changes.update(changes)
        self._pending.outputs.append(receipt_message(receipt))
        if message.kind == "notice" and result.outcome in NOT_TOLD:
            self._pending.outputs.append(notice_failed(message, receipt))
        return self._stored()

    def _stored(self) -> asyncio.Future[None]:
        return asyncio.shield(self._pending.stored)

    def _note(self, lane: Lane, message: OutboundMessage, result: Delivery | Failed) -> None:
        outcome = result.outcome if isinstance(result, Delivery) else "postponed"
        self._outside.counters.add(f"senders.{outcome}")
        _log.info(
            "message_" + outcome,
            account=lane.name,
            message=message.id,
            kind=message.kind,
            reason=result.reason,
        )


def notice_failed(message: OutboundMessage, receipt: Receipt) -> Message:
    """The record of `operations` for a notice that nobody will read."""
    told = operations.NoticeFailed(
        notice=message.id, contact=str(message.attributes.get("contact", message.to)),
        channel=message.channel, ticket=message.ticket, outcome=receipt.outcome,
        reason=receipt.reason, at=receipt.at,
    )  # fmt: skip
    identity = f"{message.id}/failed"
    return operations.message(told, id=identity, source=SENDERS, at=receipt.at)


def receipt_message(receipt: Receipt) -> Message:
    """The record of `messages.receipts` for `receipt`."""
    return Message(
        topic=MESSAGES_RECEIPTS,
        key=receipt.pool or "",
        value=encode(receipt),
        envelope=Envelope(id=receipt.id, type=MESSAGE_RECEIPT, source=SENDERS, time=receipt.at),
    )
