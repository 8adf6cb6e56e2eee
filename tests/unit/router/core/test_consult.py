"""A colleague is asked, and a decision of the router's is called wrong: the ticket stays."""

from typing import Any

import pytest

from tests.unit.router.core.story import Story

BOOK = """
agents:
  sue: {pool: service, queues: [], role: supervisor}
types: {invoice: {}, complaint: {}}
routes:
  - {id: bill, when: {text: {keywords: [bill]}}, then: {queue: billing, type: invoice}}
  - {id: default, then: {queue: billing}}
"""


async def assigned() -> Story:
    """Ann has the ticket x1."""
    story = await Story.begin(BOOK)
    await story.available("ann")
    await story.request("x1", "my bill", subject="a bill")
    await story.hand("ann", "x1")
    story.forget()
    return story


@pytest.mark.parametrize(
    ("agent", "command", "fields", "reason"),
    [
        ("bob", "consult", {"to": "dan", "text": "hm?"}, "not_yours"),
        ("ann", "consult", {"text": "hm?"}, "field_missing"),
        ("ann", "consult", {"to": "dan"}, "field_missing"),
        ("ann", "consult", {"to": "nobody", "text": "hm?"}, "unknown_agent"),
        ("ann", "consult", {"to": "eve", "text": "hm?"}, "other_pool"),
        ("ann", "consult", {"to": "ann", "text": "hm?"}, "field_invalid"),
        ("ann", "consult", {"to": "dan", "text": "hm?", "ticket": "never"}, "unknown_ticket"),
        ("eve", "flag_decision", {"reason": "no"}, "not_allowed"),
        ("bob", "flag_decision", {}, "field_missing"),
        ("bob", "flag_decision", {"queue": "nowhere"}, "unknown_queue"),
        ("bob", "flag_decision", {"type": "song"}, "unknown_type"),
        ("bob", "flag_decision", {"reason": "no", "ticket": "never"}, "unknown_ticket"),
    ],
)
async def test_why_it_is_refused(
    agent: str, command: str, fields: dict[str, Any], reason: str
) -> None:
    """Nothing is told but the refusal."""
    story = await assigned()
    assert await story.command(agent, command, **({"ticket": "x1"} | fields)) == reason
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_colleague_who_is_asked_sees_it_on_their_desktop() -> None:
    """Dan serves another queue, and is shown the question with what the ticket is about."""
    story = await assigned()
    before = story.ticket("x1")
    assert await story.command("ann", "consult", "x1", to="dan", text="do you know him?") is None
    for topic in ("tickets.events", "agent.queue.billing", "agent.queue.rescue"):
        asked = story.one("ticket.consulted", "x1", topic).data
        assert (asked["agent"], asked["to"], asked["text"]) == ("ann", "dan", "do you know him?")
        assert (asked["subject"], asked["sender"]) == ("a bill", "+8610")
    assert story.ticket("x1") == before
    assert await story.command("dan", "note", "x1", text="I do") is None


async def test_a_supervisor_asks_about_anybodys_ticket() -> None:
    """Also its own agent."""
    story = await assigned()
    assert await story.command("sue", "consult", "x1", to="ann", text="how is it going?") is None


async def test_a_flagged_decision_names_the_rule_and_its_rulebook() -> None:
    """So that a report can count them, and a case can be made of them."""
    story = await assigned()
    fields = {"reason": "they complain", "queue": "rescue", "type": "complaint"}
    assert await story.command("bob", "flag_decision", "x1", **fields) is None
    flagged = story.one("decision.flagged", "x1").data
    assert (flagged["rule"], flagged["rulebook"]) == ("bill", story.ticket("x1").rulebook)
    assert (flagged["expected_queue"], flagged["expected_type"]) == ("rescue", "complaint")
    assert (flagged["agent"], flagged["type"]) == ("bob", "invoice")


async def test_a_settled_tickets_decision_can_be_flagged_too() -> None:
    """One sees best at the end what it was about."""
    story = await assigned()
    await story.command("ann", "resolve", "x1")
    assert await story.command("ann", "flag_decision", "x1", type="complaint") is None
