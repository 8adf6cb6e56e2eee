"""What sources publish: blobs first, then records that fit, and nothing is silent."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.blobs import MemoryBlobs, ref_of
from channels.contract import decode
from channels.errors import Full, Unavailable
from channels.identity import conversation_key
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest, Sender
from router.counters import Counters
from router.deadletter import DeadLetter
from router.edges.intake import MAX_RECORD_BYTES, Intake
from router.log.protocol import Log, Message
from router.topics import DEADLETTER, OPERATIONS, REQUESTS_INBOUND

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REQUEST = CustomerRequest(
    id="00000000-0000-5000-8000-000000000001",
    channel="email",
    account="support@shop.example",
    external_id="1",
    sender=Sender(address="wang@example.org"),
    text="投诉",
    received_at=NOON,
)


class Steps(Log):
    """A log and a blob store that write down what happens, in its order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.order: list[str] = []
        self.blobs = MemoryBlobs()
        self.full = False

    async def put(self, blobs: dict[str, bytes]) -> None:
        """Store blobs."""
        if self.full:
            raise Full("no space left on device")
        self.order.append("blobs")
        await self.blobs.put(blobs)

    async def get(self, ref: str) -> bytes:
        """Read a blob."""
        return await self.blobs.get(ref)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Store messages."""
        self.order.append("log")
        self.messages.extend(messages)


@pytest.fixture
def steps() -> Steps:
    """A log and a blob store, empty."""
    return Steps()  # type: ignore[abstract]


async def taken(steps: Any, *items: Parsed | Unreadable) -> Counters:
    """Publish the items as the source `hotline/pbx`; what was counted."""
    counters = Counters()
    intake = Intake(steps, steps, clock=lambda: NOON, counters=counters)
    await intake.publisher("hotline/pbx")(items)
    return counters


async def test_request_becomes_a_record(steps: Steps) -> None:
    """Its id, time and source are the envelope's; the key tells the customer and the account."""
    counters = await taken(steps, Parsed(REQUEST))
    (message,) = steps.messages
    assert message.topic == REQUESTS_INBOUND
    assert message.key == conversation_key("email", REQUEST.account, "wang@example.org")
    assert message.envelope.id == REQUEST.id
    assert message.envelope.type == "request.received"
    assert message.envelope.time == NOON
    assert message.envelope.source == "switchboard/channels/email/support@shop.example"
    assert decode(CustomerRequest, message.value or b"") == REQUEST
    assert counters["intake.email.received"] == 1


async def test_proved_conversation_decides_the_key(steps: Steps) -> None:
    """From whatever address the answer comes."""
    await taken(steps, Parsed(replace(REQUEST, conversation="abcdefgh23456777-12")))
    assert steps.messages[0].key == "abcdefgh23456777"


async def test_blobs_are_stored_first(steps: Steps) -> None:
    """Nobody reads a reference to nothing; a full disk stops the intake before the log."""
    item = Parsed(REQUEST, {ref_of(b"raw"): b"raw"})
    steps.full = True
    with pytest.raises(Unavailable):
        await taken(steps, item)
    assert steps.order == []
    steps.full = False
    await taken(steps, item)
    assert steps.order == ["blobs", "log"]
    assert await steps.get(ref_of(b"raw")) == b"raw"


@pytest.mark.parametrize(("origin", "named"), [("chat/web", "chat/web"), (None, "hotline/pbx")])
async def test_unreadable_input_is_a_dead_letter(
    steps: Steps, origin: str | None, named: str
) -> None:
    """With its bytes and its origin; operations are told; a repetition has the same id."""
    item = Unreadable("line 3", "expected seven fields", b"\xff|x", origin)
    counters = await taken(steps, item)
    await taken(steps, item)
    letters = [message for message in steps.messages if message.topic == DEADLETTER]
    assert len({message.envelope.id for message in letters}) == 1
    letter = decode(DeadLetter, letters[0].value or b"")
    assert (letter.origin.source, letter.error, letter.at) == (named, "line 3", NOON)
    assert letter.problem == "expected seven fields"
    assert letter.value == b"\xff|x"
    assert len([message for message in steps.messages if message.topic == OPERATIONS]) == 2
    assert counters["intake.unreadable"] == 1


@pytest.mark.parametrize(
    "large",
    [
        {"text": "投" * MAX_RECORD_BYTES},
        {"full_text": "x" * MAX_RECORD_BYTES},
        {"attributes": {"header": "x" * MAX_RECORD_BYTES}},
        {"references": tuple(f"<{number}@example.org>" for number in range(50_000))},
    ],
)
async def test_too_large_request_is_cut_and_says_so(steps: Steps, large: dict[str, Any]) -> None:
    """It is routed all the same; the whole of it is a blob."""
    request = replace(REQUEST, **large)
    await taken(steps, Parsed(request))
    (message,) = steps.messages
    assert len(message.value or b"") <= MAX_RECORD_BYTES
    found = decode(CustomerRequest, message.value or b"")
    assert (found.id, found.sender) == (request.id, request.sender)
    assert request.text.startswith(found.text)
    ref = found.defects[-1].problem.rpartition(" ")[2]
    assert decode(CustomerRequest, await steps.get(ref)) == request


async def test_what_cannot_be_cut_is_a_dead_letter(steps: Steps) -> None:
    """A sender's name of a megabyte is not a request, but it is kept."""
    sender = Sender(address="wang@example.org", name="x" * MAX_RECORD_BYTES)
    await taken(steps, Parsed(replace(REQUEST, sender=sender)))
    assert {message.topic for message in steps.messages} == {DEADLETTER, OPERATIONS}
    letter = decode(DeadLetter, steps.messages[0].value or b"")
    assert letter.value is None
    assert decode(CustomerRequest, await steps.get(letter.ref or "")).sender == sender
