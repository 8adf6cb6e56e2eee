"""Wrong input ends with a clear message, and nothing of it is lost."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from channels.contract import decode, encode
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.outputs import Given, Output
from router.core.triage import Triage
from router.deadletter import DeadLetter, again
from router.edges.intake import request_message
from router.log.memory import MemoryLog
from router.log.protocol import Envelope, Message, Record, TooLarge
from router.records import activation
from router.shard import Pace, Shard
from router.topics import DEADLETTER, OPERATIONS, REQUESTS_INBOUND, TICKETS_EVENTS
from tests.simulation.chaos import HEAD, RULEBOOK

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


async def test_a_redriven_dead_letter_is_processed_once() -> None:
    """After the fault is mended it goes through, and a second redrive is a duplicate."""
    world = World(Fragile)
    await world.play(request_message(request(1, "poison")))
    (dead,) = world.of(DEADLETTER)
    message = again(_letter(dead))
    assert message is not None
    world.shard = Shard(
        world.log, lambda: Triage(HEAD), 0, clock=lambda: world.now, pace=Pace(watermark=None)
    )
    await world.play(message)
    await world.play(message)
    assert world.opened() == ["m1"]
    kinds = [record.envelope.type for record in world.of(TICKETS_EVENTS)]
    assert kinds.count("request.duplicate") == 1


def _letter(record: Record) -> DeadLetter:
    return decode(DeadLetter, record.value)


async def test_an_output_too_large_dead_letters_its_cause_alone() -> None:
    """In the middle of a batch: the others are routed, in order."""
    world = World()
    room = 99_990 - len(encode(request(2, "")))
    large = request(2, "x" * room)
    await world.play(*(request_message(one) for one in (request(1), large, request(3))))
    assert world.opened() == ["m1", "m3"]
    (dead,) = world.of(DEADLETTER)
    letter = json.loads(dead.value)
    assert letter["error"] == TooLarge.__name__
    assert letter["value_base64"] is None, "its bytes stay in the record that it names"
    assert letter["origin"]["offset"]


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
