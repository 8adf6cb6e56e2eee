"""What triage decided is changed by people: place, need and clocks follow."""

from typing import Any

import pytest

from router.core.lifecycle import TicketState
from tests.unit.router.core.cores import Core, triaged
from tests.unit.router.core.story import START, Story

BOOK = """
agents:
  ann: {skills: {zh: 3}}
  sue: {pool: service, queues: [], role: supervisor}
  pat: {pool: office, queues: [], role: supervisor}
slas:
  fast: {calendar: always, first_response: 20s, next_response: 30s, resolution: 5m, warn: [50%]}
  long: {calendar: always, resolution: 1h, pause: [on-hold]}
tiers: {standard: {}, vip: {sla: fast, bonus: 1h}}
types:
  invoice: {}
  complaint: {sla: fast, steps: [{id: contact, within: 30s}, {id: remedy, within: 1m}]}
defaults: {sla: standard, type: invoice}
routes:
  - {id: named, when: {text: {keywords: [named]}}, then: {queue: billing, sla: standard}}
  - {id: default, then: {queue: billing}}
"""


async def told(text: str = "hello", changes: str = "", *, taken: bool = True) -> Story:
    """Ann has the ticket x1, or it waits."""
    story = await Story.begin(BOOK + changes)
    if taken:
        await story.available("ann")
    await story.request("x1", text)
    if taken:
        await story.hand("ann", "x1")
    return story


def due(story: Story) -> dict[str, float | None]:
    """When the ticket's targets are due, in seconds since the beginning."""
    return {
        clock.target: None if clock.due_at is None else (clock.due_at - START).total_seconds()
        for clock in story.ticket("x1").clocks
    }


@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("bob", {"priority": 1}, "not_yours"),
        ("pat", {"priority": 1}, "not_yours"),
        ("ann", {}, "field_missing"),
        ("ann", {"priority": 1, "ticket": "never"}, "unknown_ticket"),
        ("ann", {"type": "song"}, "unknown_type"),
        ("ann", {"tier": "gold"}, "unknown_tier"),
        ("ann", {"sla": "never"}, "unknown_sla"),
        ("ann", {"priority": 10}, "field_invalid"),
        ("ann", {"priority": -1}, "field_invalid"),
        ("ann", {"language": "Chinese, please"}, "field_invalid"),
        ("ann", {"skills": {"zh": 11}}, "field_invalid"),
        ("ann", {"skills": {"": 1}}, "field_invalid"),
        ("ann", {"tags": ("x" * 101,)}, "field_invalid"),
        ("ann", {"tags": tuple(map(str, range(51)))}, "field_invalid"),
    ],
)
async def test_what_cannot_be_updated(agent: str, fields: dict[str, Any], reason: str) -> None:
    """The ticket is as before."""
    story = await told()
    before = story.ticket("x1")
    story.forget()
    assert await story.command(agent, "update", **({"ticket": "x1"} | fields)) == reason
    assert story.ticket("x1") == before
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_settled_ticket_is_history() -> None:
    """It would have to be reopened."""
    story = await told()
    await story.command("ann", "resolve", "x1")
    assert await story.command("sue", "update", "x1", priority=1) == "wrong_state"


async def test_only_what_is_given_changes_and_the_event_says_from_what_to_what() -> None:
    """Desktops of the queue see it."""
    story = await told()
    fields = {"priority": 3, "tags": ("late", "late"), "language": "ZH-cn", "skills": {"zh": 1}}
    assert await story.command("ann", "update", "x1", **fields) is None
    said = story.one("ticket.updated", "x1", "agent.queue.billing").data
    assert said["agent"] == "ann"
    assert said["before"] == {"priority": 0, "tags": [], "language": "en", "skills": {}}
    assert said["after"] == {
        "priority": 3, "tags": ["late"], "language": "zh-Hans", "skills": {"zh": 1},
    }  # fmt: skip
    assert (story.ticket("x1").type, story.ticket("x1").sla) == ("invoice", "standard")


async def test_what_is_as_it_was_is_no_change() -> None:
    """Accepted, and nothing is told."""
    story = await told()
    story.forget()
    assert await story.command("ann", "update", "x1", priority=0, type="invoice") is None
    assert [one.type for one in story.told] == ["command.accepted"]


async def test_lists_can_be_emptied() -> None:
    """An empty list is given; none is not."""
    story = await told()
    await story.command("ann", "update", "x1", tags=("late",), skills={"zh": 1})
    await story.command("ann", "update", "x1", tags=(), skills={})
    assert (story.ticket("x1").tags, story.ticket("x1").skills) == ((), {})


async def test_the_place_in_the_queue_follows_priority_and_tier() -> None:
    """The second ticket overtakes the first; a VIP overtakes both."""
    story = await told(taken=False)
    for name in ("x2", "x3"):
        await story.at(1)
        await story.request(name, sender=f"+{name}")
    await story.command("sue", "update", "x2", priority=1)
    await story.command("sue", "update", "x3", tier="vip")
    assert (
        story.one("ticket.updated", "x3").data["order"]
        < (story.one("ticket.updated", "x2").data["order"])
    )
    await story.available("ann")
    assert [one.data["external_id"] for one in story.events("ticket.offered")] == ["x3", "x2"]


async def test_the_need_follows_the_skills() -> None:
    """Bob lacks the skill that the ticket turns out to ask for: the offer goes to Ann."""
    story = await told(taken=False)
    await story.available("bob")
    await story.available("ann")
    assert story.holders("x1") == ["bob"]
    await story.command("sue", "update", "x1", skills={"zh": 1})
    assert story.one("ticket.offer_rescinded", "x1").data["reason"] == "updated"
    assert story.holders("x1") == ["bob", "ann"]
    await story.command("sue", "update", "x1", skills={"zh": 2})
    assert len(story.events("ticket.offer_rescinded", "x1")) == 1, "Ann can do that as well"


async def test_a_skill_that_nobody_has_any_more_is_no_obstacle_once_it_is_taken_back() -> None:
    """Whoever is free is offered the ticket at once."""
    story = await told(taken=False)
    await story.command("sue", "update", "x1", skills={"zh": 9})
    await story.available("bob")
    assert story.holders("x1") == []
    await story.command("sue", "update", "x1", skills={})
    assert story.holders("x1") == ["bob"]


async def test_another_sla_is_measured_from_what_has_happened() -> None:
    """A minute becomes 20 seconds, of which 10 are gone; warned at half of it, now."""
    story = await told()
    await story.at(10)
    assert await story.command("ann", "update", "x1", sla="fast") is None
    assert due(story) == {"first_response": 20, "resolution": 300}
    changed = story.events("sla.changed", "x1")
    assert [(one.data["target"], one.data["sla"]) for one in changed] == [
        ("first_response", "fast"), ("resolution", "fast"),
    ]  # fmt: skip
    await story.after(20)
    assert story.one("sla.warning", "x1").at == 10
    assert story.one("sla.breached", "x1").at == 20


async def test_a_target_that_is_named_no_more_ends_and_a_new_one_counts_from_the_start() -> None:
    """`long` has no first response; back under `fast` it is due as if it had always been."""
    story = await told()
    await story.at(10)
    await story.command("ann", "update", "x1", sla="long")
    assert due(story) == {"resolution": 3600}
    await story.command("ann", "update", "x1", sla="fast")
    assert due(story) == {"first_response": 20, "resolution": 300}


async def test_a_target_that_comes_back_tells_nothing_twice_under_one_identity() -> None:
    """Breached, dropped, named again: whoever counts by (target, cycle) counts each once."""
    story = await told()
    await story.command("ann", "update", "x1", sla="fast")
    await story.after(20)
    await story.command("ann", "update", "x1", sla="long")
    assert story.one("sla.cleared", "x1", "sla.escalations").data["reason"] == "changed"
    await story.command("ann", "update", "x1", sla="fast")
    await story.after(30)
    breached = [one.data for one in story.events("sla.breached", "x1")]
    identities = [(one["target"], one["cycle"]) for one in breached]
    assert identities[0] == ("first_response", 0)
    assert len(identities) == len(set(identities))


async def test_the_answer_that_is_owed_is_measured_by_the_new_sla_too() -> None:
    """The customer wrote again under an SLA without a next response."""
    story = await told(changes="defaults: {sla: long, type: invoice}\n")
    await story.command("ann", "reply", "x1", text="hello")
    await story.at(10)
    await story.request("x2", "and?")
    await story.at(15)
    await story.command("ann", "update", "x1", sla="fast")
    assert due(story) == {"next_response": 40, "resolution": 300}


@pytest.mark.parametrize(
    ("text", "fields", "sla", "whose"),
    [
        ("hello", {"type": "complaint"}, "fast", "type"),
        ("hello", {"tier": "vip"}, "fast", "tier"),
        ("hello", {"type": "complaint", "sla": "long"}, "long", "command"),
        ("hello", {"priority": 1}, "standard", "defaults"),
        ("named", {"type": "complaint"}, "standard", "route"),
        ("named", {"tier": "vip"}, "standard", "route"),
    ],
)
async def test_the_sla_is_chosen_as_triage_would_choose_it(
    text: str, fields: dict[str, Any], sla: str, whose: str
) -> None:
    """Route before tier before type before defaults; a person goes before all of them."""
    story = await told(text)
    assert await story.command("ann", "update", "x1", **fields) is None
    assert (story.ticket("x1").sla, story.ticket("x1").sla_from) == (sla, whose)


async def test_an_sla_that_a_person_named_stays_when_the_type_changes() -> None:
    """What somebody has decided on purpose is not decided again in passing."""
    story = await told()
    await story.command("ann", "update", "x1", sla="long")
    await story.command("ann", "update", "x1", type="complaint")
    assert story.ticket("x1").sla == "long"


def test_an_sla_of_which_nobody_knows_who_named_it_stays() -> None:
    """A ticket that was stored before this was written down: it may have been a route."""
    core, order = Core(BOOK), triaged(type="invoice")
    core.step(order)
    assert core.core.desk.tickets.rows[order.ticket].sla_from is None
    core.command("sue", "update", 1, ticket=order.ticket, type="complaint")
    ticket = core.core.desk.tickets.rows[order.ticket]
    assert (ticket.type, ticket.sla) == ("complaint", "standard")


async def test_the_steps_of_a_new_type_count_from_the_tickets_creation() -> None:
    """A step that is done is not asked for again when the type comes back."""
    story = await told()
    await story.at(10)
    await story.command("ann", "update", "x1", type="complaint")
    assert due(story)["step:contact"] == 30
    assert due(story)["step:remedy"] == 60
    await story.command("ann", "step_done", "x1", step="contact")
    await story.command("ann", "step_done", "x1", step="contact")
    await story.command("ann", "update", "x1", type="invoice")
    assert "step:remedy" not in due(story)
    await story.command("ann", "update", "x1", type="complaint")
    assert "step:contact" not in due(story)
    assert due(story)["step:remedy"] == 60


async def test_a_reopened_tickets_targets_count_from_the_reopening() -> None:
    """Neither first response nor a procedure comes back that was over before."""
    story = await told()
    await story.command("ann", "resolve", "x1")
    await story.at(100)
    await story.command("ann", "reopen", "x1")
    await story.hand("ann", "x1")
    await story.command("ann", "update", "x1", type="complaint")
    assert due(story) == {"resolution": 400}


async def test_a_ticket_on_hold_is_measured_as_its_new_sla_pauses() -> None:
    """The old one did not stop for a hold, the new one does; and back again."""
    story = await told()
    await story.at(10)
    await story.command("ann", "hold", "x1")
    await story.command("ann", "update", "x1", sla="long")
    assert due(story) == {"resolution": None}
    await story.at(60)
    await story.command("ann", "update", "x1", sla="standard")
    assert due(story)["resolution"] == 600, "as if it had never been another"
    assert story.ticket("x1").state is TicketState.ON_HOLD
