"""A ticket that waits for a third party, or until an instant, and how it goes on."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from router.core.lifecycle import TicketState
from tests.unit.router.core.cores import Core, fields_of, message, of, triaged, types
from tests.unit.router.core.story import START, Story, rules

PAUSED = "slas: {standard: {pause: [on-hold], warn: [50%]}}"


async def held(changes: str = "", command: str = "hold", **fields: Any) -> Story:
    """Ann has set x1 aside at 10 seconds."""
    story = await Story.begin(changes)
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(10)
    assert await story.command("ann", command, "x1", **fields) is None
    return story


def instant(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize("command", ["hold", "pending"])
@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("bob", {}, "not_yours"),
        ("ann", {"ticket": "never"}, "unknown_ticket"),
        ("ann", {"until": START}, "field_invalid"),
        ("ann", {"until": instant(86_400 * 400)}, "field_invalid"),
        ("ann", {"until": datetime(2027, 3, 2)}, "field_invalid"),  # noqa: DTZ001 - the case
    ],
)
async def test_what_cannot_be_set_aside(
    command: str, agent: str, fields: dict[str, Any], reason: str
) -> None:
    """The past, an instant without its offset, more than a year, what is another's."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    story.forget()
    assert await story.command(agent, command, **({"ticket": "x1"} | fields)) == reason
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_held_ticket_takes_up_no_capacity_and_stays_its_agents() -> None:
    """She can hold it again only after going on with it, and settle it at once."""
    story = await held(reason="the courier looks for it")
    assert story.one("ticket.held", "x1").data["reason"] == "the courier looks for it"
    assert (story.ticket("x1").state, story.ticket("x1").agent) == (TicketState.ON_HOLD, "ann")
    assert story.desk.loads.load("ann") == 0
    assert await story.command("ann", "hold", "x1") == "wrong_state"
    assert await story.command("ann", "resume", "x1") is None
    assert story.desk.loads.load("ann") == 1
    assert await story.command("ann", "hold", "x1") is None
    assert await story.command("ann", "resolve", "x1") is None


async def test_clocks_stop_if_the_sla_names_on_hold() -> None:
    """From 10 to 100 seconds nothing counts: the minute is over at 150."""
    story = await held(PAUSED)
    assert {one.data["target"] for one in story.events("sla.paused", "x1")} == {
        "first_response", "resolution",
    }  # fmt: skip
    await story.at(100)
    await story.command("ann", "resume", "x1")
    await story.after(150)
    assert story.one("sla.breached", "x1").at == 150


async def test_clocks_run_if_the_sla_names_only_pending() -> None:
    """The two ways of waiting are two words, and going from one to the other follows them."""
    story = await held("slas: {standard: {pause: [pending]}}")
    assert story.events("sla.paused", "x1") == []
    await story.command("ann", "pending", "x1")
    assert len(story.events("sla.paused", "x1")) == 2
    await story.at(40)
    await story.command("ann", "hold", "x1")
    assert len(story.events("sla.resumed", "x1")) == 2
    await story.after(90)
    assert story.one("sla.breached", "x1").at == 90


async def test_a_customers_message_does_not_end_the_hold() -> None:
    """Its agent sees it and may answer; the next response counts, pause or not."""
    story = await held(PAUSED)
    await story.command("ann", "reply", "x1", text="we ask the courier")
    await story.at(20)
    await story.request("x2", "and?")
    assert story.ticket("x1").state is TicketState.ON_HOLD
    assert story.one("ticket.message", "x1").data["agent"] == "ann"
    await story.after(80)
    breached = story.one("sla.breached", "x1").data
    assert breached["target"] == "next_response"
    assert await story.command("ann", "reply", "x1", text="still asking") is None
    assert story.ticket("x1").state is TicketState.ON_HOLD


async def test_a_customers_message_that_the_agent_cannot_see_ends_the_hold() -> None:
    """Ann has gone home: the ticket waits for others, its clocks run from the message on."""
    story = await held(PAUSED)
    await story.command("ann", "presence", state="offline")
    await story.available("bob")
    await story.at(30)
    await story.request("x2", "and?")
    assert story.one("ticket.requeued", "x1").data["reason"] == "customer_replied"
    assert story.holders("x1") == ["ann", "bob"]
    assert story.ticket("x1").pauses[-1].until == instant(30)


@pytest.mark.parametrize("command", ["hold", "pending"])
async def test_until_makes_it_go_on_with_its_agent(command: str) -> None:
    """At that very instant, with the reason."""
    story = await held(command=command, until=instant(50))
    event = {"hold": "ticket.held", "pending": "ticket.pending"}[command]
    assert story.one(event, "x1").data["until"].startswith("2027-03-01T09:00:50")
    await story.at(50)
    assert story.ticket("x1").set_aside
    await story.after(50)
    assert story.one("ticket.resumed", "x1").data["reason"] == "until"
    assert story.one("ticket.resumed", "x1").at == 50
    assert story.ticket("x1").state is TicketState.ASSIGNED
    assert story.ticket("x1").until is None


@pytest.mark.parametrize("state", ["away", "offline"])
async def test_until_gives_it_to_another_when_its_agent_is_not_there(state: str) -> None:
    """It waits again with its age, and is offered to Bob."""
    story = await held(until=instant(50))
    await story.command("ann", "presence", state=state)
    await story.available("bob")
    await story.after(50)
    assert story.one("ticket.requeued", "x1").data["reason"] == "until"
    assert story.holders("x1") == ["ann", "bob"]
    assert story.ticket("x1").enqueued_at == START


async def test_until_gives_it_to_another_when_its_agent_is_full() -> None:
    """Capacity is not exceeded by what comes back."""
    story = await held("agents: {ann: {capacity: 1}}", until=instant(50))
    await story.request("x2", sender="+8611")
    await story.hand("ann", "x2")
    await story.after(50)
    assert story.one("ticket.requeued", "x1").data["reason"] == "until"
    assert story.desk.loads.load("ann") == 1


async def test_clocks_count_on_from_the_instant_that_was_named() -> None:
    """Not from when the router noticed: 10 seconds before, 50 after 100."""
    story = await held(PAUSED, until=instant(100))
    await story.after(150)
    assert story.one("sla.breached", "x1").at == 150


async def test_what_goes_on_earlier_is_not_woken() -> None:
    """The instant belonged to that hold alone; the next one has its own, or none."""
    story = await held(until=instant(50))
    await story.command("ann", "resume", "x1")
    await story.command("ann", "hold", "x1")
    await story.after(60)
    assert story.ticket("x1").state is TicketState.ON_HOLD
    assert story.events("ticket.requeued", "x1") == []


@pytest.mark.parametrize("command", ["transfer", "resolve"])
async def test_what_left_is_not_woken_either(command: str) -> None:
    """A transfer or the end of the matter ends the hold."""
    story = await held(until=instant(50))
    fields = {"queue": "rescue"} if command == "transfer" else {}
    assert await story.command("ann", command, "x1", **fields) is None
    story.forget()
    await story.after(50)
    assert story.events("ticket.resumed") == []
    assert [one.data["reason"] for one in story.events("ticket.requeued")] == []


async def test_a_removed_agents_held_ticket_goes_back() -> None:
    """Whoever waits for a third party under a new rulebook must still be there."""
    story = await held()
    await story.enforce(rules("agents: {ann: null}"))
    assert story.one("ticket.requeued", "x1").data["reason"] == "agent_removed"


def waiting_until(seconds: float) -> Core:
    """Ann has set the ticket aside at 10 seconds, on hold; no timer fires by itself."""
    core = Core(PAUSED)
    core.command("ann", "presence", state="available")
    core.step(triaged())
    core.command("ann", "accept", 1, ticket=triaged().ticket)
    core.command("ann", "hold", 10, ticket=triaged().ticket, until=instant(seconds))
    return core


def test_a_pause_that_was_over_before_a_command_is_over_for_its_clocks() -> None:
    """Its timer has not fired yet: the reply after 40 more seconds is too late all the same."""
    core = waiting_until(50)
    outputs = core.command("ann", "reply", 120, ticket=triaged().ticket, text="sorry")
    told = [one for one in types(outputs) if one.startswith(("sla.", "ticket."))]
    assert told == [
        "ticket.resumed", "sla.resumed", "sla.warning", "sla.breached", "ticket.replied", "sla.met",
        "sla.cleared",
    ]  # fmt: skip
    assert fields_of(of(outputs, "sla.breached")[0])["lapsed_at"] == "2027-03-01T09:01:40Z"


def test_a_message_ends_no_pause_later_than_was_said() -> None:
    """The customer writes when the instant is past, its timer has not fired yet."""
    core = Core(PAUSED.replace("on-hold", "pending"))
    core.command("ann", "presence", state="available")
    order = triaged()
    core.step(order)
    core.command("ann", "accept", 1, ticket=order.ticket)
    core.command("ann", "pending", 10, ticket=order.ticket, until=instant(50))
    said = message(order, 2)
    late = msgspec.structs.replace(said, request=replace(said.request, received_at=instant(80)))
    core.step(late, 80)
    (pause,) = core.core.desk.tickets.rows[order.ticket].pauses
    assert pause.until == instant(50)
