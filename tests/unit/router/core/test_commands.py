"""The desktop's commands: what each does, and why it is refused."""

from typing import Any

import pytest

from tests.unit.router.core.cores import Core, fields_of, triaged, types
from tests.unit.router.core.story import Story

STEPS = """
types: {complaint: {sla: standard, steps: [{id: contact, within: 30s}, {id: remedy}]}}
routes: [{id: default, then: {queue: billing, type: complaint}}]
"""


async def assigned(changes: str = "", agent: str = "ann") -> Story:
    """The agent has the ticket x1."""
    story = await Story.begin(changes)
    await story.available(agent)
    await story.request("x1")
    await story.hand(agent, "x1")
    return story


@pytest.mark.parametrize(
    ("agent", "command", "fields", "reason"),
    [
        ("nobody", "presence", {"state": "available"}, "unknown_agent"),
        ("ann", "presence", {}, "field_missing"),
        ("ann", "note", {"ticket": "never", "text": "hm"}, "unknown_ticket"),
        ("ann", "note", {"ticket": "x1"}, "field_missing"),
        ("ann", "reply", {"ticket": "x1"}, "field_missing"),
        ("bob", "reply", {"ticket": "x1", "text": "hello"}, "not_yours"),
        ("ann", "resume", {"ticket": "x1"}, "wrong_state"),
        ("ann", "accept", {"ticket": "x1"}, "no_offer"),
        ("ann", "decline", {"ticket": "x1"}, "no_offer"),
        ("ann", "take", {"ticket": "x1"}, "wrong_state"),
        ("ann", "take", {"queue": "rescue"}, "unknown_queue"),
        ("ann", "take", {}, "nothing_waits"),
        ("bob", "take", {}, "not_available"),
        ("ann", "transfer", {"ticket": "x1"}, "field_missing"),
        ("ann", "transfer", {"ticket": "x1", "queue": "nowhere"}, "unknown_queue"),
        ("ann", "step_done", {"ticket": "x1"}, "field_missing"),
        ("ann", "step_done", {"ticket": "x1", "step": "dance"}, "unknown_step"),
        ("ann", "reopen", {"ticket": "x1"}, "wrong_state"),
    ],
)
async def test_a_command_that_cannot_be_done_changes_nothing_and_says_why(
    agent: str, command: str, fields: dict[str, Any], reason: str
) -> None:
    """The ticket is as before, the outcome names the reason, and nothing else is told."""
    story = await assigned()
    before = story.ticket("x1")
    story.forget()
    assert await story.command(agent, command, **fields) == reason
    assert story.ticket("x1") == before
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_resolved_ticket_is_nobodys_to_answer() -> None:
    """It has to be reopened first."""
    story = await assigned()
    await story.command("ann", "resolve", "x1")
    assert await story.command("ann", "reply", "x1", text="one thing more") == "wrong_state"


async def test_an_offer_of_another_agent_or_another_time_cannot_be_accepted() -> None:
    """The offer's id and its agent must be those of the present offer."""
    story = await Story.begin()
    await story.available("bob")
    await story.request("x1")
    assert await story.command("ann", "accept", "x1") == "no_offer"
    assert await story.command("bob", "accept", "x1", offer="an old one") == "no_offer"
    offer = story.one("ticket.offered", "x1").data["offer"]
    assert await story.command("bob", "accept", "x1", offer=offer) is None


async def test_a_command_that_comes_twice_is_done_once_and_answered_twice() -> None:
    """A desktop that got no answer asks again; the customer gets one reply."""
    story = await assigned()
    for _ in range(2):
        assert await story.command("ann", "reply", "x1", text="hello", id="once") is None
    assert len(story.events("ticket.replied", "x1")) == 1
    for _ in range(2):
        said = await story.command("bob", "reply", "x1", text="hello", id="refused")
        assert said == "not_yours"


async def test_a_command_is_remembered_for_a_day() -> None:
    """Then its id is forgotten, and nothing wakes for it any more."""
    story = await Story.begin()
    await story.available("ann")
    assert len(story.desk.commands) == 1
    await story.after(86_400)
    assert len(story.desk.commands) == 0
    assert story.dispatch.next_at() is None


async def test_a_taken_ticket_needs_capacity_even_of_who_has_refused_it() -> None:
    """Bob declined it, then got other work: taking it after all would be too much for him."""
    story = await Story.begin("queues: {billing: {offer_timeout: 1h}}")
    await story.available("bob")
    await story.request("x1")
    await story.command("bob", "decline", "x1")
    await story.request("x2", sender="+8611")
    await story.hand("bob", "x2")
    assert await story.command("bob", "take", "x1") == "no_capacity"
    await story.command("bob", "resolve", "x2")
    assert await story.command("bob", "take", "x1") is None, "who refused may change their mind"


async def test_what_an_agent_does_not_serve_cannot_be_taken() -> None:
    """Neither another queue's ticket nor one that asks for skills they lack."""
    story = await Story.begin("""
        routes: [{id: default, then: {queue: billing, skills: {zh: 1}}}]
    """)
    await story.request("x1")
    await story.available("bob", "dan")
    assert await story.command("bob", "take", "x1") == "not_eligible"
    assert await story.command("dan", "take", "x1") == "not_eligible"


async def test_the_next_of_a_queue_is_taken_from_that_queue() -> None:
    """Ann asks for a repair although an older invoice waits."""
    story = await Story.begin("queues: {billing: {mode: pull}, repairs: {mode: pull}}")
    await story.request("x1")
    await story.at(1)
    await story.request("x2", text="repair it", sender="+8611")
    await story.available("ann")
    assert await story.command("ann", "take", queue="repairs") is None
    assert story.ticket("x2").agent == "ann"
    assert story.ticket("x1").agent is None


async def test_a_reply_meets_the_response_and_goes_to_the_customer() -> None:
    """The message carries the text and its number; the first response was in time."""
    story = await assigned()
    await story.at(20)
    await story.command("ann", "reply", "x1", text="we look into it")
    sent = story.one("message.outbound", "x1", "messages.outbound").data
    assert (sent["text"], sent["to"], sent["number"]) == ("we look into it", "+8610", 1)
    met = story.one("sla.met", "x1").data
    assert (met["target"], met["in_time"]) == ("first_response", True)


async def test_a_reply_by_telephone_sends_no_message() -> None:
    """The agent has said it; the event and the clock know."""
    story = await Story.begin()
    await story.available("ann")
    call = {"id": "1", "outcome": "abandoned"}
    await story.request("x1", channel="hotline", kind="call", call=call)
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="called back")
    assert story.events("message.outbound", "x1", "messages.outbound") == []
    assert story.one("ticket.replied", "x1").data["text"] == "called back"
    assert story.one("sla.met", "x1").data["target"] == "first_response"


async def test_a_note_is_for_colleagues_alone() -> None:
    """No message, and no clock is met."""
    story = await assigned()
    assert await story.command("bob", "note", "x1", text="she called before") is None
    assert story.one("ticket.noted", "x1").data["text"] == "she called before"
    assert story.events("sla.met") == []
    assert story.events("message.outbound", topic="messages.outbound") == []


async def test_a_step_that_is_done_meets_its_own_clock() -> None:
    """`contact` was due in 30 seconds; `remedy` has no time, and can be done all the same."""
    story = await assigned(STEPS)
    await story.at(29)
    assert await story.command("ann", "step_done", "x1", step="contact") is None
    assert story.one("sla.met", "x1").data["target"] == "step:contact"
    assert await story.command("ann", "step_done", "x1", step="remedy") is None
    assert len(story.events("ticket.step_done", "x1")) == 2


async def test_a_pending_ticket_makes_room_and_needs_room_to_go_on() -> None:
    """Bob waits for the customer and gets other work; only after that he can resume."""
    story = await assigned(agent="bob")
    await story.command("bob", "pending", "x1", reason="a document is missing")
    assert story.one("ticket.pending", "x1").data["reason"] == "a document is missing"
    await story.request("x2", sender="+8611")
    await story.hand("bob", "x2")
    assert await story.command("bob", "resume", "x1") == "no_capacity"
    await story.command("bob", "resolve", "x2")
    assert await story.command("bob", "resume", "x1") is None
    assert story.one("ticket.resumed", "x1").data["reason"] == "command"


async def test_who_is_offline_cannot_resume_a_ticket() -> None:
    """It would be in nobody's hands, with no grace time running."""
    story = await assigned(agent="bob")
    await story.command("bob", "pending", "x1")
    await story.command("bob", "presence", state="offline")
    assert await story.command("bob", "resume", "x1") == "not_available"


async def test_a_transfer_within_the_pool_keeps_the_age_and_frees_the_agent() -> None:
    """The desktops of both queues are told; the next ticket comes to Ann at once."""
    story = await assigned("agents: {ann: {capacity: 1}}")
    await story.at(1)
    await story.request("x2", sender="+8611")
    await story.at(5)
    assert await story.command("ann", "transfer", "x1", queue="rescue") is None
    assert story.one("ticket.transferred", "x1").data["reason"] == "transferred"
    assert story.types("x1", "agent.queue.billing")[-1] == "ticket.removed"
    assert story.types("x1", "agent.queue.rescue") == ["ticket.queued"]
    assert story.holders("x2") == ["ann"]
    assert story.ticket("x1").enqueued_at < story.now


async def test_resolving_ends_every_clock_and_clears_what_was_alarmed() -> None:
    """Resolution is met; the response that nobody gave ends, and operations hear of it."""
    story = await assigned("slas: {standard: {warn: [50%]}}")
    await story.at(40)
    await story.command("ann", "resolve", "x1", reason="done")
    assert story.one("sla.met", "x1").data["target"] == "resolution"
    cleared = story.one("sla.cleared", "x1", "sla.escalations").data
    assert (cleared["target"], cleared["reason"]) == ("first_response", "resolved")
    assert story.ticket("x1").clocks == ()


async def test_an_agent_can_reopen_a_resolved_ticket() -> None:
    """It waits anew, is due anew, and its conversation is open again."""
    story = await assigned()
    await story.command("ann", "resolve", "x1")
    await story.at(100)
    assert await story.command("bob", "reopen", "x1") is None
    assert story.one("ticket.reopened", "x1").data["by"] == "bob"
    started = story.events("sla.started", "x1")[-1].data
    assert (started["target"], started["cycle"]) == ("resolution", 1)
    assert story.triage.conversations.rows[story.ticket("x1").conversation].state == "open"
    await story.after(600)
    assert story.events("ticket.closed") == []


def test_an_offer_that_has_expired_cannot_be_accepted() -> None:
    """Even before its timer has fired: what counts is when the log took the command."""
    core, order = Core(), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    (answer,) = core.command("ann", "accept", 10.001, ticket=order.ticket)
    assert fields_of(answer)["reason"] == "offer_expired"
    assert types(core.command("ann", "accept", 10, ticket=order.ticket))[0] == "ticket.assigned"


@pytest.mark.parametrize(
    "other",
    [
        {"command": "note", "text": "other words"},
        {"command": "reply", "text": "hello"},
        {"command": "note", "text": "hello", "agent": "bob"},
    ],
)
async def test_another_command_under_a_used_id_is_rejected(other: dict[str, Any]) -> None:
    """A desktop that numbers anew must not believe that its reply was sent."""
    story = await assigned()
    assert await story.command("ann", "note", "x1", id="1", text="hello") is None
    order = {"agent": "ann", "ticket": "x1"} | other
    assert await story.command(**order, id="1") == "id_reused"
    assert await story.command("ann", "note", "x1", id="1", text="hello") is None
    assert len(story.events("ticket.noted")) == 1
    assert story.events("ticket.replied") == []


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"command": "dance"}, "command"),
        ({"command": "presence", "state": "asleep"}, "state"),
        ({"command": "note", "ticket": 7}, "ticket"),
        ({"command": "presence", "state": "available", "lease_seconds": "long"}, "lease_seconds"),
    ],
)
async def test_a_command_that_is_none_is_rejected_and_not_a_dead_letter(
    order: dict[str, Any], field: str
) -> None:
    """Its desktop waits for an answer, which says which field is wrong."""
    story = await Story.begin(dead_letters=True)
    data = {"id": "1", "agent": "ann"} | order
    await story.publish("agent.commands", "service", "agent.command", data, "1")
    rejected = story.one("command.rejected").data
    assert (rejected["id"], rejected["agent"], rejected["reason"]) == ("1", "ann", "malformed")
    assert field in rejected["problem"]
    assert story.events("record.deadlettered", topic="deadletter") == []


async def test_a_command_of_nobody_is_a_dead_letter() -> None:
    """There is nobody to answer."""
    story = await Story.begin(dead_letters=True)
    await story.publish("agent.commands", "service", "agent.command", {"command": "take"}, "1")
    assert story.events("command.rejected") == []
    assert len(story.events("record.deadlettered", topic="deadletter")) == 1
