"""Who gets an acknowledgement, and why somebody does not."""

from datetime import timedelta
from typing import Any

import pytest

from channels.defaults import fill
from channels.request import CustomerRequest
from router.core.acks import SENT_KEPT, Withheld, counted, fingerprint, withheld_reason
from router.core.entities.conversation import Contact, Sent
from rules.model import AckPolicy, Budget
from tests.unit.router.core.story import START, Story

ACKED = """
routes: [{id: default, then: {queue: billing, sla: standard, ack: hello}}]
acks: {hello: {sms: "got it {{ ticket }}", email: "dear {{ customer }}, due {{ due_at | local }}"}}
"""


def request(**fields: Any) -> CustomerRequest:
    """A message by SMS, unless told otherwise."""
    document = {"channel": "sms", "account": "+8690", "sender": "+8610", "text": "hello"} | fields
    return fill(document, at=START)


def sent(*ages: float, text: str = "other") -> Contact:
    """A contact to whom we sent automatic messages so many seconds ago."""
    messages = tuple(Sent(at=START - timedelta(seconds=age), text=text) for age in ages)
    return Contact(last_at=START, sent=messages)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"kind": "call"}, None),
        ({"automatic": "dsn"}, Withheld.DSN),
        ({"automatic": "bulk"}, Withheld.BULK),
        ({"automatic": "something new"}, Withheld.AUTOMATIC),
        ({"kind": "receipt"}, Withheld.NOT_A_MESSAGE),
        ({"sender": ""}, Withheld.NO_ADDRESS),
        ({"sender": "anonymous-7"}, Withheld.NO_ADDRESS),
        ({"sender": "+8690"}, Withheld.OWN_ADDRESS),
        ({"sender": "+8691"}, Withheld.OWN_ADDRESS),
    ],
)
def test_the_request_itself_shows_whether_it_may_be_acknowledged(
    fields: dict[str, Any], reason: Withheld | None
) -> None:
    """Machines, receipts, nobody, and ourselves get none."""
    policy = AckPolicy(own_addresses=["+8691"])
    assert withheld_reason(request(**fields), policy) == reason


def test_a_channel_without_a_template_gets_none() -> None:
    """The rule names an acknowledgement that has no text for it."""
    assert withheld_reason(request(), AckPolicy(), has_template=False) == Withheld.NO_TEMPLATE


def test_who_opted_out_gets_none() -> None:
    """STOP holds until START."""
    contact = Contact(last_at=START, opted_out=True)
    assert withheld_reason(request(), AckPolicy(), contact) == Withheld.OPTED_OUT


@pytest.mark.parametrize(
    ("ages", "reason"),
    [
        ((), None),
        ((599, 500), None),
        ((599, 500, 400), Withheld.BUDGET),
        ((600, 500, 400), None),
        ((3000, 2000, 1000, 500, 400), Withheld.BUDGET),
    ],
)
def test_a_contact_has_a_budget_of_automatic_messages(
    ages: tuple[float, ...], reason: Withheld | None
) -> None:
    """Three in ten minutes, five in an hour: two machines cannot keep each other busy."""
    budgets = [
        Budget(limit=3, within=timedelta(minutes=10)), Budget(limit=5, within=timedelta(hours=1)),
    ]  # fmt: skip
    assert withheld_reason(request(), AckPolicy(budgets=budgets), sent(*ages)) == reason


def test_the_same_text_is_acknowledged_twice_a_day() -> None:
    """Who says the same again and again is a machine, or knows that we have it."""
    same = fingerprint(request(text="hello"))
    once, twice = sent(100, text=same), sent(100, 200, text=same)
    assert withheld_reason(request(text=" hello\n"), AckPolicy(), once) is None
    assert withheld_reason(request(), AckPolicy(), twice) == Withheld.REPEATED_TEXT
    assert withheld_reason(request(text="hello!"), AckPolicy(), twice) is None
    assert withheld_reason(request(), AckPolicy(), sent(90_000, 90_001, text=same)) is None


def test_what_was_sent_is_remembered_for_a_day_and_bounded() -> None:
    """Old ones go first."""
    assert len(counted(sent(86_400, 86_399), request(), START)) == 2
    assert len(counted(sent(*range(SENT_KEPT + 5)), request(), START)) == SENT_KEPT


async def test_an_acknowledgement_is_sent_once_and_told_with_the_opening() -> None:
    """Its id follows from the ticket, so that no repetition makes a second."""
    story = await Story.begin(ACKED)
    await story.request("x1")
    await story.request("x1")
    ack = story.one("message.outbound", "x1", "messages.outbound").data
    assert (ack["kind"], ack["to"], ack["text"]) == ("ack", "+8610", f"got it {story.id('x1')}")
    opened = story.one("ticket.opened", "x1").data
    assert (opened["ack"], opened["ack_withheld"]) == ("hello", None)
    assert story.one("request.duplicate").data["external_id"] == "x1"


async def test_an_acknowledgement_by_mail_is_threaded_and_answered_by_no_machine() -> None:
    """It refers to the customer's mail and says that it is automatic (RFC 3834)."""
    story = await Story.begin(ACKED)
    await story.request(
        "x1", channel="email", account="shop@example.org", subject="re: my bill",
        sender={"address": "wang@example.com", "name": "Wang"}, references=["<0@example.com>"],
        attributes={"message_id": "<1@example.com>"},
    )  # fmt: skip
    ack = story.one("message.outbound", "x1", "messages.outbound").data
    assert ack["text"] == "dear Wang, due 03-01 09:01"
    assert ack["subject"] == "re: my bill"
    assert ack["in_reply_to"] == "<1@example.com>"
    assert ack["references"] == ["<0@example.com>", "<1@example.com>"]
    assert ack["headers"]["Auto-Submitted"] == "auto-replied"
    assert ack["reply_to"].startswith("shop+")


async def test_a_withheld_acknowledgement_is_told_with_its_reason() -> None:
    """Nothing is sent; the opening says why."""
    story = await Story.begin(ACKED)
    await story.request("x1", channel="chat")
    assert story.one("ticket.opened", "x1").data["ack_withheld"] == "no-template"
    assert story.events("message.outbound", topic="messages.outbound") == []


async def test_a_reply_by_mail_answers_the_customers_last_mail() -> None:
    """With `Re:` and the subject that the agent wrote, or the customer's."""
    story = await Story.begin(ACKED)
    await story.available("ann")
    await story.request(
        "x1", channel="email", account="shop@example.org", subject="my bill",
        sender="wang@example.com", attributes={"message_id": "<1@example.com>"},
    )  # fmt: skip
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="here")
    await story.command("ann", "reply", "x1", text="and there", subject="Your bill")
    replies = [
        one.data
        for one in story.events("message.outbound", "x1", "messages.outbound")
        if one.data["kind"] == "reply"
    ]
    assert [one["subject"] for one in replies] == ["Re: my bill", "Your bill"]
    assert [one["headers"] for one in replies] == [{}, {}]
    assert replies[0]["in_reply_to"] == "<1@example.com>"
    assert replies[0]["message_id"] != replies[1]["message_id"]


REPLY_TO = {"address": "li@home.example", "role": "reply_to"}


@pytest.mark.parametrize(
    ("recipients", "to"),
    [
        ([], "li@office.example"),
        ([{"address": "help@shop.example", "role": "to"}, REPLY_TO], "li@home.example"),
        ([REPLY_TO | {"address": "help@shop.example"}], "li@office.example"),
        ([REPLY_TO | {"address": "help+x.y@shop.example"}], "li@office.example"),
        ([REPLY_TO | {"address": "sales@shop.example"}], "li@office.example"),
        ([REPLY_TO | {"address": "nowhere"}], "li@office.example"),
    ],
)
async def test_answers_go_where_the_customer_wants_them(
    recipients: list[dict[str, str]], to: str
) -> None:
    """Acknowledgement and reply alike; but never to an address of ours."""
    story = await Story.begin(ACKED + "ack_policy: {own_addresses: [sales@shop.example]}")
    await story.available("ann")
    await story.request(
        "x1", channel="email", account="help@shop.example",
        sender={"address": "li@office.example", "name": "Li"}, recipients=recipients,
    )  # fmt: skip
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="hello")
    sent = story.events("message.outbound", "x1", "messages.outbound")
    assert [(one.data["kind"], one.data["to"]) for one in sent] == [("ack", to), ("reply", to)]
