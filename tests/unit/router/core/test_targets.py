"""Each target through a ticket's life, and what a change of its promises makes of its clocks."""

import json
from typing import Any

import msgspec
import pytest

from router.core import clocks
from router.core.dispatch import Dispatch
from router.core.entities.clock import Pause
from router.core.entities.ticket import MOST_PAUSES, Ticket
from router.core.lifecycle import TicketState
from router.core.owed import LATER
from router.core.turn import Turn
from router.world import LETTERHEAD
from tests.unit.router.core.cores import Core, at, of, triaged, types
from tests.unit.router.core.story import START, Story, rules
from tests.unit.router.core.test_commands import assigned


def standard(*fields: str) -> str:
    """Changes of the standard SLA."""
    return f"slas: {{standard: {{{', '.join(fields)}}}}}"


def told(story: Story, kind: str, target: str) -> list[tuple[float, int]]:
    """When events of a kind about a target were told, and for which cycle."""
    return [
        (one.at, one.data["cycle"])
        for one in story.events(f"sla.{kind}")
        if one.data["target"] == target
    ]


# -- time in the queue


async def test_time_in_the_queue_runs_from_the_request_until_an_agent_has_it() -> None:
    """An offer is not yet an agent."""
    story = await Story.begin(standard("queue_time: 12s"))
    await story.request("x1")
    await story.at(5)
    await story.available("ann")
    await story.at(10)
    await story.hand("ann", "x1")
    (met,) = [one for one in story.events("sla.met") if one.data["target"] == "queue_time"]
    assert (met.at, met.data["in_time"], met.data["cycle"]) == (10, True, 1)
    await story.at(100)
    assert told(story, "breached", "queue_time") == []


async def test_a_declined_offer_leaves_the_time_in_the_queue_running() -> None:
    """Nobody has had it yet."""
    story = await Story.begin(standard("queue_time: 12s"))
    await story.available("ann")
    await story.request("x1")
    await story.at(8)
    await story.command("ann", "decline", "x1")
    await story.after(12)
    assert told(story, "started", "queue_time") == [(0, 1)]
    assert told(story, "breached", "queue_time") == [(12, 1)]


@pytest.mark.parametrize("how", ["transfer", "return", "reopen"])
async def test_each_coming_to_a_queue_is_a_cycle_of_its_own(how: str) -> None:
    """Given away, lost by its agent or opened again: it waits anew, and can lapse anew."""
    story = await assigned(standard("queue_time: 12s"))
    await story.at(100)
    if how == "transfer":
        await story.command("ann", "transfer", "x1", queue="rescue")
    elif how == "return":
        await story.command("ann", "presence", state="offline")
    else:
        await story.command("ann", "resolve", "x1")
        await story.command("ann", "presence", state="busy")
        await story.command("ann", "reopen", "x1")
    await story.at(130)
    came = 115 if how == "return" else 100
    started, breached = (told(story, kind, "queue_time") for kind in ("started", "breached"))
    assert [cycle for _, cycle in started] == [1, 2]
    assert [cycle for _, cycle in breached] == [2]
    assert (started[1][0], breached[0][0]) == pytest.approx((came, came + 12), abs=0.001)


CHAIN = "queues: {repairs: {targets: [{skills: {}, for: 30s}]}}"
LADDER = """
ladders: {duty: [{level: 1, after: 0s, notify: [lead]}, {level: 2, after: 20s, notify: [boss]}]}
"""


@pytest.mark.parametrize(
    ("promised", "breached", "levels"),
    [("12s", 12, [12, 32]), ("45s", 30, [30, 50]), (None, 30, [30, 50])],
    ids=["promised sooner", "promised later", "not promised"],
)
async def test_a_chain_that_ends_breaches_the_time_in_the_queue_at_the_latest(
    promised: str | None, breached: float, levels: list[float]
) -> None:
    """One clock, whichever comes first: one breach, and the ladder follows it."""
    fields = ["ladder: duty", "first_response: 1h"]
    fields += [f"queue_time: {promised}"] if promised else []
    story = await Story.begin(CHAIN + "\n" + standard(*fields) + LADDER)
    await story.request("x1", text="repair it")
    await story.at(100)
    assert told(story, "breached", "queue_time") == [(breached, 1)]
    assert [at for at, _ in told(story, "escalated", "queue_time")] == levels
    assert story.one("ticket.parked", "x1").at == 30
    await story.available("ann")
    await story.hand("ann", "x1")
    assert told(story, "met", "queue_time") == ([(100, 1)] if promised else [])
    assert told(story, "cleared", "queue_time") == [(100, 1)]


async def test_a_chain_that_ends_twice_breaches_two_cycles() -> None:
    """In the next queue it is the time there."""
    changes = CHAIN.replace("{repairs", "{rescue: {targets: [{skills: {}, for: 10s}]}, repairs")
    story = await Story.begin(changes)
    await story.request("x1", text="repair it")
    await story.at(40)
    await story.available("ann")
    await story.hand("ann", "x1")
    await story.command("ann", "transfer", "x1", queue="rescue")
    await story.at(60)
    assert told(story, "breached", "queue_time") == [(30, 1), (50, 2)]


async def test_where_the_ladder_moves_a_ticket_its_time_in_the_queue_is_over() -> None:
    """Told and handed on; two levels that move do not play ball with it for ever."""
    ladder = """
ladders:
  duty:
    - {level: 1, after: 0s, move_to: repairs}
    - {level: 2, after: 20s, move_to: rescue}
"""
    story = await Story.begin(standard("queue_time: 10s", "ladder: duty") + ladder)
    await story.request("x1")
    await story.at(3600)
    assert told(story, "breached", "queue_time") == [(10, 1)]
    assert told(story, "cleared", "queue_time") == [(10, 1)]
    moves = [one.data["queue"] for one in story.events("ticket.transferred")]
    assert moves == ["repairs", "rescue", "repairs", "rescue"], "of first response, resolution"


# -- periodic updates, and the two kinds of waiting


async def test_the_time_between_replies_runs_from_each_reply() -> None:
    """What the customer writes does not move it; each reply begins a cycle."""
    story = await assigned(standard("periodic: 40s"))
    await story.at(10)
    assert told(story, "started", "periodic") == []
    await story.command("ann", "reply", "x1", text="we look into it")
    await story.at(30)
    await story.request("x2", text="and?")
    await story.at(45)
    await story.command("ann", "reply", "x1", text="still looking")
    await story.after(85)
    assert told(story, "started", "periodic") == [(10, 1), (45, 2)]
    assert told(story, "met", "periodic") == [(45, 1)]
    assert told(story, "breached", "periodic") == [(85, 2)]


async def test_no_update_is_owed_of_what_is_resolved_nor_until_the_next_reply() -> None:
    """Reopened, the customer's message is owed an answer; the period begins with that."""
    story = await assigned(standard("periodic: 40s"))
    await story.command("ann", "reply", "x1", text="done")
    await story.command("ann", "resolve", "x1")
    await story.at(20)
    await story.request("x2", text="no")
    await story.at(300)
    assert told(story, "breached", "periodic") == []
    assert told(story, "started", "periodic") == [(0, 1)]


@pytest.mark.parametrize(
    ("target", "due"), [("resolution", 300), ("requester_wait", 340), ("agent_work", 340)]
)
async def test_waiting_is_measured_by_whose_turn_it_is(target: str, due: float) -> None:
    """Forty seconds pending do not count for the customer's waiting, whatever `pause` says."""
    story = await assigned(standard("resolution: null", f"{target}: 5m"))
    await story.at(10)
    await story.command("ann", "pending", "x1")
    await story.at(50)
    await story.command("ann", "resume", "x1")
    await story.after(due)
    assert told(story, "breached", target) == [(due, 0)]


async def test_a_ticket_put_aside_too_often_counts_the_oldest_pauses_as_work() -> None:
    """What is remembered of a ticket is bounded."""
    core, order = Core(standard("pause: [pending]")), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    core.command("ann", "accept", 0, ticket=order.ticket)
    row = core.core.desk.tickets.rows[order.ticket]
    pauses = tuple(Pause("pending", at(0), at(0)) for _ in range(MOST_PAUSES))
    core.core.desk.tickets.put(order.ticket, msgspec.structs.replace(row, pauses=pauses))
    core.command("ann", "pending", 1, ticket=order.ticket)
    assert len(core.core.desk.tickets.rows[order.ticket].pauses) == MOST_PAUSES


# -- a change of what is promised


ROWS = "targets: [{when: {priority: {at_least: 3}}, first_response: 20s, queue_time: 15s}]"


async def test_a_row_is_for_the_tickets_that_it_names() -> None:
    """By the queue that the ticket is in."""
    story = await Story.begin(standard("targets: [{when: {queue: repairs}, first_response: 5s}]"))
    await story.request("x1")
    await story.request("x2", text="repair", sender="+8611")
    await story.after(10)
    breached = story.one("sla.breached").data
    assert (breached["ticket"], breached["target"]) == (story.id("x2"), "first_response")


async def test_a_transfer_measures_by_the_row_of_the_new_queue_from_the_start() -> None:
    """Given to rescue after ten seconds, it had been due after five."""
    row = "targets: [{when: {queue: rescue}, first_response: 5s, resolution: 40s}]"
    story = await assigned(standard(row))
    await story.at(10)
    await story.command("ann", "transfer", "x1", queue="rescue")
    assert {one.data["target"] for one in story.events("sla.changed")} == {
        "first_response", "resolution",
    }  # fmt: skip
    await story.after(10)
    breached = story.one("sla.breached", "x1")
    assert (breached.at, breached.data["target"]) == (10, "first_response")
    assert breached.data["lapsed_at"] == "2027-03-01T09:00:05Z"
    await story.after(40)
    assert told(story, "breached", "resolution") == [(40, 0)]


def test_a_row_of_the_other_pools_queue_holds_there() -> None:
    """The ticket moved whole, and is measured from its start."""
    row = standard("targets: [{when: {queue: claims}, resolution: 30s, queue_time: 25s}]")
    service, office, order = Core(row), Core(row), triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    outputs = service.command("ann", "transfer", 10, ticket=order.ticket, queue="claims")
    moved = office.take_in(of(outputs, "ticket.moved")[0], 10)
    assert "sla.changed" in types(moved)
    due = {one.target: one.due_at for one in office.core.desk.tickets.rows[order.ticket].clocks}
    assert due == {"first_response": at(60), "resolution": at(30), "queue_time": at(35)}


async def test_a_priority_that_the_ladder_raises_brings_its_rows_targets() -> None:
    """What they make due in the past lapses at once, each once."""
    ladder = "ladders: {duty: [{level: 1, after: 0s, raise_priority: 3}]}"
    rows = "targets: [{when: {priority: {at_least: 3}}, resolution: 30s}]"
    story = await Story.begin(standard("ladder: duty", rows) + "\n" + ladder)
    await story.request("x1")
    await story.at(200)
    assert told(story, "breached", "first_response") == [(60, 0)]
    (late,) = [one for one in story.events("sla.breached") if one.data["target"] == "resolution"]
    assert late.at == 60
    assert late.data["lapsed_at"] == "2027-03-01T09:00:30Z"
    assert story.ticket("x1").priority == 6


def bare_of(*but: str) -> list[str]:
    """Nothing of what the story's rulebook promises, `but` these."""
    usual = ("first_response", "next_response", "resolution")
    return [f"{one}: null" for one in usual if one not in but]


@pytest.mark.parametrize(
    "target", ["first_response", "resolution", "requester_wait", "agent_work", "queue_time"]
)
async def test_a_target_that_is_added_runs_as_if_it_had_always_been(target: str) -> None:
    """From the ticket's beginning, not from the change."""
    story = await Story.begin(standard(*bare_of()))
    await story.request("x1")
    assert story.ticket("x1").clocks == ()
    await story.at(50)
    await story.enforce(rules(standard(*bare_of(target), f"{target}: 90s")))
    await story.after(90)
    assert [at for at, _ in told(story, "started", target)] == [50]
    assert [at for at, _ in told(story, "breached", target)] == [90]


async def test_added_targets_of_replies_run_from_the_message_and_the_reply() -> None:
    """The customer waits since 30; the last reply was at 10."""
    bare = standard("next_response: null")
    story = await assigned(bare)
    await story.at(10)
    await story.command("ann", "reply", "x1", text="hello")
    await story.at(30)
    await story.request("x2", text="and?")
    await story.enforce(rules(standard("next_response: 60s", "periodic: 70s")))
    await story.after(100)
    assert told(story, "breached", "periodic") == [(80, 1)]
    assert told(story, "breached", "next_response") == [(90, 1)]
    assert told(story, "started", "first_response") == [(0, 0)]


TYPED = "types: {fault: {sla: standard, steps: [{id: call, within: 70s}, {id: visit, within: 2m}]}}"
OF_TYPE = "routes: [{id: default, then: {queue: billing, type: fault, sla: standard}}]"


async def test_added_steps_run_from_the_beginning_unless_they_are_done() -> None:
    """What was done while nobody measured it is done."""
    untimed = TYPED.replace(", within: 70s", "").replace(", within: 2m", "")
    story = await assigned(untimed + "\n" + OF_TYPE)
    await story.at(40)
    await story.command("ann", "step_done", "x1", step="call")
    await story.enforce(rules(TYPED + "\n" + OF_TYPE))
    await story.after(120)
    assert told(story, "breached", "step:call") == []
    assert told(story, "breached", "step:visit") == [(120, 0)]


async def test_a_step_of_a_reopened_ticket_is_not_begun_by_a_new_rulebook() -> None:
    """Its procedure ended when it was resolved."""
    story = await assigned(TYPED.replace(", within: 2m", "") + "\n" + OF_TYPE)
    await story.command("ann", "resolve", "x1")
    await story.command("ann", "reopen", "x1")
    await story.enforce(rules(TYPED + "\n" + OF_TYPE))
    await story.at(500)
    assert told(story, "started", "step:visit") == []


async def test_what_was_told_of_a_target_that_went_and_came_back_is_not_told_again() -> None:
    """Its alarm was cleared in between; the ladder goes on where it stood."""
    fields = ("warn: [50%]", "ladder: duty", "resolution: null")
    story = await Story.begin(standard(*fields) + LADDER)
    await story.request("x1")
    await story.at(62)
    await story.enforce(rules(standard(*fields, "first_response: null") + LADDER))
    assert told(story, "cleared", "first_response") == [(62, 0)]
    await story.at(100)
    assert told(story, "escalated", "first_response") == [(60, 0)]
    await story.enforce(rules(standard(*fields) + LADDER))
    await story.at(200)
    assert told(story, "warning", "first_response") == [(30, 0)]
    assert told(story, "breached", "first_response") == [(60, 0)]
    assert [at for at, _ in told(story, "escalated", "first_response")] == [60, 100]


async def test_a_dropped_target_is_met_in_silence() -> None:
    """Nobody asks for it; what it had told was cleared."""
    story = await assigned(standard("warn: [50%]"))
    await story.at(40)
    await story.enforce(rules(standard("first_response: null")))
    await story.command("ann", "reply", "x1", text="hello")
    assert told(story, "met", "first_response") == []
    assert len(told(story, "cleared", "first_response")) == 1
    assert [clock.target for clock in story.ticket("x1").clocks] == ["resolution"]


async def test_time_in_the_queue_that_is_no_longer_promised_ends_at_the_chains_end_only() -> None:
    """The clock that had warned is kept, and the chain breaches it."""
    fields = ("queue_time: 20s", "warn: [50%]", "first_response: 1h")
    story = await Story.begin(CHAIN + "\n" + standard(*fields))
    await story.request("x1", text="repair it")
    await story.at(15)
    await story.enforce(rules(CHAIN + "\n" + standard("warn: [50%]", "first_response: 1h")))
    assert told(story, "cleared", "queue_time") == [(15, 1)]
    await story.at(40)
    assert told(story, "breached", "queue_time") == [(30, 1)]
    assert told(story, "warning", "queue_time") == [(10, 1)]


async def test_pauses_are_folded_anew_under_another_calendar_and_other_states() -> None:
    """Pending from 10 to 50; the new SLA does not grant it: sixty seconds are over at 60."""
    story = await assigned(standard("pause: [pending]"))
    await story.at(10)
    await story.command("ann", "pending", "x1")
    await story.at(50)
    await story.command("ann", "resume", "x1")
    assert story.ticket("x1").clocks[0].due_at == story.now.replace(minute=1, second=40)
    await story.enforce(rules())
    await story.after(60)
    assert told(story, "breached", "first_response") == [(60, 0)]


async def test_a_pause_that_a_new_rulebook_grants_counts_from_its_beginning() -> None:
    """Pending since 10, granted at 30: nothing lapses until it is resumed."""
    story = await assigned()
    await story.at(10)
    await story.command("ann", "pending", "x1")
    await story.at(30)
    await story.enforce(rules(standard("pause: [pending]")))
    await story.at(300)
    assert story.events("sla.breached") == []
    await story.command("ann", "resume", "x1")
    await story.after(350)
    assert told(story, "breached", "first_response") == [(350, 0)]


async def test_a_dropped_clock_is_left_alone_by_a_pause() -> None:
    """Nobody hears of it."""
    story = await assigned(standard("warn: [50%]", "pause: [pending]"))
    await story.at(40)
    await story.enforce(rules(standard("first_response: null", "pause: [pending]")))
    await story.command("ann", "pending", "x1")
    assert [one.data["target"] for one in story.events("sla.paused")] == ["resolution"]


async def test_a_step_that_is_reported_twice_is_done_once() -> None:
    """The second report meets nothing."""
    story = await assigned(TYPED + "\n" + OF_TYPE)
    for _ in range(2):
        assert await story.command("ann", "step_done", "x1", step="call") is None
    assert story.ticket("x1").steps_done == ("call",)
    assert len(told(story, "met", "step:call")) == 1


def aside(core: Core, ticket: str, state: TicketState, seconds: float) -> Ticket:
    """The ticket comes to a state in which it waits."""
    turn = Turn(core.core.desk, f"aside-{seconds}", at(seconds), at(seconds))
    row = core.core.desk.tickets.rows[ticket]
    return clocks.paused(turn, msgspec.structs.replace(row, state=state))


def test_pauses_are_kept_by_state() -> None:
    """From pending to on hold the first ends where the second begins; the same again is nothing."""
    core, order = Core(standard("pause: [on-hold]")), triaged()
    core.step(order)
    ticket = aside(core, order.ticket, TicketState.PENDING, 10)
    core.core.desk.tickets.put(order.ticket, ticket)
    held = aside(core, order.ticket, TicketState.ON_HOLD, 20)
    assert held.pauses == (Pause("pending", at(10), at(20)), Pause("on-hold", at(20)))
    assert [clock.due_at for clock in held.clocks] == [None, None]
    core.core.desk.tickets.put(order.ticket, held)
    assert aside(core, order.ticket, TicketState.ON_HOLD, 30).pauses == held.pauses


def test_a_ticket_that_an_older_version_stored_goes_on() -> None:
    """It was opened again and left pending, its clock with what it had spent."""
    core, order = Core(standard("pause: [pending]")), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    core.command("ann", "accept", 1, ticket=order.ticket)
    core.command("ann", "pending", 100, ticket=order.ticket)
    desk, fresh = core.core.desk, Dispatch(LETTERHEAD)
    stored = json.loads(desk.tickets.stored(order.ticket) or b"")
    new = {"pauses", "comings", "opened", "opened_at", "queued_at", "replied_at", "steps_done"}
    clock = {
        "target": "resolution", "cycle": 1, "started_at": at(0).isoformat(),
        "running_since": None, "paused_at": at(100).isoformat(), "spent": "PT100S",
    }  # fmt: skip
    old = {name: value for name, value in stored.items() if name not in new} | {"clocks": [clock]}
    fresh.journal.load(f"ticket:{order.ticket}", json.dumps(old).encode())
    for table in (desk.rulebooks, desk.agents):
        for key in table:
            fresh.journal.load(f"{table.name}:{key}", table.stored(key) or b"")
    core.core = fresh
    assert fresh.desk.tickets.rows[order.ticket].opened == 1
    core.command("ann", "resume", 200, ticket=order.ticket)
    assert [one.due_at for one in fresh.desk.tickets.rows[order.ticket].clocks] == [at(700)]


async def test_a_change_of_a_resolved_ticket_starts_nothing() -> None:
    """Nobody is owed anything by it."""
    story = await assigned(standard("resolution: null"))
    await story.command("ann", "resolve", "x1")
    await story.enforce(rules())
    assert story.ticket("x1").clocks == ()


def test_targets_of_later_do_not_run_from_the_opening() -> None:
    """Only those; whatever else an SLA names begins with the ticket."""
    every: dict[str, Any] = dict.fromkeys(
        ("periodic", "requester_wait", "agent_work", "queue_time"), "1h"
    )
    core = Core(standard(*(f"{name}: {within}" for name, within in every.items())))
    order = triaged()
    core.step(order)
    started = core.core.desk.tickets.rows[order.ticket].clocks
    names = {clock.target for clock in started}
    assert names == {"first_response", "resolution", *every} - LATER
    assert {clock.started_at for clock in started} == {START}
