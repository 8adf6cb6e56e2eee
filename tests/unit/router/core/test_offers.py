"""Who is offered what, who hears of it, and what a refusal does."""

from tests.unit.router.core.cores import (
    Core,
    activation,
    at,
    fields_of,
    of,
    triaged,
    types,
)
from tests.unit.router.core.story import START, Story, rules

CHAIN = """
queues:
  repairs:
    offer_timeout: 30s
    targets: [{skills: {}, for: 20s}, {queues: [rescue], for: 20s}, {skills: {}, for: 20s}]
agents: {cat: {pool: service, queues: [rescue]}}
"""


async def test_the_desktops_of_a_widened_queue_see_the_offer_to_their_agent() -> None:
    """Dan serves only `rescue`: its topic tells him of the offer, the message and the end."""
    story = await Story.begin(CHAIN)
    await story.request("x1", text="repair it")
    await story.available("dan")
    await story.at(21)
    await story.hand("dan", "x1")
    await story.request("x2", text="are you coming?")
    await story.command("dan", "resolve", "x1")
    assert story.types("x1", "agent.queue.rescue") == [
        "ticket.queued", "ticket.overflowed", "ticket.offered", "ticket.assigned",
        "ticket.message", "ticket.removed",
    ]  # fmt: skip


async def test_an_agent_of_a_widened_queue_keeps_the_ticket_on_the_desk() -> None:
    """Nothing that the agent's topics tell between assignment and resolution removes it."""
    story = await Story.begin(CHAIN)
    await story.request("x1", text="repair it")
    await story.available("dan")
    await story.at(21)
    await story.hand("dan", "x1")
    assert "ticket.removed" not in story.types("x1", "agent.queue.rescue")


async def test_a_queue_that_the_chain_leaves_again_is_told_so() -> None:
    """For its desktops the ticket is gone; the chain's own queue goes on."""
    story = await Story.begin(CHAIN)
    await story.request("x1", text="repair it")
    await story.at(41)
    assert story.types("x1", "agent.queue.rescue")[-1] == "ticket.removed"
    assert "ticket.removed" not in story.types("x1", "agent.queue.repairs")
    await story.available("dan")
    assert story.holders("x1") == []


LADDER = (
    CHAIN
    + """
slas: {standard: {first_response: 1h, ladder: duty}}
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead]}
    - {level: 2, after: 30s, notify: [manager], raise_priority: 1}
    - {level: 3, after: 60s, notify: [director], move_to: rescue}
"""
)


async def test_a_chain_ends_with_a_parked_ticket_that_can_still_be_taken() -> None:
    """Nobody came in time: it stays visible, its clocks run on, an agent may take it."""
    story = await Story.begin("queues: {repairs: {mode: pull, targets: [{skills: {}, for: 60s}]}}")
    await story.request("x1", text="repair it")
    await story.after(61)
    assert story.one("ticket.parked", "x1").data["reason"] == "targets_exhausted"
    assert [one.at for one in story.events("sla.breached", "x1")] == [60, 60]
    await story.available("ann")
    assert story.holders("x1") == []
    assert await story.command("ann", "take", "x1") is None
    assert story.one("ticket.assigned", "x1").data["offer"] is None


async def test_a_parked_ticket_is_escalated_level_by_level() -> None:
    """The end of the chain is a breach of the queue's own target; the ladder follows it."""
    story = await Story.begin(LADDER)
    await story.request("x1", text="repair it")
    await story.at(125)
    told = [
        (one.at, one.type, one.data["target"], one.data.get("notify"))
        for one in story.told
        if one.topic == "sla.escalations"
    ]
    assert told == [
        (60, "sla.breached", "queue_time", None),
        (60, "sla.escalated", "queue_time", ["lead"]),
        (90, "sla.escalated", "queue_time", ["manager"]),
        (120, "sla.escalated", "queue_time", ["director"]),
        (120, "sla.cleared", "queue_time", None),
    ]
    assert (story.ticket("x1").priority, story.ticket("x1").queue) == (1, "rescue")
    raised = story.one("ticket.requeued", "x1", "agent.queue.repairs").data
    assert (raised["reason"], raised["priority"]) == ("priority_raised", 1)


async def test_a_parked_ticket_is_offered_to_whoever_comes_free() -> None:
    """Its alarm stands while the offer is open and is over when somebody has it."""
    story = await Story.begin(CHAIN)
    await story.request("x1", text="repair it")
    await story.at(65)
    await story.available("ann")
    assert story.holders("x1") == ["ann"]
    assert story.events("sla.cleared") == []
    await story.command("ann", "decline", "x1")
    await story.at(96)
    assert len(story.events("ticket.parked")) == 1
    await story.hand("ann", "x1")
    cleared = story.one("sla.cleared", "x1", "sla.escalations").data
    assert (cleared["target"], cleared["reason"]) == ("queue_time", "assigned")


async def test_a_chain_begins_when_the_ticket_comes_to_the_queue() -> None:
    """After an hour elsewhere the ticket keeps its age, and the new queue's agents their time."""
    story = await Story.begin(CHAIN)
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(3600)
    await story.command("ann", "presence", state="busy")
    await story.command("ann", "transfer", "x1", queue="repairs")
    ticket = story.ticket("x1")
    assert (ticket.enqueued_at, ticket.chain_since) == (START, story.now)
    await story.at(3659)
    assert story.events("ticket.parked") == []
    await story.at(3661)
    assert story.events("ticket.parked")


async def test_lost_work_goes_on_in_its_chain_with_its_age() -> None:
    """Who has waited for long is widened at once."""
    story = await Story.begin(CHAIN + "presence: {grace: 5s}")
    await story.available("ann")
    await story.request("x1", text="repair it")
    await story.hand("ann", "x1")
    await story.at(30)
    await story.command("ann", "presence", state="offline")
    await story.at(36)
    assert story.ticket("x1").place == 1


def test_a_step_that_passed_while_the_router_was_down_begins_anew() -> None:
    """Nobody could be asked then: parking everything at once would forget nobody's absence."""
    core, order = Core(CHAIN), triaged(queue="repairs")
    core.step(order)
    core.core.caught_up(at(500))
    core.core.journal.committed()
    assert "ticket.overflowed" not in types(core.fire(519))
    assert "ticket.overflowed" in types(core.fire(521))


def test_a_step_that_has_time_left_after_a_restart_keeps_it() -> None:
    """A short stop changes nothing."""
    core, order = Core(CHAIN), triaged(queue="repairs")
    core.step(order)
    core.core.caught_up(at(10))
    core.core.journal.committed()
    assert "ticket.overflowed" in types(core.fire(21))


def test_an_offer_keeps_the_time_that_it_was_given() -> None:
    """A short stop, after which new rules allow less: the desktop was told when it expires."""
    core, order = Core("queues: {billing: {offer_timeout: 30s}}"), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    shorter = activation(2, rules("queues: {billing: {offer_timeout: 5s}}"))
    core.step(shorter, 2)
    core.core.caught_up(at(10))
    core.core.journal.committed()
    assert "ticket.offer_expired" not in types(core.fire(29))
    assert "ticket.offer_expired" in types(core.fire(31))


async def test_a_step_without_an_end_waits_for_ever() -> None:
    """A chain need not park anybody."""
    story = await Story.begin("queues: {repairs: {targets: [{skills: {}}]}}")
    await story.request("x1", text="repair it")
    await story.at(100_000)
    assert story.ticket("x1").state.value == "queued"


async def test_a_transfer_out_of_a_widened_queue_is_told_to_all_who_saw_the_ticket() -> None:
    """Both topics have it removed."""
    story = await Story.begin(CHAIN)
    await story.request("x1", text="repair it")
    await story.available("dan")
    await story.at(21)
    await story.hand("dan", "x1")
    assert await story.command("dan", "transfer", "x1", queue="billing") is None
    for topic in ("agent.queue.repairs", "agent.queue.rescue"):
        assert story.types("x1", topic)[-1] == "ticket.removed"


async def test_the_agent_who_knows_the_customer_is_asked_first() -> None:
    """A reopened ticket goes back to Bob although Ann has more to spare."""
    story = await Story.begin()
    await story.available("bob")
    await story.request("x1")
    await story.hand("bob", "x1")
    await story.command("bob", "resolve", "x1")
    await story.available("ann")
    await story.at(5)
    await story.request("x2", text="it is back")
    assert story.holders("x1") == ["bob", "bob"]
    explanation = story.events("ticket.offered", "x1")[-1].data["explanation"]
    assert (explanation["by"], explanation["eligible"]) == ("sticky", 2)


async def test_an_offer_says_why_the_others_were_not_asked() -> None:
    """Each agent of the queue who cannot have it is counted by reason."""
    story = await Story.begin("""
        routes: [{id: default, then: {queue: billing, skills: {zh: 1}}}]
        agents: {ann: {skills: {zh: 1}}, cat: {pool: service, queues: [billing]}}
    """)
    await story.available("ann", "bob")
    await story.request("x1")
    explanation = story.one("ticket.offered", "x1").data["explanation"]
    assert explanation["not_eligible"] == {"offline": 1, "skills": 1}
    assert (explanation["by"], explanation["skills"]) == ("only_one", {"zh": 1})


async def test_who_has_refused_one_ticket_is_offered_the_next() -> None:
    """A refusal is the ticket's own: what waits behind it is not held up."""
    story = await Story.begin("queues: {billing: {offer_timeout: 30s}}")
    await story.available("bob")
    await story.request("x1")
    await story.at(1)
    await story.request("x2", sender="+8611")
    await story.command("bob", "decline", "x1", reason="not mine")
    assert story.holders("x2") == ["bob"]
    assert story.one("ticket.offer_declined", "x1").data["reason"] == "not mine"


async def test_who_has_refused_everything_is_left_alone_for_a_while() -> None:
    """After the offer's timeout the refusal is forgotten, and the same agent is asked again."""
    story = await Story.begin("queues: {billing: {offer_timeout: 30s}}")
    await story.available("bob")
    await story.request("x1")
    await story.command("bob", "decline", "x1")
    assert story.holders("x1") == ["bob"]
    await story.at(30)
    assert story.holders("x1") == ["bob"]
    await story.after(30)
    assert story.holders("x1") == ["bob", "bob"]


async def test_an_offer_that_nobody_answers_goes_to_the_next_agent() -> None:
    """Bob has not answered: Ann is asked, and Bob not again at once."""
    story = await Story.begin("agents: {ann: {capacity: 1}}")
    await story.available("bob")
    await story.request("x1")
    await story.available("ann")
    await story.after(10)
    assert story.one("ticket.offer_expired", "x1").data["agent"] == "bob"
    assert story.holders("x1") == ["bob", "ann"]


async def test_two_refusals_are_forgotten_each_in_its_own_time() -> None:
    """Bob refused at 1, Ann at 6; at 12 only Bob may be asked again."""
    story = await Story.begin()
    await story.available("bob")
    await story.request("x1")
    await story.at(1)
    await story.command("bob", "decline", "x1")
    await story.available("ann")
    await story.at(6)
    await story.command("ann", "decline", "x1")
    assert len(story.ticket("x1").refusals) == 2
    await story.after(11)
    assert story.holders("x1") == ["bob", "ann", "bob"]
    assert [one.agent for one in story.ticket("x1").refusals] == ["ann"]


async def test_a_queue_that_is_pulled_offers_nothing() -> None:
    """Its tickets wait to be taken, the oldest first."""
    story = await Story.begin("queues: {billing: {mode: pull}}")
    await story.available("bob")
    await story.request("x1")
    await story.at(1)
    await story.request("x2", sender="+8611")
    assert story.events("ticket.offered") == []
    assert await story.command("bob", "take") is None
    assert story.ticket("x1").agent == "bob"


async def test_freed_agents_get_the_most_urgent_work_first() -> None:
    """Two come at once: priority, then age decide, not the order in which work came."""
    story = await Story.begin("""
        queues: {billing: {aging: 1h}}
        routes:
          - {id: vip, when: {text: {keywords: [urgent]}}, then: {queue: billing, priority: 3}}
          - {id: default, then: {queue: billing}}
    """)
    await story.request("x1", sender="+8611")
    await story.at(1)
    await story.request("x2", sender="+8612", text="urgent")
    await story.available("bob")
    assert (story.holders("x1"), story.holders("x2")) == ([], ["bob"])


async def test_what_seeks_an_agent_in_one_step_is_served_in_the_order_of_the_queue() -> None:
    """Ann leaves with two tickets on offer: Bob, who can have one, gets the older one."""
    story = await Story.begin("agents: {ann: {capacity: 2}}")
    await story.available("ann")
    await story.request("x1", sender="+8611")
    await story.at(1)
    await story.request("x2", sender="+8612")
    await story.available("bob")
    await story.command("ann", "presence", state="away")
    assert story.holders("x1") == ["ann", "bob"]
    assert story.holders("x2") == ["ann"]
    assert story.ticket("x1").enqueued_at == START


async def test_agents_who_are_freed_together_share_the_work_in_its_order() -> None:
    """A rulebook sets Ann and Dan to work at once: the oldest of both their queues goes first."""
    story = await Story.begin("agents: {ann: {queues: []}, dan: {queues: []}}")
    await story.available("ann", "dan")
    await story.request("x1", text="repair it")
    await story.at(1)
    await story.request("x2", sender="+8611")
    changed = rules("agents: {ann: {queues: [repairs]}, dan: {queues: [billing]}}")
    await story.enforce(changed)
    offers = [one.data["agent"] for one in story.events("ticket.offered")]
    assert offers == ["ann", "dan"]


async def test_a_parked_ticket_follows_another_ladder() -> None:
    """The levels that were reached stay; the next one is the new ladder's."""
    story = await Story.begin(LADDER)
    await story.request("x1", text="repair it")
    await story.at(70)
    book = rules(LADDER)
    book["ladders"]["duty"] = [
        {"level": 1, "after": "0s", "notify": ["lead"]},
        {"level": 2, "after": "20s", "notify": ["owner"]},
    ]
    await story.enforce(book)
    await story.at(200)
    told = [(one.at, one.data["notify"]) for one in story.events("sla.escalated", "x1")]
    assert told == [(60, ["lead"]), (80, ["owner"])]


async def test_a_transferred_ticket_goes_to_somebody_else_first() -> None:
    """Who gives a ticket to another queue is not the one who knows its customer best there."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1", "repair")
    await story.hand("ann", "x1")
    await story.available("bob")
    assert await story.command("ann", "transfer", "x1", queue="billing") is None
    assert story.holders("x1") == ["ann", "bob"]


async def test_a_transferred_ticket_comes_back_where_there_is_nobody_else() -> None:
    """Who gave it away is asked again when they would be after declining it."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1", "repair")
    await story.hand("ann", "x1")
    assert await story.command("ann", "transfer", "x1", queue="billing") is None
    assert story.holders("x1") == ["ann"]
    await story.after(10)
    assert story.holders("x1") == ["ann", "ann"]


def test_a_chain_that_ends_late_breaches_when_the_promised_time_was_over() -> None:
    """Ann goes when both are past; no timer has fired yet: the sooner of the two is told."""
    core = Core("""
        slas: {standard: {queue_time: 20s}}
        queues: {billing: {offer_timeout: 5m, targets: [{for: 30s}]}}
    """)
    core.command("ann", "presence", state="available")
    core.step(triaged())
    outputs = core.command("ann", "presence", 60, state="away")
    assert "ticket.parked" in types(outputs)
    (breached,) = {one.id: one for one in of(outputs, "sla.breached")}.values()
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:20Z"


def test_a_chain_that_ends_before_the_promised_time_is_told_first() -> None:
    """One late look at the ticket finds both: the breach is the chain's end, which came sooner."""
    core = Core("""
        slas: {standard: {queue_time: 31s}}
        queues: {billing: {targets: [{for: 30s}]}}
    """)
    core.step(triaged())
    (breached,) = {one.id: one for one in of(core.fire(60), "sla.breached")}.values()
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:30Z"


def test_a_chain_ends_when_its_ticket_has_come_back() -> None:
    """What is on offer beyond its step's time is not parked before the offer is seen to be over."""
    core = Core("""
        slas: {standard: {queue_time: 31s}}
        queues: {billing: {offer_timeout: 10s, targets: [{for: 30s}]}}
    """)
    core.command("ann", "presence", state="available")
    core.step(triaged())
    outputs = core.fire(32)
    assert "ticket.parked" in types(outputs)
    (breached,) = {one.id: one for one in of(outputs, "sla.breached")}.values()
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:31Z"


def test_a_chain_without_a_promised_time_ends_when_its_ticket_has_come_back() -> None:
    """Else a rulebook that promises more than the chain would find it breached before."""
    core = Core("queues: {billing: {offer_timeout: 10s, targets: [{for: 30s}]}}")
    core.command("ann", "presence", state="available")
    core.step(triaged())
    (breached,) = {one.id: one for one in of(core.fire(32), "sla.breached")}.values()
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:32Z"


def test_steps_that_are_over_together_end_one_by_one() -> None:
    """A late look finds two: the second ended at its own time, not when somebody looked."""
    core = Core("queues: {billing: {targets: [{for: 30s}, {for: 15s}]}}")
    core.step(triaged())
    outputs = core.fire(60)
    assert types(outputs).count("ticket.overflowed") == 1
    (breached,) = {one.id: one for one in of(outputs, "sla.breached")}.values()
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:45Z"


def test_what_the_ladder_does_before_the_chain_ends_is_done_first() -> None:
    """A late look: the ticket left after 40 s, and was never parked."""
    core = Core("""
        slas: {standard: {first_response: 40s, ladder: duty}}
        ladders: {duty: [{level: 1, after: 0s, move_to: rescue}]}
        queues: {billing: {targets: [{for: 30s}, {for: 15s}]}}
    """)
    core.step(triaged())
    told = types(core.fire(60))
    assert "ticket.transferred" in told
    assert "ticket.parked" not in told


def test_what_is_on_offer_beyond_its_step_lapses_in_time() -> None:
    """The step's end is nothing to a ticket that does not wait."""
    core = Core("""
        slas: {standard: {first_response: 40s}}
        queues: {billing: {offer_timeout: 5m, targets: [{for: 30s}]}}
    """)
    core.command("ann", "presence", state="available")
    core.step(triaged())
    assert "sla.breached" in types(core.fire(41))


def test_whoever_was_gone_before_a_restart_keeps_the_grace_that_was_left() -> None:
    """New rules give less; the ticket does not go back sooner than it would have."""
    core, order = Core("presence: {grace: 60s}"), triaged()
    core.command("ann", "presence", state="available")
    core.step(order)
    core.command("ann", "accept", 1, ticket=order.ticket)
    core.command("ann", "presence", 2, state="offline")
    core.step(activation(2, rules("presence: {grace: 5s}")), 3)
    core.core.caught_up(at(10))
    core.core.journal.committed()
    assert "ticket.requeued" not in types(core.fire(61))
    assert "ticket.requeued" in types(core.fire(63))
