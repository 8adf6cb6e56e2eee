"""What time does to an agent: shifts, ramps, reserves, rests and pauses begin and end."""

from typing import Any

import pytest

from tests.unit.router.core.cores import Core, at, triaged
from tests.unit.router.core.story import Story, rules

SHIFT = """
calendars: {early: {timezone: UTC, hours: {mon: ["09:10-09:20", "09:30-09:40"]}}}
agents: {bob: {calendar: early}}
"""


async def test_nothing_is_offered_outside_of_the_shift() -> None:
    """Bob is there all the time: what waits is offered when the shift begins, not when it ends."""
    story = await Story.begin(SHIFT)
    await story.available("bob")
    await story.request("x1")
    await story.at(600)
    assert story.holders("x1") == []
    await story.after(600)
    assert story.holders("x1") == ["bob"]
    await story.hand("bob", "x1")
    await story.after(1200)
    assert await story.command("bob", "resolve", "x1") is None
    await story.request("x2", sender="+8611")
    await story.at(1800)
    assert story.holders("x2") == []
    await story.after(1800)
    assert story.holders("x2") == ["bob"]


async def test_an_offer_goes_back_when_the_shift_ends() -> None:
    """Nobody holds an offer whom it would not be made to."""
    story = await Story.begin(SHIFT + "queues: {billing: {offer_timeout: 1h}}")
    await story.available("bob")
    await story.request("x1")
    await story.after(1200)
    rescinded = story.one("ticket.offer_rescinded", "x1")
    assert (rescinded.at, rescinded.data["reason"]) == (1200, "off_shift")


async def test_who_is_there_outside_of_the_shift_may_take() -> None:
    """A chosen ticket, or the next one."""
    story = await Story.begin(SHIFT.replace("{calendar: early}", "{calendar: early, capacity: 2}"))
    await story.available("bob")
    await story.request("x1")
    await story.request("x2", sender="+8611")
    assert await story.command("bob", "take", "x2") is None
    assert await story.command("bob", "take") is None
    assert story.ticket("x1").agent == "bob"


async def test_the_explanation_says_who_is_off_shift() -> None:
    """Counted with the other reasons."""
    story = await Story.begin(SHIFT)
    await story.available("ann", "bob")
    await story.request("x1")
    explanation = story.one("ticket.offered", "x1").data["explanation"]
    assert explanation["not_eligible"] == {"off_shift": 1}


async def test_a_shift_that_never_begins_again_has_no_timer() -> None:
    """The calendar has one open date, which is over: whoever is there can still take."""
    calendar = '{timezone: UTC, hours: {}, special: {"2027-02-01": ["09:00-12:00"]}}'
    story = await Story.begin(
        f"calendars: {{once: {calendar}}}\nagents: {{bob: {{calendar: once}}}}"
    )
    await story.available("bob")
    await story.request("x1")
    state = story.desk.agent("bob")
    assert (state.off_shift, state.shift_at, story.holders("x1")) == (True, None, [])


async def test_a_new_rulebook_changes_the_shift_at_once() -> None:
    """It begins for who is there, or ends."""
    story = await Story.begin(SHIFT)
    await story.available("bob")
    await story.request("x1")
    await story.enforce(rules())
    assert story.holders("x1") == ["bob"]
    await story.enforce(rules(SHIFT))
    assert story.one("ticket.offer_rescinded", "x1").data["reason"] == "off_shift"


def test_a_shift_that_ended_while_the_router_was_down_is_over_when_it_is_up() -> None:
    """The offer of before does not get its time anew, it goes back."""
    core = Core(SHIFT)
    core.command("bob", "presence", 660, state="available")
    order = triaged()
    core.step(order, 660)
    assert core.core.desk.tickets.rows[order.ticket].holder == "bob"
    core.core.caught_up(at(1300))
    assert core.core.desk.tickets.rows[order.ticket].holder is None
    assert core.core.desk.agent("bob").off_shift


RAMP = """
agents: {ann: {capacity: 6}}
presence: {ramp: {start: 1, every: 30s, step: 2}}
"""


async def several(story: Story, count: int) -> None:
    """So many customers write."""
    for number in range(1, count + 1):
        await story.request(f"x{number}", sender=f"+86{number:02}")


async def given(story: Story, agent: str = "ann") -> int:
    """The agent accepts whatever is on offer; returns how much they have then."""
    for ticket in list(story.desk.tickets.rows.values()):
        if ticket.offer is not None and ticket.offer.agent == agent:
            await story.hand(agent, ticket.id)
    return story.desk.loads.load(agent)


async def test_who_comes_online_is_filled_gradually() -> None:
    """One at once, two more each half minute, then whatever the capacity allows."""
    story = await Story.begin(RAMP)
    await several(story, 8)
    await story.available("ann")
    filled = []
    for seconds in (0, 30, 60, 90, 120):
        await story.after(seconds)
        filled.append(await given(story))
    assert filled == [1, 3, 5, 6, 6]
    assert story.desk.agent("ann").wake_at is None


async def test_a_ramp_begins_anew_with_each_return() -> None:
    """Ann was away: her hands are full of what she had, and she gets more only gradually."""
    story = await Story.begin(RAMP)
    await several(story, 5)
    await story.available("ann")
    assert await given(story) == 1
    await story.after(30)
    assert await given(story) == 3
    await story.command("ann", "presence", state="away")
    await story.at(300)
    await story.available("ann")
    assert await given(story) == 3
    await story.after(330)
    assert await given(story) == 3
    await story.after(360)
    assert await given(story) == 5


async def test_a_ramp_that_the_rulebook_takes_away_is_over() -> None:
    """All of the capacity is filled at once; one that comes in concerns who comes after."""
    story = await Story.begin(RAMP)
    await several(story, 6)
    await story.available("ann")
    await story.enforce(rules("agents: {ann: {capacity: 6}}"))
    assert await given(story) == 6
    await story.enforce(rules(RAMP))
    assert story.desk.agent("ann").room is None


RESERVE = """
tiers: {vip: {}}
customers: {c1: {tier: vip, addresses: {sms: ["+8601"]}}}
agents: {bob: {capacity: 2, reserve: {tiers: vip, lend_after: 5m}}}
queues: {billing: {offer_timeout: 10m}}
"""


async def test_a_reserved_agent_is_kept_for_their_tiers() -> None:
    """Another tier's ticket waits beside Bob; the VIP's is his at once."""
    story = await Story.begin(RESERVE)
    await story.available("bob")
    await story.request("x2", sender="+8602")
    await story.request("x1", sender="+8601")
    assert (story.holders("x1"), story.holders("x2")) == (["bob"], [])


async def test_a_reserved_agent_who_is_idle_lends_one_ticket_at_a_time() -> None:
    """After five idle minutes one; the next only when another five were idle."""
    story = await Story.begin(RESERVE)
    await story.available("bob")
    await story.request("x2", sender="+8602")
    await story.at(299)
    assert story.holders("x2") == []
    await story.after(300)
    await story.hand("bob", "x2")
    await story.request("x3", sender="+8603")
    await story.at(1000)
    assert story.holders("x3") == []
    await story.command("bob", "resolve", "x2")
    await story.at(1299)
    assert story.holders("x3") == []
    await story.after(1300)
    assert story.holders("x3") == ["bob"]


async def test_who_has_nothing_but_an_open_offer_is_not_idle() -> None:
    """It is looked at again after as long."""
    story = await Story.begin(RESERVE)
    await story.available("bob")
    await story.at(200)
    await story.request("x1", sender="+8601")
    await story.request("x2", sender="+8602")
    await story.after(310)
    await story.command("bob", "decline", "x1")
    assert story.holders("x2") == []
    await story.after(600)
    assert story.holders("x2") == ["bob"]


async def test_who_never_lends_waits_for_their_tiers() -> None:
    """There is no timer either; a new rulebook may set, or end, the lending."""
    story = await Story.begin(RESERVE)
    never = rules(RESERVE)
    del never["agents"]["bob"]["reserve"]["lend_after"]
    await story.enforce(never)
    await story.available("bob")
    await story.request("x2", sender="+8602")
    await story.at(4000)
    assert (story.holders("x2"), story.desk.agent("bob").wake_at) == ([], None)
    await story.enforce(rules(RESERVE))
    await story.at(4299)
    assert story.holders("x2") == []
    await story.enforce(rules(RESERVE))
    await story.after(4300)
    assert story.holders("x2") == ["bob"]
    await story.enforce(never)
    assert not story.desk.agent("bob").lends


HARD = """
types: {complaint: {}}
pools: {service: {queues: [billing, repairs, rescue]}}
routes:
  - {id: complaint, when: {text: {keywords: [awful]}}, then: {queue: billing, type: complaint}}
  - {id: legal, when: {text: {keywords: [court]}}, then: {queue: billing, tags: [legal]}}
  - {id: default, then: {queue: billing, sla: standard}}
agents: {bob: {capacity: 2}}
protection: {types: [complaint], tags: [legal], in_a_row: 2, rest: 10m}
"""


async def worked(story: Story, name: str, text: str, agent: str = "bob") -> None:
    """The agent gets a ticket and resolves it."""
    await story.request(name, text, sender=f"+86{name}")
    await story.hand(agent, name)
    assert await story.command(agent, "resolve", name) is None


async def test_no_more_than_so_many_hard_tickets_in_a_row() -> None:
    """By type or tag; any other ticket ends the row."""
    story = await Story.begin(HARD)
    await story.available("bob")
    await worked(story, "x1", "awful")
    await worked(story, "x2", "see you in court")
    await story.request("x3", "awful", sender="+8613")
    assert story.holders("x3") == []
    await worked(story, "x4", "hello")
    assert story.holders("x3") == ["bob"]


async def test_what_is_on_offer_counts_in_the_row() -> None:
    """Four complaints wait for Bob, who has room for all: he is offered two at once, not four."""
    story = await Story.begin(HARD.replace("capacity: 2", "capacity: 4"))
    for number in range(4):
        await story.at(number)
        await story.request(f"x{number}", "awful", sender=f"+861{number}")
    await story.available("bob")
    assert [story.holders(f"x{number}") for number in range(4)] == [["bob"], ["bob"], [], []]
    await story.command("bob", "decline", "x0")
    assert story.holders("x2") == ["bob"]
    await story.hand("bob", "x1")
    await story.hand("bob", "x2")
    assert story.desk.agent("bob").hard == 2
    assert story.holders("x3") == []


async def test_another_ticket_ends_the_row_when_it_is_accepted() -> None:
    """At once, and with room left: what waited is offered in the same step."""
    story = await Story.begin(HARD.replace("capacity: 2", "capacity: 4"))
    await story.available("bob")
    await worked(story, "x1", "awful")
    await worked(story, "x2", "awful")
    await story.request("x3", "awful", sender="+8613")
    await story.request("x4", sender="+8614")
    assert story.holders("x3") == []
    await story.hand("bob", "x4")
    assert story.holders("x3") == ["bob"]


async def test_a_rest_ends_the_row_too() -> None:
    """Ten minutes after the last hard ticket has left Bob's hands, not after he got it."""
    story = await Story.begin(HARD)
    await story.available("bob")
    await worked(story, "x1", "awful")
    await story.request("x2", "awful", sender="+8612")
    await story.hand("bob", "x2")
    await story.request("x3", "awful", sender="+8613")
    await story.at(1000)
    assert story.holders("x3") == []
    await story.command("bob", "resolve", "x2")
    await story.at(1599)
    assert story.holders("x3") == []
    await story.after(1600)
    assert story.holders("x3") == ["bob"]


async def test_a_rest_does_not_end_over_a_hard_ticket() -> None:
    """Of two at once one is done: the rest begins when the other is."""
    story = await Story.begin(HARD)
    await story.available("bob")
    for name in ("x1", "x2"):
        await story.request(name, "awful", sender=f"+86{name}")
        await story.hand("bob", name)
    await story.command("bob", "resolve", "x1")
    await story.request("x3", "awful", sender="+8613")
    await story.at(700)
    assert story.holders("x3") == []
    await story.command("bob", "resolve", "x2")
    await story.after(1300)
    assert story.holders("x3") == ["bob"]


async def test_a_hard_ticket_that_waits_for_its_customer_is_not_in_hands() -> None:
    """The rest runs meanwhile, so that nobody rests for ever."""
    story = await Story.begin(HARD)
    await story.available("bob")
    await worked(story, "x1", "awful")
    await story.request("x2", "awful", sender="+8612")
    await story.hand("bob", "x2")
    await story.command("bob", "pending", "x2")
    await story.request("x3", "awful", sender="+8613")
    await story.after(600)
    assert story.holders("x3") == ["bob"]


async def test_a_resting_agent_may_take_a_hard_ticket() -> None:
    """Protection binds the router; what was taken is counted."""
    story = await Story.begin(HARD)
    await story.available("bob")
    await worked(story, "x1", "awful")
    await worked(story, "x2", "awful")
    await story.request("x3", "awful", sender="+8613")
    assert await story.command("bob", "take", "x3") is None
    assert story.desk.agent("bob").hard == 3


async def test_a_new_rulebook_counts_by_its_own_number() -> None:
    """With three in a row allowed the third is offered at once."""
    story = await Story.begin(HARD)
    await story.available("bob")
    await worked(story, "x1", "awful")
    await worked(story, "x2", "awful")
    await story.request("x3", "awful", sender="+8613")
    await story.enforce(
        rules(HARD + "  # three\n") | {"protection": {"types": ["complaint"], "in_a_row": 3}}
    )
    assert story.holders("x3") == ["bob"]


async def test_nothing_at_all_is_offered_in_the_pause_after_a_hard_ticket() -> None:
    """For two minutes; who is transferred it has the pause too, who waits for a customer not."""
    story = await Story.begin(HARD.replace("in_a_row: 2", "pause: 2m"))
    await story.available("bob")
    await story.request("x1", "awful", sender="+8611")
    await story.hand("bob", "x1")
    await story.request("x2", "court", sender="+8612")
    await story.hand("bob", "x2")
    await story.command("bob", "pending", "x2")
    await story.request("x3", sender="+8613")
    assert story.holders("x3") == ["bob"]
    await story.hand("bob", "x3")
    await story.command("bob", "resolve", "x3")
    await story.command("bob", "transfer", "x1", queue="repairs")
    await story.request("x4", sender="+8614")
    assert story.holders("x4") == []
    await story.after(120)
    assert story.holders("x4") == ["bob"]


@pytest.mark.parametrize("presence", ["away", "offline"])
async def test_a_pause_is_not_ended_by_leaving(presence: str) -> None:
    """Who comes back within it still has it."""
    story = await Story.begin(HARD.replace("in_a_row: 2", "pause: 2m"))
    await story.available("bob")
    await worked(story, "x1", "awful")
    await story.command("bob", "presence", state=presence)
    await story.available("bob")
    await story.request("x2", sender="+8612")
    assert story.holders("x2") == []
    await story.after(120)
    assert story.holders("x2") == ["bob"]


STAGES = """
types: {inquiry: {}, complaint: {}}
stages: {newcomer: {capacity: 1, types: [inquiry]}, junior: {not_types: [complaint]}}
agents: {bob: {capacity: 3, stage: newcomer}, ann: {stage: junior}}
routes:
  - {id: complaint, when: {text: {keywords: [awful]}}, then: {queue: billing, type: complaint}}
  - {id: inquiry, when: {text: {keywords: [how]}}, then: {queue: billing, type: inquiry}}
  - {id: default, then: {queue: billing}}
"""


async def test_newcomers_get_what_their_stage_allows() -> None:
    """One inquiry at once; nothing of another type, or of none."""
    story = await Story.begin(STAGES)
    await story.available("bob")
    await story.request("x1", sender="+8611")
    await story.request("x2", "awful", sender="+8612")
    await story.request("x3", "how", sender="+8613")
    await story.request("x4", "how", sender="+8614")
    await story.hand("bob", "x3")
    assert [story.holders(name) for name in ("x1", "x2", "x4")] == [[], [], []]
    assert await story.command("bob", "take", "x1") == "not_eligible"
    assert await story.command("bob", "take", "x4") == "no_capacity"


async def test_a_stage_may_leave_types_out() -> None:
    """Ann gets everything but complaints."""
    story = await Story.begin(STAGES)
    await story.available("ann")
    await story.request("x1", sender="+8611")
    await story.request("x2", "awful", sender="+8612")
    assert (story.holders("x1"), story.holders("x2")) == (["ann"], [])


async def test_work_of_the_queues_that_come_first_comes_first() -> None:
    """Of a queue with priority 1 the newest comes before the oldest of one with 2."""
    story = await Story.begin("agents: {ann: {queues: {billing: 2, repairs: 1}, capacity: 1}}")
    await story.request("x1", sender="+8611")
    await story.at(5)
    await story.request("x2", "repair", sender="+8612")
    await story.available("ann")
    assert (story.holders("x1"), story.holders("x2")) == ([], ["ann"])
    await story.hand("ann", "x2")
    await story.command("ann", "resolve", "x2")
    assert story.holders("x1") == ["ann"]


async def test_the_next_to_be_taken_is_of_the_queue_that_comes_first() -> None:
    """As with offers; with a list all are equal and the oldest is next."""
    changes = "queues: {billing: {mode: pull}, repairs: {mode: pull}}\n"
    for queues, first in (("{billing: 2, repairs: 1}", "x2"), ("[billing, repairs]", "x1")):
        story = await Story.begin(changes + f"agents: {{ann: {{queues: {queues}}}}}")
        await story.request("x1", sender="+8611")
        await story.at(5)
        await story.request("x2", "repair", sender="+8612")
        await story.available("ann")
        await story.command("ann", "take")
        assert story.ticket(first).agent == "ann"


CALLS = "agents: {ann: {weights: {hotline: all}, capacity: 3}}"
CALL: dict[str, Any] = {
    "channel": "hotline",
    "kind": "call",
    "call": {"id": "1", "outcome": "abandoned"},
}


async def test_a_call_takes_the_whole_of_its_agent() -> None:
    """Only empty hands get it, and nothing comes beside it, whatever the capacity is meanwhile."""
    story = await Story.begin(CALLS)
    await story.available("ann")
    await story.request("x1", sender="+8611")
    await story.request("x2", sender="+8612", **CALL)
    assert story.holders("x2") == []
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    assert story.holders("x2") == ["ann"]
    await story.enforce(rules(CALLS.replace("3", "1000")))
    await story.hand("ann", "x2")
    await story.request("x3", sender="+8613")
    assert await story.command("ann", "take", "x3") == "no_capacity"
    await story.command("ann", "resolve", "x2")
    assert story.holders("x3") == ["ann"]


async def test_a_pending_call_goes_on_only_with_empty_hands() -> None:
    """It took the whole of Ann, and does so again."""
    story = await Story.begin(CALLS)
    await story.available("ann")
    await story.request("x1", sender="+8611", **CALL)
    await story.hand("ann", "x1")
    await story.command("ann", "pending", "x1")
    await story.request("x2", sender="+8612")
    await story.hand("ann", "x2")
    assert await story.command("ann", "resume", "x1") == "no_capacity"
    await story.command("ann", "resolve", "x2")
    assert await story.command("ann", "resume", "x1") is None


async def test_what_becomes_hard_while_it_is_on_offer_counts_in_the_row() -> None:
    """One in a row: Ann, to whom it is on offer, is not offered another; undone, she is."""
    story = await Story.begin("""
types: {complaint: {}, inquiry: {}}
protection: {types: [complaint], in_a_row: 1}
agents: {ann: {capacity: 3}, sue: {pool: service, queues: [], role: supervisor}}
routes:
  - {id: hard, when: {text: {keywords: [awful]}}, then: {queue: billing, type: complaint}}
  - {id: default, then: {queue: billing, type: inquiry}}
""")
    await story.available("ann")
    await story.request("x1", "hello")
    assert await story.command("sue", "update", "x1", type="complaint") is None
    await story.request("x2", "awful", sender="+8611")
    assert (story.holders("x1"), story.holders("x2")) == (["ann"], [])
    assert await story.command("sue", "update", "x1", type="inquiry") is None
    assert story.holders("x2") == ["ann"]


RESTS = """
types: {complaint: {}, inquiry: {}}
protection: {types: [complaint], in_a_row: 1, rest: 10m}
agents: {ann: {capacity: 3}, sue: {pool: service, queues: [], role: supervisor}}
slas: {standard: {first_response: null}}
routes: [{id: default, then: {queue: billing, type: complaint}}]
"""


async def test_a_rest_begins_when_what_is_in_hands_turns_out_not_to_be_hard() -> None:
    """An hour of an inquiry is no hour of complaints: ten minutes on, Ann is asked again."""
    story = await Story.begin(RESTS)
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(60)
    await story.command("sue", "update", "x1", type="inquiry")
    await story.request("x2", sender="+8611")
    await story.at(660)
    assert story.holders("x2") == []
    await story.after(660)
    assert story.holders("x2") == ["ann"]


async def test_who_rests_under_rules_that_come_back_does_not_rest_for_ever() -> None:
    """What was resolved while nothing was hard began no rest: it begins with the rules."""
    story = await Story.begin(RESTS)
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.enforce(rules(RESTS.replace("types: [complaint], in_a_row: 1,", "")))
    await story.command("ann", "resolve", "x1")
    await story.enforce(rules(RESTS))
    await story.request("x2", sender="+8611")
    assert story.holders("x2") == []
    await story.after(600)
    assert story.holders("x2") == ["ann"]
