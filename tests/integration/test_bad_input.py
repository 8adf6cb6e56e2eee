"""Wrong input ends with a clear message, and nothing of it is lost."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from channels.contract import encode
from channels.errors import Unavailable
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router.core.dispatch import Dispatch
from router.core.events import TicketFeedback
from router.core.letters import Letterhead
from router.core.outputs import Given, Output
from router.core.triage import Triage
from router.deadletter import DeadLetter, Letters, again
from router.edges.intake import request_message
from router.log.memory import MemoryLog, MemoryShard
from router.log.protocol import Batch, Envelope, Message, Record, TooLarge
from router.records import activation
from router.shard import Pace, Shard
from router.topics import (
    DEADLETTER,
    OPERATIONS,
    REQUESTS_INBOUND,
    TICKETS_EVENTS,
    TICKETS_FEEDBACK,
)
from tests.simulation.chaos import HEAD
from tests.simulation.rulebooks import RULEBOOK

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def request(number: int, text: str = "hello") -> CustomerRequest:
    """A text message."""
    return CustomerRequest(
        id=request_id("sms", "shop", f"m{number}"),
        channel="sms",
        account="shop",
        external_id=f"m{number}",
        sender=Sender(address=f"+86{number}"),
        text=text,
        received_at=NOON,
    )


class Fragile(Triage):
    """A core with a fault: it raises on one text."""

    def step(self, event: object, given: Given, now: datetime) -> list[Output]:
        """Raise after the state was changed, which is the worst moment."""
        outputs = super().step(event, given, now)
        if isinstance(event, CustomerRequest) and event.text == "poison":
            raise ZeroDivisionError("a fault of the core")
        return outputs


class World:
    """One triage shard on a memory log."""

    def __init__(self, core: type[Triage] = Triage) -> None:
        self.now = NOON
        self.log = MemoryLog(lambda: self.now, max_bytes=100_000)
        pace = Pace(watermark=None)
        self.shard = Shard(self.log, lambda: core(HEAD), 0, clock=lambda: self.now, pace=pace)

    async def play(self, *messages: Message) -> None:
        """Store records, and let the shard read them."""
        await self.log.publish([activation({"rules.yaml": RULEBOOK}, 1, self.now), *messages])
        self.now += timedelta(seconds=1)
        while await self.shard.turn():
            self.now += timedelta(seconds=1)

    def of(self, topic: str) -> list[Record]:
        """The records of a topic."""
        return [record for record in self.log.stored() if record.topic == topic]

    def letters(self) -> list[tuple[str, DeadLetter]]:
        """The dead letters, whole."""
        letters = Letters()
        for record in self.of(DEADLETTER):
            letters.add(record)
        return list(letters)

    def opened(self) -> list[str]:
        """Whose messages opened tickets."""
        return [
            json.loads(record.value)["external_id"]
            for record in self.of(TICKETS_EVENTS)
            if record.envelope.type == "ticket.opened"
        ]


def broken(value: bytes, kind: str = "request.received") -> Message:
    """A record that no source of ours would write."""
    return Message(REQUESTS_INBOUND, "k", value, Envelope("odd", kind, "elsewhere", NOON), 0)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (broken(b"\xff not json"), "CustomerRequest: document: Invalid JSON"),
        (broken(b'{"id": 7}'), "CustomerRequest: id: Input should be a valid string"),
        (broken(b"{}", "request.unheard-of"), "no contract for events of type"),
    ],
)
async def test_a_record_that_is_not_as_it_should_be_is_dead_lettered(
    record: Message, problem: str
) -> None:
    """With its bytes, its coordinates, the field and what was expected; operations are told."""
    world = World()
    await world.play(request_message(request(1)), record, request_message(request(2)))
    assert world.opened() == ["m1", "m2"], "the others go through"
    (dead,) = world.of(DEADLETTER)
    letter = json.loads(dead.value)
    assert letter["origin"]["topic"] == REQUESTS_INBOUND
    assert problem in letter["problem"]
    assert [one.envelope.type for one in world.of(OPERATIONS)] == ["operations.deadlettered"]


@pytest.mark.interpreted
async def test_a_core_that_raises_leaves_no_trace_and_the_shard_goes_on() -> None:
    """The state is as if the event had never been; the event is a dead letter."""
    world = World(Fragile)
    poison = request(2, "poison")
    await world.play(*(request_message(one) for one in (request(1), poison, request(3))))
    assert world.opened() == ["m1", "m3"]
    (dead,) = world.of(DEADLETTER)
    assert json.loads(dead.value)["error"] == "ZeroDivisionError"
    core = world.shard.core
    assert isinstance(core, Triage)
    assert poison.id not in core.seen.rows
    assert len(core.conversations) == 2


@pytest.mark.interpreted
async def test_a_redriven_dead_letter_is_processed_once() -> None:
    """After the fault is mended it goes through, and a second redrive is a duplicate."""
    world = World(Fragile)
    await world.play(request_message(request(1, "poison")))
    ((_, letter),) = world.letters()
    message = again(letter)
    assert message is not None
    world.shard = Shard(
        world.log, lambda: Triage(HEAD), 0, clock=lambda: world.now, pace=Pace(watermark=None)
    )
    await world.play(message)
    await world.play(message)
    assert world.opened() == ["m1"]
    kinds = [record.envelope.type for record in world.of(TICKETS_EVENTS)]
    assert kinds.count("request.duplicate") == 1


async def test_an_output_too_large_dead_letters_its_cause_alone() -> None:
    """In the middle of a batch: the others are routed, in order."""
    world = World()
    room = 99_990 - len(encode(request(2, "")))
    large = request(2, "x" * room)
    await world.play(*(request_message(one) for one in (request(1), large, request(3))))
    assert world.opened() == ["m1", "m3"]
    ((_, letter),) = world.letters()
    assert letter.error == TooLarge.__name__
    assert letter.value == encode(large), "its bytes are kept, in as many records as they need"
    assert len(world.of(DEADLETTER)) == 3
    alarms = [one for one in world.of(OPERATIONS) if "deadlettered" in one.envelope.type]
    assert len(alarms) == 1


async def test_what_waits_for_its_rulebook_is_not_processed_for_another_records_sake() -> None:
    """A record too large comes with records that are ahead: those wait, in their order."""
    world = World()
    large = request(2, "x" * (99_990 - len(encode(request(2, "")))))
    ahead = request_message(request(3))
    ahead = replace(ahead, envelope=replace(ahead.envelope, extensions={"activation": "2"}))
    behind = replace(request_message(request(4)), partition=0)
    await world.play(*(request_message(one) for one in (request(1), large)), ahead, behind)
    assert world.opened() == ["m1"]
    await world.log.publish([activation({"rules.yaml": RULEBOOK}, 2, world.now)])
    world.now += timedelta(seconds=1)
    while await world.shard.turn():
        world.now += timedelta(seconds=1)
    assert world.opened() == ["m1", "m3", "m4"]


async def test_a_reply_of_the_log_that_had_to_wait_shows_no_wrong_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log told its time, then this process was busy for ten seconds."""
    world = World()
    told = MemoryShard.poll

    async def poll(self: MemoryShard, most: int, wait: float) -> Batch:
        batch = await told(self, most, wait)
        world.now += timedelta(seconds=10)
        return batch

    monkeypatch.setattr(MemoryShard, "poll", poll)
    await world.play(request_message(request(1)))
    assert world.opened() == ["m1"]


@pytest.mark.parametrize("seconds", [-6, 6])
async def test_a_shard_whose_clock_is_wrong_stops(seconds: float) -> None:
    """Deadlines by a wrong clock would be worse than none; the message says what to do."""
    world = World()
    wrong = Shard(
        world.log, lambda: Triage(HEAD), 0, clock=lambda: world.now + timedelta(seconds=seconds)
    )
    with pytest.raises(Unavailable, match="set this machine's clock"):
        await wrong.turn()


@pytest.mark.interpreted
async def test_a_timer_whose_output_no_log_takes_is_put_off_and_told() -> None:
    """The records of its batch are processed, the other timers fire, operations hear of it."""

    class Chatty(Triage):
        """Its timers say too much."""

        def fire(self, before: datetime, now: datetime) -> list[Output] | None:
            outputs = super().fire(before, now)
            if outputs:
                outputs[0] = replace(outputs[0], data={"too": "much" * 30_000})
            return outputs

    world = World(Chatty)
    await world.play(request_message(request(1)))
    core = world.shard.core
    assert isinstance(core, Chatty)
    (conversation,) = core.conversations.rows.values()
    feedback = TicketFeedback(
        ticket=conversation.ticket, conversation=conversation.id, change="resolved",
        pool="service", queue="billing", at=world.now,
    )  # fmt: skip
    envelope = Envelope("f1", feedback.TYPE, "test", world.now)
    key = conversation.id.partition("-")[0]
    await world.play(Message(TICKETS_FEEDBACK, key, encode(feedback), envelope))
    world.now += timedelta(minutes=4)
    await world.play(request_message(request(2)))
    assert world.opened() == ["m1", "m2"]
    assert "operations.timer_failed" in [one.envelope.type for one in world.of(OPERATIONS)]
    assert core.next_at() is not None


@pytest.mark.interpreted
async def test_a_triaged_record_that_raises_still_has_a_ticket() -> None:
    """It was acknowledged: it is opened parked, by the least code, and operations are told."""

    class Clumsy(Dispatch):
        """Cannot open tickets."""

        def _triaged(self, turn, event):  # type: ignore[no-untyped-def] # raises, whatever it is given
            raise ZeroDivisionError

    now = NOON
    log = MemoryLog(lambda: now)
    head = Letterhead((b"secret",), "x.example")
    shards = [
        Shard(log, lambda: Triage(head), 0, clock=lambda: now, pace=Pace(watermark=None)),
        Shard(log, lambda: Clumsy(head), 0, clock=lambda: now, pace=Pace(watermark=None)),
    ]
    await log.publish([activation({"rules.yaml": RULEBOOK}, 1, now)])
    await log.publish([request_message(request(1))])
    now += timedelta(seconds=1)
    for shard in shards:
        await shard.turn()
    now += timedelta(seconds=1)
    await shards[1].turn()
    kinds = [record.envelope.type for record in log.stored() if record.topic == TICKETS_EVENTS]
    assert "ticket.parked" in kinds
    assert [record for record in log.stored() if record.topic == DEADLETTER]
