"""Call-backs and revisits: set by an agent or by the type, and each of them one request."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from channels.contract import encode
from channels.identity import key_of, ticket_id
from router.core.events import TicketClose
from router.core.follow_ups import LONGEST_NAME, MOST_OPEN
from router.core.lifecycle import TicketState
from router.edges.intake import request_message
from tests.unit.router.core.cores import Core, of, triaged
from tests.unit.router.core.story import START, Story

AFTER_EACH_COMPLAINT = """
calendars: {office: {timezone: UTC, hours: {mon-fri: ["09:00-17:00"]}}}
types: {complaint: {follow_up: {after: 1h, note: all well}}, revisit: {}}
routes:
  - {id: again, when: {kind: follow_up}, then: {queue: rescue, type: complaint}}
  - {id: default, then: {queue: billing, type: complaint}}
"""


async def taken(changes: str = "", **fields: Any) -> Story:
    """Ann has the ticket x1."""
    story = await Story.begin(changes)
    await story.available("ann")
    await story.request("x1", **fields)
    await story.hand("ann", "x1")
    return story


async def settled(changes: str = AFTER_EACH_COMPLAINT) -> Story:
    """Ann has resolved the ticket x1."""
    story = await taken(changes)
    assert await story.command("ann", "resolve", "x1") is None
    return story


def wish(**fields: Any) -> dict[str, Any]:
    """What a call-back needs."""
    return {"kind": "callback", "after": "5m", **fields}


async def test_a_follow_up_becomes_a_request_when_it_is_due() -> None:
    """Not before; then it opens a ticket of its own, which names the one it follows up."""
    story = await taken()
    assert await story.command("ann", "follow_up", "x1", **wish(text="ask again")) is None
    scheduled = story.one("follow_up.scheduled", "x1").data
    assert scheduled["due_at"] == "2027-03-01T09:05:00Z"
    await story.at(300)
    assert not story.events("request.received", topic="requests.inbound")
    await story.after(300)
    (request,) = story.events("request.received", topic="requests.inbound")
    assert request.data["kind"] == "follow_up"
    assert request.data["text"] == "ask again"
    assert request.data["received_at"] == scheduled["due_at"]
    assert request.data["attributes"] == {
        "follow_up": "callback", "of": story.id("x1"), "of_queue": "billing", "agent": "ann",
    }  # fmt: skip
    assert story.events("ticket.queued")[-1].data["follow_up"] == request.data["attributes"]
    due = story.one("follow_up.due", "x1").data
    opened = story.events("ticket.opened")[-1].data
    assert due["request"] == request.data["id"] == opened["request"]
    assert opened["previous"] == story.id("x1")
    assert opened["external_id"] == "follow-up:x1:1"


async def test_a_follow_up_is_never_dropped() -> None:
    """A rule would drop its text; it is owed to the customer, and goes where its ticket was."""
    spam = "routes: [{id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}, %s]"
    story = await taken(spam % "{id: default, then: {queue: repairs, sla: standard}}")
    await story.command("ann", "follow_up", "x1", **wish(text="of the casino"))
    await story.after(300)
    opened = story.events("ticket.opened")[-1].data
    assert (opened["queue"], opened["previous"]) == ("repairs", story.id("x1"))
    assert opened["explanation"]["follow_up"] == {"queue": "repairs", "not_dropped": "spam"}
    assert not story.events("request.filed")


async def test_a_follow_up_joins_no_open_ticket() -> None:
    """The customer's ticket is still open, and within the window: there are two tickets."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.after(300)
    assert len(story.events("ticket.opened")) == 2
    assert not story.events("ticket.message")
    assert story.ticket("x1").state is TicketState.ASSIGNED


async def test_a_follow_up_reopens_nothing() -> None:
    """Resolved in the meantime, its ticket stays so."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.command("ann", "resolve", "x1")
    await story.after(300)
    assert story.ticket("x1").state is TicketState.RESOLVED
    assert len(story.events("ticket.opened")) == 2


async def test_nobody_is_acknowledged_for_it() -> None:
    """The customer wrote nothing; the ticket says why no acknowledgement went out."""
    acks = (
        "acks: {hi: {sms: hello}}\n"
        "routes: [{id: default, then: {queue: billing, sla: standard, ack: hi}}]"
    )
    story = await taken(acks)
    await story.command("ann", "follow_up", "x1", **wish())
    await story.after(300)
    assert [one.data["ack_withheld"] for one in story.events("ticket.opened")] == [
        None,
        "not-a-message",
    ]
    assert len(story.events("message.outbound", topic="messages.outbound")) == 1


async def test_what_the_customer_writes_then_belongs_to_the_follow_up() -> None:
    """As soon as what they had begun themselves is settled."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.after(300)
    await story.request("x2", "is there any news?")
    await story.command("ann", "resolve", "x1")
    await story.request("x3", "you wanted to call me")
    first, second = story.events("ticket.message")
    assert first.data["ticket"] == story.ticket("x1").id
    assert second.data["ticket"] == story.events("ticket.opened")[-1].data["ticket"]


async def test_its_clocks_start_when_it_was_due() -> None:
    """By the SLA that its route decides."""
    story = await taken(
        "slas: {quick: {calendar: always, first_response: 15m}}\n"
        "routes:\n"
        "  - {id: again, when: {kind: [follow_up], attributes: {follow_up: callback}},"
        " then: {queue: rescue, sla: quick}}\n"
        "  - {id: default, then: {queue: billing, sla: standard}}"
    )
    await story.command("ann", "follow_up", "x1", **wish())
    await story.after(300)
    opened = story.events("ticket.opened")[-1].data
    assert (opened["rule"], opened["queue"]) == ("again", "rescue")
    (clock,) = [one.data for one in story.events("sla.started") if one.data["sla"] == "quick"]
    assert clock["due_at"] == "2027-03-01T09:20:00Z"


@pytest.mark.parametrize(("prefer", "asked"), [(None, "bob"), ("same", "bob"), ("anyone", "ann")])
async def test_the_same_agent_is_asked_first_unless_it_is_said_otherwise(
    prefer: str | None, asked: str
) -> None:
    """Bob had the ticket; Ann has more to spare."""
    story = await Story.begin()
    await story.available("bob")
    await story.request("x1")
    await story.hand("bob", "x1")
    await story.command("bob", "follow_up", "x1", **wish(prefer=prefer))
    await story.command("bob", "resolve", "x1")
    await story.available("ann")
    await story.after(300)
    offered = story.events("ticket.offered")[-1].data
    assert (offered["agent"], offered["external_id"]) == (asked, "follow-up:x1:1")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "callback"}, "field_missing"),
        ({"after": "5m"}, "field_missing"),
        (wish(due_at=START + timedelta(hours=1)), "field_invalid"),
        (wish(after="soon"), "field_invalid"),
        ({"kind": "revisit", "due_at": START}, "in_the_past"),
        (wish(after="0s"), "in_the_past"),
        (wish(after="367d"), "too_far_ahead"),
        (wish(phone="12"), "field_invalid"),
        (wish(text="x" * 2001), "field_invalid"),
        (wish(reason="x" * 2001), "field_invalid"),
        ({"kind": "revisit", "due_at": START.replace(tzinfo=None)}, "field_invalid"),
    ],
)
async def test_what_cannot_be_done_is_refused(fields: dict[str, Any], reason: str) -> None:
    """With its reason, and nothing is remembered."""
    story = await taken()
    assert await story.command("ann", "follow_up", "x1", **fields) == reason
    assert story.ticket("x1").aftercare is None


async def test_an_instant_with_an_offset_is_told_in_utc() -> None:
    """As all instants are."""
    story = await taken()
    due_at = START.astimezone(timezone(timedelta(hours=8))) + timedelta(hours=1)
    await story.command("ann", "follow_up", "x1", kind="revisit", due_at=due_at)
    assert story.one("follow_up.scheduled").data["due_at"] == "2027-03-01T10:00:00Z"
    await story.after(3600)
    (request,) = story.events("request.received", topic="requests.inbound")
    assert request.data["received_at"] == "2027-03-01T10:00:00Z"


async def test_a_leap_year_ahead_is_not_too_far() -> None:
    """The bound itself is within it."""
    story = await taken()
    assert await story.command("ann", "follow_up", "x1", **wish(after="366d")) is None


async def test_so_many_may_be_to_come_and_no_more() -> None:
    """One that is cancelled makes room."""
    story = await taken()
    for _ in range(MOST_OPEN):
        assert await story.command("ann", "follow_up", "x1", **wish()) is None
    assert await story.command("ann", "follow_up", "x1", **wish()) == "too_many_follow_ups"
    assert await story.command("ann", "follow_up_cancel", "x1", follow_up=3) is None
    assert await story.command("ann", "follow_up", "x1", **wish()) is None
    assert story.events("follow_up.scheduled")[-1].data["number"] == MOST_OPEN + 1


async def test_one_that_is_cancelled_does_not_come() -> None:
    """The others do; the number of one is never another's."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.command("ann", "follow_up", "x1", **wish(after="6m"))
    assert await story.command("bob", "follow_up_cancel", "x1", follow_up=1) is None
    cancelled = story.one("follow_up.cancelled").data
    assert (cancelled["number"], cancelled["agent"]) == (1, "bob")
    await story.after(3600)
    assert [one.data["number"] for one in story.events("follow_up.due")] == [2]


async def test_without_a_number_all_are_cancelled() -> None:
    """Then there is nothing more to cancel."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.command("ann", "follow_up", "x1", **wish())
    assert await story.command("ann", "follow_up_cancel", "x1", follow_up=7) == "unknown_follow_up"
    assert await story.command("ann", "follow_up_cancel", "x1", reason="moved house") is None
    assert [one.data["reason"] for one in story.events("follow_up.cancelled")] == [
        "moved house"
    ] * 2
    assert await story.command("ann", "follow_up_cancel", "x1") == "unknown_follow_up"


@pytest.mark.parametrize(
    ("channel", "sender", "fields", "reason"),
    [
        ("hotline", "anonymous:c1", {}, "no_phone"),
        ("hotline", "1001", {}, "no_phone"),
        ("hotline", "anonymous:c1", {"kind": "revisit"}, None),
        ("hotline", "anonymous:c1", {"phone": "+86 138 0013 8000"}, None),
        ("hotline", "+8613800138000", {}, None),
        ("chat", "visitor", {}, None),
    ],
)
async def test_a_caller_without_a_number_cannot_be_called_back(
    channel: str, sender: str, fields: dict[str, Any], reason: str | None
) -> None:
    """Unless the agent has asked for one, which then stands beside the request in E.164."""
    story = await taken(channel=channel, sender=sender)
    assert await story.command("ann", "follow_up", "x1", **wish(**fields)) == reason
    await story.after(300)
    for request in story.events("request.received", topic="requests.inbound"):
        number = "+8613800138000" if "phone" in fields else None
        assert request.data["attributes"].get("phone") == number


async def test_a_type_may_ask_for_a_revisit() -> None:
    """It is set when the ticket is resolved, with the type's own words, for the same agent."""
    story = await settled()
    scheduled = story.one("follow_up.scheduled").data
    assert (scheduled["agent"], scheduled["reason"], scheduled["kind"]) == (None, "rule", "revisit")
    await story.after(3600)
    (request,) = story.events("request.received", topic="requests.inbound")
    assert request.data["text"] == "all well"
    assert request.data["attributes"]["of_type"] == "complaint"
    assert request.data["attributes"]["agent"] == "ann"


async def test_it_comes_although_its_ticket_is_closed_meanwhile() -> None:
    """The closed ticket is kept until then, and forgotten after."""
    story = await settled()
    await story.after(600)
    assert story.ticket("x1").state is TicketState.CLOSED
    await story.after(3600)
    assert len(story.events("follow_up.due", "x1")) == 1
    assert story.id("x1") not in story.desk.tickets.rows


async def test_a_closed_ticket_gets_no_further_one_but_can_lose_it() -> None:
    """Cancelling its last one forgets the ticket."""
    story = await settled()
    await story.after(600)
    assert await story.command("ann", "follow_up", "x1", **wish()) == "wrong_state"
    assert await story.command("ann", "follow_up_cancel", "x1") is None
    assert story.id("x1") not in story.desk.tickets.rows
    await story.after(7200)
    assert not story.events("follow_up.due")


async def test_a_ticket_without_follow_ups_is_forgotten_when_it_is_closed() -> None:
    """Nothing of it stays."""
    story = await settled("")
    await story.after(600)
    assert len(story.events("ticket.closed")) == 1
    assert story.id("x1") not in story.desk.tickets.rows


async def test_reopened_before_there_is_no_revisit() -> None:
    """The next resolution sets it anew; the agent's own call-back is not touched."""
    story = await settled()
    await story.command("ann", "follow_up", "x1", **wish(after="2h"))
    await story.command("ann", "reopen", "x1")
    cancelled = story.one("follow_up.cancelled").data
    assert (cancelled["number"], cancelled["reason"], cancelled["agent"]) == (1, "reopened", None)
    await story.hand("ann", "x1")
    await story.at(60)
    await story.command("ann", "resolve", "x1")
    assert [one.data["number"] for one in story.events("follow_up.scheduled")] == [1, 2, 3]
    await story.after(3660)
    assert [one.data["number"] for one in story.events("follow_up.due")] == [3]


async def test_no_ticket_is_revisited_twice_by_rule() -> None:
    """Not when it is reopened after the revisit, and not for the revisit's own ticket."""
    story = await settled("threading: {reopen: 1d}" + AFTER_EACH_COMPLAINT)
    await story.available("dan")
    await story.after(3600)
    again = story.events("ticket.opened")[-1].data
    assert again["type"] == "complaint"
    assert await story.command("dan", "accept", again["ticket"]) is None
    assert await story.command("dan", "resolve", again["ticket"]) is None
    await story.command("ann", "reopen", "x1")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    assert len(story.events("follow_up.scheduled")) == 1


async def test_a_revisit_waits_for_its_calendar_to_open() -> None:
    """Monday 09:00 + 9 h is 18:00, after hours: Tuesday 09:00."""
    rule = "{after: 9h, calendar: office}"
    story = await settled(AFTER_EACH_COMPLAINT.replace("{after: 1h, note: all well}", rule))
    assert story.one("follow_up.scheduled").data["due_at"] == "2027-03-02T09:00:00Z"


async def test_a_calendar_that_never_opens_delays_nothing() -> None:
    """The follow-up comes by the clock on the wall: it is not lost."""
    rule = "{after: 1h, calendar: office}"
    rules = AFTER_EACH_COMPLAINT.replace("{after: 1h, note: all well}", rule)
    once = '{mon-fri: []}, special: {"2020-01-01": ["09:00-17:00"]}'
    story = await settled(rules.replace('{mon-fri: ["09:00-17:00"]}', once))
    assert story.one("follow_up.scheduled").data["due_at"] == "2027-03-01T10:00:00Z"


async def test_follow_ups_go_with_their_ticket_to_another_pool() -> None:
    """And come from there."""
    story = await taken()
    await story.command("ann", "follow_up", "x1", **wish())
    await story.command("ann", "transfer", "x1", queue="claims")
    assert story.ticket("x1").pool == "office"
    await story.after(300)
    assert story.one("follow_up.due").data["pool"] == "office"


async def test_it_goes_to_the_partition_of_its_customer() -> None:
    """Its key is the one that a source would give it, and is that of the ticket's conversation."""
    core = Core()
    core.step(triaged("x1"))
    (ticket,) = core.core.desk.tickets.rows.values()
    core.command("ann", "follow_up", 1, ticket=ticket.id, **wish())
    (output,) = of(core.fire(302), "request.received")
    assert output.key == request_message(output.data).key == key_of(ticket.conversation)
    assert (output.topic, output.id) == ("requests.inbound", output.data.id)


async def test_a_restored_core_fires_the_same() -> None:
    """Everything that is due is remembered: the outputs are equal, ids and all."""
    core, restored = Core(), Core()
    core.step(triaged("x1"))
    (ticket,) = core.core.desk.tickets.rows
    core.command("ann", "follow_up", 1, ticket=ticket, **wish())
    core.command("ann", "follow_up", 1, ticket=ticket, **wish(after="10m", kind="revisit"))
    for key, entity in core.core.desk.tickets.rows.items():
        restored.core.journal.load(f"ticket:{key}", encode(entity))
    fired = core.fire(700)
    assert [encode(one) for one in restored.fire(700)] == [encode(one) for one in fired]
    assert len(of(fired, "request.received")) == 2


async def test_a_ticket_that_was_stored_before_has_none() -> None:
    """The state of an earlier release is read as it is."""
    core = Core()
    core.step(triaged("x1"))
    ((key, ticket),) = core.core.desk.tickets.rows.items()
    stored = encode(ticket)
    assert b"aftercare" not in stored
    core.core.journal.load(f"ticket:{key}", stored)
    assert core.core.desk.tickets.rows[key].aftercare is None


async def test_a_long_name_is_not_made_longer() -> None:
    """Of a follow-up's follow-up's follow-up the ticket's id is enough."""
    name = "x" * (LONGEST_NAME + 1)
    story = await Story.begin()
    await story.available("ann")
    await story.request(name)
    await story.hand("ann", name)
    await story.command("ann", "follow_up", name, **wish())
    await story.after(300)
    (request,) = story.events("request.received", topic="requests.inbound")
    assert request.data["external_id"] == f"follow-up:{story.id(name)}:1"
    assert ticket_id(request.data["id"]) in story.desk.tickets.rows


async def test_the_answer_to_a_mail_stays_in_its_thread() -> None:
    """The new matter's references are the old one's."""
    story = await taken(
        channel="email", sender="wang@x.example", attributes={"message_id": "<2@x>"},
        references=("<1@x>",), subject="Broken",
        recipients=({"address": "office@x.example", "role": "reply_to"},),
    )  # fmt: skip
    await story.command("ann", "follow_up", "x1", **wish())
    await story.after(300)
    (request,) = story.events("request.received", topic="requests.inbound")
    assert request.data["references"] == ["<1@x>", "<2@x>"]
    assert request.data["recipients"] == [
        {"address": "office@x.example", "name": None, "role": "reply_to"}
    ]
    assert request.data["subject"] == "Broken"


async def test_a_closed_ticket_is_closed_once() -> None:
    """The order to close it that comes again, to a ticket that is kept, does nothing."""
    story = await settled()
    await story.after(600)
    close = TicketClose(
        ticket=story.id("x1"), conversation="c-1", pool="service",
        resolved_at=story.ticket("x1").resolved_at or START,
    )  # fmt: skip
    await story.publish("tickets.triaged", "service", "ticket.close", close, "again")
    assert len(story.events("ticket.closed")) == 1


async def test_the_order_to_close_comes_too_late() -> None:
    """The ticket was reopened and resolved again since: it is not closed by the old order."""
    story = await settled()
    late = TicketClose(
        ticket=story.id("x1"), conversation="c-1", pool="service",
        resolved_at=START - timedelta(seconds=1),
    )  # fmt: skip
    await story.publish("tickets.triaged", "service", "ticket.close", late, "late")
    assert story.ticket("x1").state is TicketState.RESOLVED
