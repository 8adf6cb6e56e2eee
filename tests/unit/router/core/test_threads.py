"""Which conversation a message belongs to: proved, named, or recent; else a new one."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from channels.defaults import fill
from router.core.entities.conversation import Conversation
from router.core.threads import MESSAGE_IDS_KEPT, Proof, find, new_id, open_for, remembered
from rules.model import Threading
from tests.unit.router.core.story import START

MAILS = Conversation(
    id="key-1", ticket="t1", pool="service", opened_at=START, last_at=START,
    message_ids=("<1@x>", "<2@x>"),
)  # fmt: skip
RECENT = Conversation(
    id="key-2", ticket="t2", pool="service", opened_at=START, last_at=START, message_ids=("<3@x>",)
)
CLOSED = Conversation(
    id="key-3", ticket="t3", pool="service", state="closed", opened_at=START, last_at=START
)


@pytest.mark.parametrize(
    ("fields", "seconds", "expected", "by"),
    [
        ({"conversation": "key-3"}, 0, "key-3", Proof.PROVED),
        ({"conversation": "forgotten"}, 0, "key-2", Proof.WINDOW),
        ({"in_reply_to": "<1@x>"}, 0, "key-1", Proof.REFERENCES),
        ({"references": ["<0@x>", "<2@x>"]}, 0, "key-1", Proof.REFERENCES),
        ({"in_reply_to": "<9@x>"}, 0, "key-2", Proof.WINDOW),
        ({}, 86_399, "key-2", Proof.WINDOW),
        ({}, 86_400, None, Proof.NEW),
        ({}, -86_399, "key-2", Proof.WINDOW),
        ({}, -86_400, None, Proof.NEW),
        ({"channel": "email"}, 0, None, Proof.NEW),
        ({"channel": "email"}, -1, None, Proof.NEW),
        ({"channel": "chat"}, 599, "key-2", Proof.WINDOW),
        ({"channel": "chat"}, 600, None, Proof.NEW),
    ],
)
def test_a_message_belongs_to_what_it_proves_names_or_follows(
    fields: dict[str, Any], seconds: float, expected: str | None, by: Proof
) -> None:
    """Proof before references before the channel's window; closed ones take in nothing unproved."""
    at = START + timedelta(seconds=seconds)
    request = fill({"channel": "sms", "sender": "+8610"} | fields, at=at)
    proved = CLOSED if request.conversation == CLOSED.id else None
    threading = Threading(window={"chat": timedelta(minutes=10)})
    found = find(request, [MAILS, RECENT, CLOSED], proved, threading)
    assert (found.conversation and found.conversation.id, found.by) == (expected, by)


def test_a_conversations_number_grows_though_its_second_is_taken() -> None:
    """Two conversations of one address may begin in one second, and a clock may stand still."""
    first = new_id("key", START, ())
    second = new_id("key", START, (first,))
    assert int(second.partition("-")[2]) == int(first.partition("-")[2]) + 1


def test_a_customers_message_ids_are_remembered_once_and_bounded() -> None:
    """A thread may be long; the newest are what is answered."""
    mail = fill({"channel": "email", "attributes": {"message_id": "<1@x>"}}, at=START)
    assert remembered(("<1@x>",), mail) == ("<1@x>",)
    many = tuple(f"<{number}@y>" for number in range(MESSAGE_IDS_KEPT))
    kept = remembered(many, mail)
    assert (len(kept), kept[-1]) == (MESSAGE_IDS_KEPT, "<1@x>")
    assert remembered((), fill({"channel": "sms"}, at=START)) == ()


OURS = replace(RECENT, id="key-4", aside=True)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([MAILS, RECENT, OURS], "key-2"),
        ([MAILS, OURS, replace(RECENT, state="resolved")], "key-1"),
        ([replace(MAILS, state="resolved"), OURS], "key-4"),
        ([replace(MAILS, state="resolved"), replace(OURS, state="resolved")], "key-4"),
        ([replace(MAILS, last_at=START - timedelta(days=2)), OURS], "key-4"),
    ],
)
def test_the_customer_means_what_is_open_and_their_own_then_the_newest(
    known: list[Conversation], expected: str
) -> None:
    """Not what is out of the window; and who is settled on both sides answers the last."""
    request = fill({"channel": "sms", "sender": "+8610"}, at=START)
    found = find(request, known, None, Threading()).conversation
    assert found is not None
    assert found.id == expected


def test_who_leaves_is_where_they_would_write_or_in_what_is_open_at_all() -> None:
    """The window of their own is over; of two that are, their own is meant."""
    long_ago = replace(MAILS, last_at=START - timedelta(days=2))
    request = fill({"channel": "chat", "sender": "v1", "kind": "left"}, at=START)
    threading = Threading()
    assert open_for(request, [long_ago, OURS], threading) == OURS
    late = replace(OURS, last_at=START - timedelta(days=2))
    assert open_for(request, [long_ago, late], threading) == long_ago
    assert open_for(request, [replace(long_ago, state="resolved")], threading) is None
    assert open_for(request, [late, replace(MAILS, state="resolved")], threading) is None
