"""The clocks of a ticket through its life: what starts, meets, pauses and clears them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from router.core.entities.clock import Clock, Pause
from router.core.events import TicketMessage, TicketTriaged
from tests.unit.router.core.cores import Core, at, fields_of, message, of, triaged, types
from tests.unit.router.core.story import Story, rules
from tests.unit.router.core.test_commands import assigned

LADDER = """
slas: {standard: {warn: [50%], ladder: duty, pause: [pending]}}
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead]}
    - {level: 2, after: 30s, notify: [manager], raise_priority: 2}
    - {level: 3, after: 60s, notify: [director], move_to: rescue}
"""


def routed(queue: str, priority: int) -> str:
    """Everything goes there."""
    then = f"{{queue: {queue}, sla: standard, priority: {priority}}}"
    return f"routes: [{{id: default, then: {then}}}]"


async def test_an_unanswered_ticket_climbs_the_ladder() -> None:
    """Warned at half the time, breached, raised and moved, each told at its instant, once."""
    story = await Story.begin(LADDER)
    await story.request("x1")
    await story.at(200)
    told = [
        (one.at, one.type, one.data.get("notify"))
        for one in story.told
        if one.topic == "sla.escalations"
    ]
    assert told == [
        (30, "sla.warning", []),
        (60, "sla.breached", None),
        (60, "sla.escalated", ["lead"]),
        (90, "sla.escalated", ["manager"]),
        (120, "sla.escalated", ["director"]),
    ]
    assert (story.ticket("x1").priority, story.ticket("x1").queue) == (2, "rescue")
    assert story.one("ticket.transferred", "x1").data["reason"] == "escalated"


async def test_a_raised_priority_moves_a_waiting_ticket_forward() -> None:
    """The desktops of its queue are told its new place; nine is the highest."""
    story = await Story.begin(LADDER + routed("billing", 8))
    await story.request("x1")
    await story.after(90)
    requeued = story.one("ticket.requeued", "x1", "agent.queue.billing").data
    assert (requeued["reason"], requeued["priority"]) == ("priority_raised", 9)


def test_what_is_noticed_together_raises_as_often_as_what_is_noticed_apart() -> None:
    """Both targets reach the level, each raises the ticket, however late that is seen."""
    late, soon = (
        Core(LADDER.replace("warn", "resolution: 61s, warn").replace(", move_to: rescue", ""))
        for _ in range(2)
    )
    for core, instants in ((late, [200]), (soon, [90.5, 200])):
        core.step(triaged())
        for instant in instants:
            core.fire(instant)
        assert core.core.desk.tickets.rows[triaged().ticket].priority == 4


async def test_the_highest_priority_is_not_raised() -> None:
    """Nothing changes, so nothing is told."""
    story = await Story.begin(LADDER + routed("billing", 9))
    await story.request("x1")
    await story.after(90)
    assert story.events("ticket.requeued") == []


async def test_a_raised_priority_leaves_assigned_work_with_its_agent() -> None:
    """Only its priority changes; the third level takes it away."""
    story = await assigned(LADDER)
    await story.after(90)
    assert (story.ticket("x1").priority, story.ticket("x1").agent) == (2, "ann")
    await story.available("dan")
    await story.after(120)
    assert story.holders("x1") == ["ann", "dan"]


async def test_a_ticket_is_not_moved_to_where_it_is() -> None:
    """The last rung names its own queue."""
    story = await Story.begin(LADDER + routed("rescue", 0))
    await story.request("x1")
    await story.at(300)
    assert story.events("ticket.transferred") == []


def test_of_levels_that_are_overdue_together_only_the_highest_notifies() -> None:
    """After a night without the router the director is told, the lead and the manager are not."""
    core = Core(LADDER)
    core.step(triaged())
    escalated = [fields_of(one) for one in of(core.fire(150), "sla.escalated")]
    told = {(one["level"], *one["notify"]) for one in escalated}
    assert told == {(1,), (2,), (3, "director")}
    assert {one["detected_at"] for one in escalated} == {"2027-03-01T09:02:30Z"}


TWO_CLOCKS = """
slas: {standard: {first_response: 60s, resolution: 90s, ladder: duty}}
ladders:
  duty:
    - {level: 1, after: 0s, raise_priority: 1}
    - {level: 2, after: 45s, raise_priority: 1, move_to: repairs}
    - {level: 3, after: 60s, move_to: rescue}
"""


@pytest.mark.parametrize("looked_at", [range(1, 201), [100, 150, 200], [200]])
def test_the_ladder_does_the_same_however_late_it_is_told(looked_at: Iterable[float]) -> None:
    """Two clocks raise the ticket by both of their levels, also when a downtime hid them."""
    core, ticket = Core(TWO_CLOCKS), triaged()
    core.step(ticket)
    for second in looked_at:
        core.fire(second)
    found = core.core.desk.tickets.rows[ticket.ticket]
    assert (found.priority, found.queue) == (4, "rescue")


def test_the_ladder_raises_a_ticket_before_it_goes_to_another_pool() -> None:
    """What is overdue together is done in full, and the ticket goes where the last level says."""
    ladder = """
    slas: {standard: {ladder: duty}}
    ladders:
      duty:
        - {level: 1, after: 0s, move_to: claims}
        - {level: 2, after: 20s, raise_priority: 2, move_to: claims}
    """
    core = Core(ladder)
    core.step(triaged())
    (moved,) = of(core.fire(150), "ticket.moved")
    assert (moved.data.ticket.priority, moved.data.ticket.queue) == (2, "claims")


async def test_an_sla_without_a_ladder_breaches_and_tells_no_level() -> None:
    """Operations see the breach."""
    story = await Story.begin()
    await story.request("x1")
    await story.at(500)
    assert [one.type for one in story.told if one.topic == "sla.escalations"] == ["sla.breached"]


async def test_a_reply_too_late_is_told_so_and_clears_the_alarm() -> None:
    """What lapsed before it stands; operations hear that it is over."""
    story = await assigned(LADDER)
    await story.at(70)
    await story.command("ann", "reply", "x1", text="sorry")
    assert story.one("sla.met", "x1").data["in_time"] is False
    cleared = story.one("sla.cleared", "x1", "sla.escalations").data
    assert (cleared["target"], cleared["reason"]) == ("first_response", "met")


async def test_a_second_reply_meets_nothing() -> None:
    """Nobody waited for it."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    await story.command("ann", "reply", "x1", text="one thing more")
    assert len(story.events("sla.met", "x1")) == 1


async def test_after_an_answer_the_oldest_unanswered_message_starts_a_clock() -> None:
    """The customer writes at 100 and 150: the response is due 60 seconds after the first."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    await story.at(100)
    await story.request("x2", text="and?")
    await story.at(150)
    await story.request("x3", text="hello?")
    (started,) = [one for one in story.events("sla.started", "x1") if one.data["cycle"] == 1]
    assert (started.at, started.data["target"]) == (100, "next_response")
    await story.after(160)
    assert story.one("sla.breached", "x1").data["target"] == "next_response"


async def test_without_a_target_for_the_next_response_no_clock_starts() -> None:
    """The SLA does not name it."""
    story = await assigned("slas: {standard: {next_response: null}}")
    await story.command("ann", "reply", "x1", text="hello")
    await story.request("x2", text="and?")
    assert {one.data["target"] for one in story.events("sla.started", "x1")} == {
        "first_response", "resolution",
    }  # fmt: skip


async def test_who_comes_back_to_a_ticket_resolved_unanswered_is_owed_a_response() -> None:
    """No first response runs any more: the message itself starts a clock."""
    story = await assigned()
    await story.command("ann", "resolve", "x1")
    await story.at(100)
    await story.request("x2", text="you never answered")
    await story.after(160)
    assert story.one("sla.breached", "x1").data["target"] == "next_response"


async def test_a_machines_message_starts_no_clock_and_reopens_nothing() -> None:
    """It is shown to the agent, and that is all."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    await story.command("ann", "resolve", "x1")
    await story.at(10)
    await story.request("x2", text="I am away", automatic="auto-reply")
    assert story.one("ticket.message", "x1").data["automatic"] == "auto-reply"
    assert story.ticket("x1").state.value == "resolved"
    assert story.events("ticket.reopened") == []


async def test_a_pause_stops_the_clocks_that_the_sla_says() -> None:
    """Twenty seconds before the pause and forty after it make the minute."""
    story = await assigned("slas: {standard: {pause: [pending]}}")
    await story.at(20)
    await story.command("ann", "pending", "x1")
    assert len(story.events("sla.paused", "x1")) == 2
    await story.at(120)
    await story.command("ann", "resume", "x1")
    await story.after(160)
    assert story.one("sla.breached", "x1").at == 160


async def test_clocks_run_on_in_a_pause_that_the_sla_does_not_grant() -> None:
    """Pending for the desk, due for the customer."""
    story = await assigned()
    await story.at(20)
    await story.command("ann", "pending", "x1")
    assert story.events("sla.paused") == []
    await story.after(60)
    assert story.one("sla.breached", "x1").at == 60


async def test_the_ladder_takes_a_pending_ticket_along_with_its_clocks_running() -> None:
    """Ann waited too long: in its new queue the ticket waits for us."""
    story = await assigned(LADDER.replace(", pause: [pending]", ""))
    await story.at(20)
    await story.command("ann", "pending", "x1")
    await story.after(120)
    assert (story.ticket("x1").state.value, story.ticket("x1").queue) == ("queued", "rescue")


def test_a_clock_measured_elsewhere_by_another_rulebook_is_measured_anew_here() -> None:
    """The ladder that it was to climb is gone here: it neither climbs nor wakes for ever."""
    service, office, order = Core(LADDER), Core(), triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    service.fire(70)
    outputs = service.command("ann", "transfer", 71, ticket=order.ticket, queue="claims")
    office.take_in(of(outputs, "ticket.moved")[0], 72)
    found = types(office.fire(700))
    assert "sla.escalated" not in found
    assert office.core.next_at() is None


def test_a_clock_of_an_sla_that_is_unknown_here_ends_with_the_move() -> None:
    """Its alarm is cleared; a clock that nobody can measure does not run."""
    service, office, order = Core(LADDER), Core(), triaged()
    gone = rules("slas: {standard: null, other: {calendar: always}}")
    for route in gone["routes"]:
        route["then"]["sla"] = "other"
    office.enforce(gone)
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    outputs = service.command("ann", "transfer", 31, ticket=order.ticket, queue="claims")
    moved = office.take_in(of(outputs, "ticket.moved")[0], 72)
    assert fields_of(of(moved, "sla.cleared")[0])["reason"] == "changed"
    assert office.core.next_at() is None


async def test_a_warning_of_a_long_running_clock_names_its_share() -> None:
    """Half of ten minutes."""
    story = await Story.begin("slas: {standard: {first_response: null, warn: [50%]}}")
    await story.request("x1")
    await story.after(timedelta(minutes=5).total_seconds())
    assert story.one("sla.warning", "x1").data["share"] == 0.5


async def test_who_follows_a_machine_is_still_owed_the_first_response() -> None:
    """An auto-reply opened the ticket, a person writes: one clock runs, not a second."""
    story = await Story.begin()
    await story.request("x1", automatic="auto-reply")
    assert story.ticket("x1").waiting_since is None
    await story.at(10)
    await story.request("x2", text="please call me")
    assert story.ticket("x1").waiting_since == story.now
    assert len(story.events("sla.started", "x1")) == 2


def late(order: TicketTriaged, number: int, seconds: float) -> TicketMessage:
    """The customer's message `number`, received so many seconds after the beginning."""
    found = message(order, number)
    return msgspec.structs.replace(found, request=replace(found.request, received_at=at(seconds)))


def replied(changes: str = "") -> tuple[Core, TicketTriaged]:
    """Ann has a ticket, answered after ten seconds."""
    core, order = Core(changes), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    core.command("ann", "accept", 5, ticket=order.ticket)
    core.command("ann", "reply", 10, ticket=order.ticket, text="hello")
    return core, order


def resolution(core: Core, ticket: str) -> Clock:
    """The ticket's clock of the target `resolution`."""
    clocks = core.core.desk.tickets.rows[ticket].clocks
    (found,) = [clock for clock in clocks if clock.target == "resolution"]
    return found


def test_what_a_customer_reopens_is_due_from_when_they_wrote() -> None:
    """Triage was down for an hour: the hour counts."""
    core, order = replied()
    core.command("ann", "resolve", 20, ticket=order.ticket)
    core.step(late(order, 2, 30), 3630)
    assert resolution(core, order.ticket).started_at == at(30)


@pytest.mark.parametrize(("wrote", "since"), [(100, 100), (15, 20)])
@pytest.mark.parametrize("there", [True, False])
def test_what_a_customer_resumes_counts_on_from_when_they_wrote(
    wrote: float, since: float, there: bool
) -> None:
    """The agent there or not, processed late or not; but no earlier than it was paused."""
    core, order = replied("slas: {standard: {pause: [pending]}}")
    core.command("ann", "pending", 20, ticket=order.ticket)
    if not there:
        core.command("ann", "presence", 30, state="offline")
    core.step(late(order, 2, wrote), 3600)
    assert core.core.desk.tickets.rows[order.ticket].pauses == (
        Pause("pending", at(20), at(since)),
    )
    assert resolution(core, order.ticket).due_at == at(600 - 20 + since)
