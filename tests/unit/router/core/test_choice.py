"""Whom a queue asks first, and what its chain of targets does besides relaxing skills."""

import pytest
from msgspec.structs import replace

from tests.unit.router.core.cores import Core, triaged, types
from tests.unit.router.core.story import Story, rules

FOUR = """
queues: {{billing: {{strategy: {strategy}}}}}
agents:
  ann: {{queues: [billing], capacity: 4, skills: {{zh: 2, en: 1}}}}
  bob: {{queues: [billing], capacity: 6, skills: {{zh: 1, en: 5}}}}
  cat: {{pool: service, queues: [billing], capacity: 2, skills: {{zh: 3, en: 1}}}}
"""
FIRST = {
    "spare-capacity": ["bob", "bob", "ann", "bob", "ann", "bob"],
    "longest-idle": ["ann", "bob", "cat", "ann", "bob", "cat"],
    "least-loaded": ["ann", "bob", "cat", "bob", "ann", "bob"],
    "round-robin": ["ann", "bob", "cat", "ann", "bob", "cat"],
    "best-skill": ["bob", "bob", "ann", "bob", "ann", "bob"],
}


@pytest.mark.parametrize(("strategy", "asked"), FIRST.items())
async def test_each_strategy_asks_in_its_own_order(strategy: str, asked: list[str]) -> None:
    """Six customers, one after another; everybody accepts at once."""
    story = await Story.begin(FOUR.format(strategy=strategy))
    await story.available("ann", "bob", "cat")
    for number in range(1, 7):
        await story.at(number)
        await story.request(f"x{number}", sender=f"+861{number}")
        (agent,) = story.holders(f"x{number}")
        await story.hand(agent, f"x{number}")
    assert [story.events("ticket.offered", f"x{n}")[0].data["agent"] for n in range(1, 7)] == asked
    why = story.events("ticket.offered", "x1")[0].data["explanation"]["by"]
    assert why == strategy.replace("-", "_")


async def test_the_best_skilled_is_who_has_most_of_what_is_asked_for() -> None:
    """Only the skills that the ticket asks for count."""
    story = await Story.begin(
        FOUR.format(strategy="best-skill")
        + "routes: [{id: zh, then: {queue: billing, skills: {zh: 1}}}]\n"
    )
    await story.available("ann", "bob", "cat")
    await story.request("x1")
    assert story.holders("x1") == ["cat"]


async def test_the_agent_whom_the_customer_knows_is_asked_first() -> None:
    """Across tickets, and only within the queue's bound."""
    story = await Story.begin("""
queues: {billing: {sticky: 1h}}
agents: {ann: {capacity: 5}, bob: {capacity: 1}}
threading: {reopen: 1s, window: {sms: 1s}}
""")
    await story.available("bob")
    await story.request("x1")
    await story.hand("bob", "x1")
    await story.command("bob", "resolve", "x1")
    await story.available("ann")
    await story.at(60)
    await story.request("x2")
    assert story.holders("x2") == ["bob"]
    assert story.events("ticket.offered", "x2")[0].data["explanation"]["by"] == "sticky"
    await story.request("other", sender="+8620")
    assert story.holders("other") == ["ann"]
    await story.hand("ann", "other")
    await story.hand("bob", "x2")
    await story.command("bob", "resolve", "x2")
    await story.at(2 * 3600)
    await story.request("x3")
    assert story.holders("x3") == ["ann"]


async def test_who_looks_after_a_customer_comes_before_who_had_the_last_ticket() -> None:
    """The customer's `account_agent`, at any time, when they can be given it."""
    story = await Story.begin("""
agents: {ann: {capacity: 5}, bob: {capacity: 1}}
customers: {wang: {addresses: {sms: ["+8610"]}, account_agent: bob}}
threading: {reopen: 1s, window: {sms: 1s}}
""")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    await story.available("bob")
    await story.at(60)
    await story.request("x2")
    assert story.holders("x2") == ["bob"]
    why = story.events("ticket.offered", "x2")[0].data["explanation"]["by"]
    assert why == "account_agent"


async def test_a_mixed_queue_leaves_its_tickets_to_be_taken_and_then_offers_them() -> None:
    """For `push_after` nobody is offered it; whoever takes it has it."""
    story = await Story.begin("queues: {billing: {mode: mixed, push_after: 30s}}")
    await story.available("ann")
    await story.request("x1")
    await story.request("x2", sender="+8611")
    assert await story.command("ann", "take", "x1") is None
    await story.at(29)
    assert story.holders("x2") == []
    await story.after(30)
    assert story.holders("x2") == ["ann"]


async def test_a_step_is_passed_over_when_nobody_is_available_for_it() -> None:
    """Somebody who is there but full is available, somebody who is away is not."""
    story = await Story.begin("""
queues:
  billing:
    targets: [{skills: {zh: 3}, skip_if: nobody-available, for: 60s}, {skills: {zh: 0}}]
agents: {ann: {capacity: 1, skills: {zh: 3}}}
""")
    await story.available("bob")
    await story.request("x1")
    assert story.holders("x1") == ["bob"]
    await story.available("ann")
    await story.request("x2", sender="+8611")
    await story.request("x3", sender="+8612")
    assert story.holders("x2") == ["ann"]
    assert story.ticket("x3").place == 0


async def test_a_last_step_that_is_passed_over_ends_the_chain_now() -> None:
    """Not when its time would have been over: nothing breaches in the future."""
    story = await Story.begin("""
queues: {billing: {targets: [{for: 20s}, {for: 60s, skip_if: nobody-available}]}}
""")
    await story.request("x1")
    await story.after(20)
    assert story.one("ticket.parked", "x1").at == 20
    assert story.one("sla.breached", "x1").data["lapsed_at"] == "2027-03-01T09:00:20Z"


LATE = """
queues: {billing: {offer_timeout: 60s, targets: [{for: 10s}, {skills: {zh: 1}, for: 20s}, STEP]}}
agents: {ann: {skills: {zh: 1}}}
"""


@pytest.mark.parametrize(
    ("seconds", "step", "place", "holders"),
    [
        (9, "{queues: [rescue]}", 0, ["ann", "bob"]),
        (10, "{queues: [rescue]}", 0, ["ann", "bob"]),
        (11, "{queues: [rescue]}", 1, ["ann"]),
        (31, "{queues: [rescue]}", 2, ["ann", "bob"]),
        (31, "{move_to: claims}", 0, ["ann", "eve"]),
    ],
)
async def test_after_a_long_offer_nobody_is_asked_in_a_step_that_is_over(
    seconds: float, step: str, place: int, holders: list[str]
) -> None:
    """An offer that runs on past the step's end holds the chain up, but not its times."""
    story = await Story.begin(LATE.replace("STEP", step))
    await story.available("ann", "eve")
    await story.request("x1")
    await story.available("bob")
    await story.at(seconds)
    await story.command("ann", "decline", "x1")
    assert (story.ticket("x1").place, story.holders("x1")) == (place, holders)


async def test_lost_work_is_not_offered_in_a_step_that_is_over() -> None:
    """Ann had it for longer than the step lasts: Bob, who suits only that one, is not asked."""
    story = await Story.begin(LATE.replace("STEP", "{queues: [rescue]}") + "presence: {grace: 5s}")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.available("bob")
    await story.at(12)
    await story.command("ann", "presence", state="offline")
    await story.after(17)
    assert (story.ticket("x1").place, story.holders("x1")) == (1, ["ann"])


async def test_overflow_gives_the_ticket_to_another_pool() -> None:
    """With its age and its clocks; there the chain begins anew."""
    story = await Story.begin("""
queues: {billing: {targets: [{for: 20s}, {move_to: claims}]}, claims: {targets: [{for: 30s}]}}
""")
    await story.request("x1")
    await story.available("eve")
    await story.at(19)
    assert story.holders("x1") == []
    await story.after(20)
    (moved,) = story.events("ticket.transferred", "x1")
    assert (moved.data["queue"], moved.data["reason"]) == ("claims", "overflowed")
    assert story.holders("x1") == ["eve"]


async def test_a_queue_may_be_a_way_to_another() -> None:
    """A chain that begins with `move_to` gives every ticket on at once."""
    story = await Story.begin("queues: {billing: {targets: [{move_to: rescue}]}}")
    await story.available("dan")
    await story.request("x1")
    assert story.ticket("x1").queue == "rescue"
    assert story.holders("x1") == ["dan"]


async def test_after_so_many_offers_in_vain_the_ticket_is_parked() -> None:
    """Somebody must look; who comes free later is still offered it."""
    story = await Story.begin("queues: {billing: {max_offers: 2, reoffer_after: 1h}}")
    await story.available("ann", "bob")
    await story.request("x1")
    for agent in ("ann", "bob"):
        await story.command(agent, "decline", "x1")
    (parked,) = story.events("ticket.parked", "x1")
    assert parked.data["reason"] == "offers_exhausted"
    assert [one.data["target"] for one in story.events("sla.breached", "x1")] == ["queue_time"]
    story.forget()
    await story.after(3600)
    assert story.holders("x1") == ["ann"]


async def test_after_fewer_offers_than_before_where_new_rules_say_so() -> None:
    """Two were in vain when two became one: the third parks it, and no other one does again."""
    several = "queues: {billing: {max_offers: 5, reoffer_after: 1s}}"
    story = await Story.begin(several)
    await story.available("ann")
    await story.request("x1")
    for second in (2, 4):
        await story.command("ann", "decline", "x1")
        await story.after(second)
    await story.enforce(rules("queues: {billing: {max_offers: 1, reoffer_after: 1s}}"))
    for second in (6, 8, 10):
        await story.command("ann", "decline", "x1")
        await story.after(second)
    assert story.types("x1").count("ticket.parked") == 1
    assert story.holders("x1") == ["ann"] * 6


async def test_a_ticket_whose_chain_has_ended_is_not_parked_by_offers_as_well() -> None:
    """Somebody has been told to look."""
    queue = "{max_offers: 2, reoffer_after: 1s, targets: [{skills: {}, for: 3s}]}"
    story = await Story.begin(f"queues: {{billing: {queue}}}")
    await story.request("x1")
    await story.after(3)
    await story.available("ann")
    for second in (6, 8, 10):
        await story.command("ann", "decline", "x1")
        await story.after(second)
    parked = story.events("ticket.parked", "x1")
    assert [one.data["reason"] for one in parked] == ["targets_exhausted"]


async def test_who_refused_is_asked_again_after_a_while() -> None:
    """After `reoffer_after`, not before."""
    story = await Story.begin("queues: {billing: {reoffer_after: 90s}}")
    await story.available("ann")
    await story.request("x1")
    await story.command("ann", "decline", "x1")
    story.forget()
    await story.at(89)
    assert story.holders("x1") == []
    await story.after(90)
    assert story.holders("x1") == ["ann"]


def test_who_takes_the_next_ticket_hears_first_what_has_lapsed_for_it() -> None:
    """The timers may be behind: what was due before the command is told before it is done."""
    core = Core("slas: {standard: {queue_time: 10s}}")
    core.command("bob", "presence", 0, state="available")
    core.command("bob", "presence", 0, state="busy")
    core.step(triaged())
    core.command("bob", "presence", 11, state="away")
    core.core.desk.agents.put(
        "bob", replace(core.core.desk.agents.rows["bob"], presence="available")
    )
    outputs = core.command("bob", "take", 12)
    assert types(outputs)[:2] == ["sla.breached", "ticket.assigned"]


def test_a_ticket_whose_chain_ends_with_its_offer_is_parked_once() -> None:
    """The offer lapses when the last step is over, and nobody is there for it either."""
    core = Core("""
        queues:
          billing:
            offer_timeout: 30s
            targets: [{for: 20s, skip_if: nobody-available}]
        presence: {missed_offers: 1}
    """)
    core.command("ann", "presence", state="available")
    core.step(triaged())
    assert types(core.fire(60)).count("ticket.parked") == 1
