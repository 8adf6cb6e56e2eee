"""Stage 1 between requests, rulebooks, and what dispatch reports."""

from datetime import timedelta
from typing import Any

import pytest

from channels.errors import Malformed
from router.core.events import RulebookActivated, TicketFeedback
from router.core.outbox import Outbox
from router.core.outputs import Given
from router.core.triage import CONTACT_MEMORY, Triage
from router.topics import TICKETS_FEEDBACK
from router.world import LETTERHEAD
from tests.unit.router.core.story import START, Story, rules
from tests.unit.router.core.test_acks import ACKED

DAY = 86_400.0


@pytest.mark.parametrize(
    ("keyword", "reason", "opted_out"),
    [("STOP", "opt-out", True), ("start", "opt-in", False), ("help", "command", None)],
)
async def test_a_keyword_by_sms_opens_no_ticket(
    keyword: str, reason: str, opted_out: bool | None
) -> None:
    """STOP and START are remembered for the address; other commands are filed."""
    story = await Story.begin(ACKED)
    await story.request("x1", kind="command", text=keyword, attributes={"keyword": keyword})
    assert story.one("request.filed").data["reason"] == reason
    assert story.events("ticket.opened") == []
    contacts = list(story.triage.contacts.rows.values())
    assert [one.opted_out for one in contacts] == ([] if opted_out is None else [opted_out])


async def test_who_said_stop_gets_no_automatic_message_until_start() -> None:
    """Their requests are tickets all the same."""
    story = await Story.begin(ACKED + "threading: {window: {sms: 0s}}")
    for number, keyword in enumerate(("stop", None, "start", None)):
        kind = "message" if keyword is None else "command"
        await story.request(f"x{number}", str(number), kind=kind, attributes={"keyword": keyword})
    withheld = [one.data["ack_withheld"] for one in story.events("ticket.opened")]
    assert withheld == ["opted-out", None]


async def test_a_contact_is_forgotten_with_its_last_conversation() -> None:
    """Nothing of the address remains a month after it last opened something."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    assert len(story.triage.contacts) == 1
    await story.after(CONTACT_MEMORY.total_seconds())
    assert len(story.triage.contacts) == 0
    assert len(story.triage.conversations) == 0
    assert len(story.triage.seen) == 0


async def test_a_contact_is_kept_while_its_conversation_lives() -> None:
    """A complaint of two months is still found by its address."""
    story = await Story.begin("threading: {window: {sms: 90d}}")
    await story.request("x1")
    await story.at(2 * CONTACT_MEMORY.total_seconds())
    assert len(story.triage.contacts) == 1
    await story.request("x2", text="still nothing?")
    assert len(story.events("ticket.message", "x1")) == 1


async def test_an_opt_out_is_never_forgotten() -> None:
    """Silence for a year does not revoke it."""
    story = await Story.begin(ACKED)
    await story.request("x1", kind="command", attributes={"keyword": "stop"})
    await story.at(365 * DAY)
    await story.request("x2")
    assert story.one("ticket.opened", "x2").data["ack_withheld"] == "opted-out"


@pytest.mark.parametrize("table", ["seen", "contact", "conversation"])
async def test_a_timer_that_raised_is_put_off_and_does_not_block_the_others(table: str) -> None:
    """Whatever it belongs to, it is due again at the given instant, and not before."""
    story = await Story.begin("threading: {dedup: 5m, reopen: 3m}")
    if table == "contact":
        await story.request("x1", kind="command", attributes={"keyword": "stop"})
    else:
        await story.available("ann")
        await story.request("x1")
        await story.hand("ann", "x1")
    if table == "conversation":
        await story.command("ann", "resolve", "x1")
    core = story.triage
    late = START + timedelta(days=40)
    while (due := core.timers.due(late)) is not None and due[0] != table:
        core.fire(late, due[2])
    assert due is not None
    core.postpone(late)
    assert core.timers.due(late) != due
    rows: dict[str, dict[str, Any]] = {
        "seen": dict(core.seen.rows), "contact": dict(core.contacts.rows),
        "conversation": dict(core.conversations.rows),
    }  # fmt: skip
    assert rows[table][due[1]].wake_at == late


async def test_what_dispatch_reports_of_another_ticket_changes_nothing() -> None:
    """Of an unknown conversation, or of a ticket that is not the conversation's."""
    story = await Story.begin()
    await story.request("x1")
    (before,) = story.triage.conversations.rows.values()
    for ticket, conversation in (("other", before.id), (before.ticket, "unknown-1")):
        event = TicketFeedback(
            ticket=ticket, conversation=conversation, change="resolved", pool="service",
            queue="billing", at=story.now,
        )  # fmt: skip
        await story.publish(TICKETS_FEEDBACK, "k", event.TYPE, event, f"f/{ticket}")
    assert list(story.triage.conversations.rows.values()) == [before]


async def test_a_second_message_joins_the_open_ticket_and_decides_nothing_anew() -> None:
    """It is numbered within its conversation."""
    story = await Story.begin()
    await story.request("x1")
    await story.at(10)
    await story.request("x2", text="claim")
    assert len(story.events("ticket.opened")) == 1
    received = story.one("ticket.message", "x1").data
    assert (received["number"], received["queue"]) == (2, "billing")


async def test_what_comes_to_a_closed_ticket_opens_a_new_one_that_names_the_old() -> None:
    """By its proof it is found, though nothing else of it is left open."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1")
    conversation = story.ticket("x1").conversation
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    await story.after(700)
    await story.request("x2", conversation=conversation)
    assert story.one("ticket.opened", "x2").data["previous"] == story.id("x1")


async def test_a_request_that_a_rule_drops_is_filed_with_the_rule() -> None:
    """Spam opens no ticket; the event says which rule took it for spam."""
    story = await Story.begin("""
        routes:
          - {id: casino, when: {text: {keywords: [casino]}}, then: {drop: spam}}
          - {id: default, then: {queue: billing}}
    """)
    await story.request("x1", text="casino bonus")
    filed = story.one("request.filed").data
    assert (filed["reason"], filed["rule"]) == ("spam", "casino")


async def test_a_rulebook_may_drop_whatever_no_other_rule_wants() -> None:
    """Its default route is a drop: no request is lost to an error."""
    story = await Story.begin("""
        routes:
          - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims}}
          - {id: default, then: {drop: spam}}
    """)
    await story.request("x1")
    assert story.one("request.filed").data["reason"] == "spam"


async def test_a_delivery_receipt_by_sms_is_filed() -> None:
    """It is no matter for an agent."""
    story = await Story.begin()
    await story.request("x1", kind="receipt", sender="+8612")
    assert story.one("request.filed").data["reason"] == "receipt"


async def test_a_receipt_in_an_open_conversation_is_shown_as_a_machines() -> None:
    """It starts no clock; the agent sees it."""
    story = await Story.begin()
    await story.request("x1")
    await story.request("x2", kind="receipt", attributes={"status": "undelivered"})
    assert story.one("ticket.message", "x1").data["automatic"] == "receipt"


async def test_a_text_message_that_arrived_is_no_news_to_an_agent() -> None:
    """Its receipt is filed with the conversation; the next message is still the second."""
    story = await Story.begin()
    await story.request("x1")
    await story.request("x2", kind="receipt", attributes={"status": "delivered"})
    filed = story.one("request.filed").data
    assert (filed["reason"], filed["conversation"]) == ("receipt", story.ticket("x1").conversation)
    await story.request("x3")
    assert story.one("ticket.message", "x1").data["number"] == 2


async def test_what_a_machine_sends_keeps_no_conversation_alive() -> None:
    """An hour after the customer's last word a new matter begins, whatever came in between."""
    story = await Story.begin()
    await story.request("x1")
    await story.at(1800)
    await story.request("x2", automatic="auto-reply")
    assert story.events("ticket.message", "x1")
    await story.at(3601)
    await story.request("x3")
    assert story.events("ticket.opened", "x3")


async def test_an_answer_goes_to_what_a_person_wrote() -> None:
    """A bounce in the thread is shown, and is not what the agent's reply refers to."""
    story = await Story.begin()
    await story.available("ann")
    mail = {"channel": "email", "sender": "li@customer.example"}
    await story.request("x1", attributes={"message_id": "<1@x>"}, **mail)
    await story.hand("ann", "x1")
    bounce = {"automatic": "dsn", "kind": "receipt", "in_reply_to": "<1@x>"}
    await story.request("x2", attributes={"message_id": "<2@x>"}, **mail, **bounce)
    assert story.events("ticket.message", "x1")
    await story.command("ann", "reply", "x1", text="hello")
    sent = story.one("message.outbound", "x1", "messages.outbound").data
    assert sent["in_reply_to"] == "<1@x>"


CALLS = """
threading: {window: {hotline: 1h}}
routes:
  - {id: answered, when: {attributes: {outcome: [answered]}}, then: {drop: history}}
  - {id: default, then: {queue: billing, sla: standard}}
"""


@pytest.mark.parametrize("resolved", [False, True])
async def test_a_call_that_the_rules_would_file_is_history_of_its_ticket(resolved: bool) -> None:
    """It was answered: nobody is owed anything, no clock starts, and nothing is reopened."""
    story = await Story.begin(CALLS)
    await story.available("ann")
    call = {"channel": "hotline", "kind": "call"}
    await story.request("x1", **call, attributes={"outcome": "abandoned"})
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="called back")
    if resolved:
        await story.command("ann", "resolve", "x1")
    before = story.ticket("x1")
    await story.request("x2", **call, attributes={"outcome": "answered"})
    assert story.one("ticket.message", "x1").data["automatic"] == "history"
    after = story.ticket("x1")
    assert (after.state, after.clocks) == (before.state, before.clocks)


async def test_a_request_that_opened_a_ticket_is_known_as_long_as_that_ticket() -> None:
    """Redriven after the dedup window it is a duplicate: no second ticket, no second word."""
    story = await Story.begin(ACKED + "threading: {dedup: 5m}")
    await story.request("x1")
    await story.at(301)
    assert len(story.triage.seen) == 0
    await story.request("x1")
    assert len(story.events("ticket.opened")) == 1
    assert story.one("request.duplicate").data["external_id"] == "x1"


async def test_a_new_ticket_of_a_channel_without_threads_names_the_one_before() -> None:
    """By SMS nothing refers to an earlier message: the address does."""
    story = await Story.begin()
    first = await story.request("x1")
    await story.at(7200)
    await story.request("x2")
    assert story.one("ticket.opened", "x2").data["previous"] == first


async def test_a_new_mail_that_names_no_earlier_one_follows_nothing() -> None:
    """And a proof whose conversation is forgotten names no ticket."""
    story = await Story.begin()
    mail = {"channel": "email", "sender": "li@customer.example"}
    await story.request("x1", **mail)
    await story.request("x2", **mail)
    await story.request("x3", **mail, conversation="0011223344556677-1")
    assert [one.data["previous"] for one in story.events("ticket.opened")] == [None] * 3


async def test_the_acknowledgement_says_when_we_open_and_what_it_is_about() -> None:
    """Closed now: the next opening, in the calendar's zone, and the names of type and queue."""
    story = await Story.begin("""
calendars: {shop: {timezone: Asia/Shanghai, hours: {tue-fri: ["09:00-12:00"]}}}
slas: {standard: {calendar: shop, first_response: 1h}}
types: {complaint: {name: 投诉, sla: standard}}
queues: {billing: {name: 账单}}
routes: [{id: default, then: {queue: billing, type: complaint, ack: hello}}]
acks:
  hello:
    sms: "{{ type }} {{ queue }} {{ open }} {{ next_open | local }} {{ due_at | local }}"
""")
    await story.request("x1")
    ack = story.one("message.outbound", "x1", "messages.outbound").data
    assert ack["text"] == "投诉 账单 False 03-02 09:00 03-02 10:00"


async def test_the_acknowledgement_promises_what_the_tickets_row_of_targets_does() -> None:
    """The customer is told the time that is measured, not the SLA's usual one."""
    story = await Story.begin("""
slas: {standard: {targets: [{when: {channel: sms, priority: {at_least: 2}}, first_response: 5m}]}}
routes: [{id: default, then: {queue: billing, priority: 2, sla: standard, ack: hello}}]
acks: {hello: {sms: "{{ due_at | local('%H:%M') }}"}}
""")
    await story.request("x1")
    assert story.one("message.outbound", "x1", "messages.outbound").data["text"] == "09:05"
    started = {one.data["target"]: one.data["due_at"] for one in story.events("sla.started")}
    assert started["first_response"] == "2027-03-01T09:05:00Z"


async def test_an_acknowledgement_without_an_sla_promises_nothing() -> None:
    """There is no instant to name."""
    story = await Story.begin("""
routes: [{id: default, then: {queue: billing, ack: hello}}]
acks: {hello: {sms: "{{ type }}{{ open }}{{ due_at | local }}"}}
""")
    await story.request("x1")
    assert story.one("message.outbound", "x1", "messages.outbound").data["text"] == "True"


def test_without_a_rulebook_nothing_is_decided() -> None:
    """The core says so; the shard holds every request back until there is one."""
    core = Triage(LETTERHEAD)
    assert core.activation == 0
    with pytest.raises(LookupError, match="no rulebook"):
        _ = core.compiled


async def test_a_rulebook_that_cannot_be_read_leaves_the_former_one_in_force() -> None:
    """The step raises; rolled back, requests are decided as before."""
    story = await Story.begin()
    core = story.triage
    core.journal.committed()
    event = RulebookActivated(activation=2, version="x", files={"a.yaml": "routes: 1"})
    with pytest.raises(Malformed):
        core.step(event, Given("cause", story.now), story.now)
    core.journal.rollback()
    assert core.activation == 1
    await story.request("x1")
    assert len(story.events("ticket.opened", "x1")) == 1


async def test_an_activation_that_comes_again_is_ignored() -> None:
    """Only a higher number puts a rulebook in force."""
    story = await Story.begin()
    await story.enforce(rules("agents: {bob: null}"))
    core = story.triage
    event = RulebookActivated(activation=1, version="x", files={})
    assert core.step(event, Given("cause", story.now), story.now) == []
    assert core.activation == 2


def test_triage_itself_asks_for_nothing_after_a_downtime_or_an_error() -> None:
    """Nobody waits for its answer, and nobody was told that we have what raised."""
    core = Triage(LETTERHEAD)
    assert core.caught_up(START) == []
    assert core.fallback(None, Given("cause", START), START) is None
    assert core.fire(START, START) is None
    core.postpone(START)


def test_ids_follow_from_the_cause() -> None:
    """The same cause makes the same ids, in order."""
    out = Outbox("cause", START)
    assert [out.next_id(), out.next_id()] == ["cause/1", "cause/2"]
