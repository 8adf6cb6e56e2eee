"""What a supervisor may do with the work of others, and who may not."""

from typing import Any

import pytest

from router.core.lifecycle import TicketState
from tests.unit.router.core.story import Story

SUPERVISED = """
agents:
  sue: {pool: service, queues: [], role: supervisor}
  pat: {pool: office, queues: [], role: supervisor}
"""
LADDER = (
    SUPERVISED
    + """
slas: {standard: {warn: [50%], ladder: duty}}
ladders:
  duty:
    - {level: 1, after: 10s, notify: [lead]}
    - {level: 2, after: 20s, notify: [manager], raise_priority: 2}
"""
)


async def supervised(changes: str = SUPERVISED, agent: str | None = "ann") -> Story:
    """Ann and Bob are there; the ticket x1 is Ann's, unless it is nobody's yet."""
    story = await Story.begin(changes)
    if agent is None:
        await story.request("x1")
    await story.available("ann", "bob", "sue")
    if agent is not None:
        await story.request("x1")
        if story.holders("x1") != [agent]:
            assert await story.command("sue", "assign", "x1", to=agent) is None
        else:
            await story.hand(agent, "x1")
    return story


@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("ann", {"to": "bob"}, "not_allowed"),
        ("bob", {"to": "bob"}, "not_allowed"),
        ("pat", {"to": "bob"}, "not_allowed"),
        ("sue", {}, "field_missing"),
        ("sue", {"to": "nobody"}, "unknown_agent"),
        ("sue", {"to": "eve"}, "other_pool"),
        ("sue", {"to": "dan"}, "not_available"),
        ("sue", {"to": "ann"}, "wrong_state"),
        ("sue", {"to": "bob", "ticket": "never"}, "unknown_ticket"),
        ("sue", {"to": "sue"}, "not_eligible"),
    ],
)
async def test_an_assignment_that_cannot_be_is_rejected(
    agent: str, fields: dict[str, Any], reason: str
) -> None:
    """The ticket stays where it is, and nothing else is told."""
    story = await supervised()
    before = story.ticket("x1")
    story.forget()
    assert await story.command(agent, "assign", **({"ticket": "x1"} | fields)) == reason
    assert story.ticket("x1") == before
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_settled_ticket_is_given_to_nobody() -> None:
    """It would have to be reopened first."""
    story = await supervised()
    await story.command("ann", "resolve", "x1")
    assert await story.command("sue", "assign", "x1", to="bob") == "wrong_state"


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ((), ["ticket.requeued", "ticket.assigned"]),
        (("pending",), ["ticket.requeued", "ticket.assigned"]),
        (("hold",), ["ticket.requeued", "ticket.assigned"]),
    ],
)
async def test_work_is_taken_from_its_agent_and_given_to_another(
    before: tuple[str, ...], told: list[str]
) -> None:
    """Ann is told why and is free; Bob has it, and the event says who gave it."""
    story = await supervised()
    for command in before:
        await story.command("ann", command, "x1")
    story.forget()
    assert await story.command("sue", "assign", "x1", to="bob") is None
    assert [one for one in story.types("x1") if one in told] == told
    assigned = story.one("ticket.assigned", "x1").data
    assert (assigned["agent"], assigned["by"], assigned["forced"]) == ("bob", "sue", False)
    assert story.one("ticket.requeued", "x1").data["agent"] == "ann"
    assert (story.desk.loads.load("ann"), story.desk.loads.load("bob")) == (0, 1)


async def test_an_offer_to_another_is_taken_back_first() -> None:
    """Ann's desktop stops ringing; Bob has the ticket."""
    story = await Story.begin(SUPERVISED)
    await story.available("ann")
    await story.request("x1")
    await story.available("bob")
    assert await story.command("sue", "assign", "x1", to="bob") is None
    assert story.one("ticket.offer_rescinded", "x1").data["agent"] == "ann"
    assert story.one("ticket.assigned", "x1").data["offer"] is None
    assert story.desk.loads.load("ann") == 0


async def test_who_is_on_offer_a_ticket_can_be_given_it() -> None:
    """As if they had accepted: the offer is the one that they see."""
    story = await Story.begin(SUPERVISED)
    await story.available("bob")
    await story.request("x1")
    offer = story.one("ticket.offered", "x1").data["offer"]
    assert await story.command("sue", "assign", "x1", to="bob") is None
    assert story.one("ticket.assigned", "x1").data["offer"] == offer
    assert story.events("ticket.offer_rescinded", "x1") == []


async def test_what_waits_or_is_parked_can_be_given_away() -> None:
    """A ticket that nobody was found for ends its alarm with it."""
    story = await Story.begin(SUPERVISED + "queues: {billing: {targets: [{for: 5s}]}}")
    await story.request("x1")
    await story.after(5)
    assert story.ticket("x1").state is TicketState.PARKED
    await story.available("dan")
    assert await story.command("sue", "assign", "x1", to="dan") == "not_eligible"
    assert await story.command("sue", "assign", "x1", to="dan", force=True) is None
    assert story.one("sla.cleared", "x1", "sla.escalations").data["reason"] == "assigned"


async def test_limits_are_exceeded_by_force_alone_and_the_event_says_so() -> None:
    """Bob has room for one; the second comes by force, and a third is not offered to him."""
    story = await Story.begin(SUPERVISED)
    await story.available("bob")
    await story.request("x1")
    await story.hand("bob", "x1")
    await story.request("x2", sender="+8611")
    assert await story.command("sue", "assign", "x2", to="bob") == "no_capacity"
    assert await story.command("sue", "assign", "x2", to="bob", force=True) is None
    assert story.one("ticket.assigned", "x2").data["forced"] is True
    assert story.desk.loads.load("bob") == 2
    await story.request("x3", sender="+8612")
    await story.command("bob", "resolve", "x1")
    assert story.holders("x3") == [], "one is still as much as he can do"
    await story.command("bob", "resolve", "x2")
    assert story.holders("x3") == ["bob"]


async def test_what_is_on_offer_is_taken_back_when_force_leaves_no_room_for_it() -> None:
    """Bob's desktop rings for work that he could not do any more: it goes to others."""
    story = await Story.begin(SUPERVISED)
    await story.available("bob")
    await story.request("x1")
    await story.request("x2", sender="+8611")
    await story.available("ann")
    assert (story.holders("x1"), story.holders("x2")) == (["bob"], ["ann"])
    assert await story.command("sue", "assign", "x2", to="bob", force=True) is None
    assert story.one("ticket.offer_rescinded", "x1").data["reason"] == "capacity"
    assert story.holders("x1") == ["bob", "ann"]


async def test_force_that_was_not_needed_is_not_called_force() -> None:
    """The event tells whether a limit was exceeded, not what the supervisor feared."""
    story = await supervised()
    assert await story.command("sue", "assign", "x1", to="bob", force=True) is None
    assert story.events("ticket.assigned", "x1")[-1].data["forced"] is False


async def test_the_agent_who_lost_a_ticket_gets_the_next_one() -> None:
    """Freed is freed: what waits is offered at once."""
    story = await Story.begin(SUPERVISED + "  ann: {capacity: 1}")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.request("x2", sender="+8611", text="repair")
    await story.available("bob")
    await story.command("sue", "assign", "x1", to="bob")
    assert story.holders("x2") == ["ann"]


async def test_a_ticket_on_offer_to_another_cannot_be_taken() -> None:
    """Not even by a supervisor: they assign it."""
    story = await Story.begin(SUPERVISED)
    await story.available("bob")
    await story.request("x1")
    await story.available("ann", "sue")
    assert await story.command("ann", "take", "x1") == "wrong_state"
    assert await story.command("sue", "take", "x1") == "wrong_state"


@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("ann", {"target": "first_response"}, "not_allowed"),
        ("pat", {"target": "first_response"}, "not_allowed"),
        ("sue", {}, "field_missing"),
        ("sue", {"target": "next_response"}, "unknown_target"),
        ("sue", {"target": "resolution"}, "nothing_lapsed"),
        ("sue", {"target": "first_response", "ticket": "never"}, "unknown_ticket"),
    ],
)
async def test_an_alarm_that_is_none_cannot_be_acknowledged(
    agent: str, fields: dict[str, Any], reason: str
) -> None:
    """First response was warned of; resolution is far."""
    story = await supervised(LADDER)
    await story.after(31)
    story.forget()
    command = {"ticket": "x1"} | fields
    assert await story.command(agent, "escalation_acknowledge", **command) == reason
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_what_was_acknowledged_goes_on_in_silence() -> None:
    """Levels are recorded and do what they do to the ticket; only nobody is called any more."""
    story = await supervised(LADDER)
    await story.after(70)
    assert story.one("sla.escalated", "x1").data["notify"] == ["lead"]
    assert (
        await story.command("sue", "escalation_acknowledge", "x1", target="first_response") is None
    )
    seen = story.one("sla.acknowledged", "x1", "sla.escalations").data
    assert (seen["target"], seen["cycle"], seen["by"]) == ("first_response", 0, "sue")
    await story.after(80)
    second = story.events("sla.escalated", "x1")[-1].data
    assert (second["level"], second["notify"]) == (2, [])
    assert story.ticket("x1").priority == 2
    await story.command("ann", "reply", "x1", text="sorry")
    assert story.one("sla.cleared", "x1", "sla.escalations").data["target"] == "first_response"


async def test_an_acknowledgement_is_for_one_alarm_alone() -> None:
    """The next clock of the same target calls again, and so does another target."""
    story = await supervised(LADDER)
    await story.after(61)
    await story.command("sue", "escalation_acknowledge", "x1", target="first_response")
    await story.command("ann", "reply", "x1", text="sorry")
    await story.at(70)
    await story.request("x2", text="and now?")
    await story.after(140)
    told = story.events("sla.escalated", "x1")[-1].data
    assert (told["target"], told["notify"]) == ("next_response", ["lead"])
