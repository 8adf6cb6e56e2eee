"""A new rulebook while work is going on: nothing is lost, nothing starts over."""

import pytest
import yaml

from channels.contract import encode
from channels.errors import Malformed
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated
from router.core.outputs import Given
from router.world import LETTERHEAD
from tests.unit.router.core.cores import Core, activation, at, fields_of, of, triaged, types
from tests.unit.router.core.story import START, Story, merged, rules

NO_REPAIRS = """
pools: {service: {queues: [billing, rescue]}}
queues: {repairs: null}
agents: {ann: {queues: [billing]}}
routes: [{id: default, then: {queue: billing, sla: standard}}]
"""

NO_SERVICE = """
pools: {service: null, office: {queues: [claims, letters]}}
queues: {billing: null, repairs: null, rescue: null, letters: {}}
agents: {ann: null, bob: null, dan: null}
routes: [{id: default, then: {queue: claims, sla: standard}}]
"""

MOVED_QUEUE = """
pools: {service: {queues: [billing, rescue]}, office: {queues: [claims, repairs]}}
agents: {ann: {queues: [billing]}, eve: {queues: [claims, repairs]}}
"""


async def brought(story: Story, agent: str, before: str) -> None:
    """Ticket x1 is offered to the agent, assigned to them or pending with them."""
    await story.request("x1")
    if before != "offered":
        await story.hand(agent, "x1")
    if before == "pending":
        await story.command(agent, "pending", "x1")


@pytest.mark.parametrize("before", ["queued", "offered", "assigned", "pending", "parked"])
async def test_work_of_a_removed_queue_waits_in_its_pool_with_its_age(before: str) -> None:
    """Whatever was being done with it, it is offered anew, and its old queue's desktops know."""
    story = await Story.begin("queues: {repairs: {targets: [{skills: {}, for: 1s}]}}")
    if before in {"offered", "assigned", "pending"}:
        await story.available("ann")
    await story.request("x1", text="repair it")
    if before in {"assigned", "pending"}:
        await story.hand("ann", "x1")
    if before == "pending":
        await story.command("ann", "pending", "x1")
    if before == "parked":
        await story.at(3)
    assert story.ticket("x1").state.value == before
    await story.enforce(rules(NO_REPAIRS))
    ticket = story.ticket("x1")
    assert (ticket.queue, ticket.enqueued_at) == ("billing", START)
    removed = story.one("ticket.removed", "x1", "agent.queue.repairs").data
    assert removed["reason"] == "queue_removed"
    assert story.events("ticket.queued", "x1", "agent.queue.billing")
    await story.available("bob")
    await story.at(20)
    assert {"ann", "bob"} & set(story.holders("x1"))


@pytest.mark.parametrize("changes", [NO_SERVICE, MOVED_QUEUE], ids=["pool gone", "queue moved"])
async def test_work_whose_queue_leaves_its_pool_goes_to_the_pool_that_serves_it(
    changes: str,
) -> None:
    """The rulebook takes effect, and the agents of the other pool are offered the ticket."""
    story = await Story.begin()
    await story.available("ann", "eve")
    await story.request("x1", text="repair it")
    await story.enforce(rules(changes))
    ticket = story.ticket("x1")
    assert ticket.pool == "office"
    assert ticket.queue == ("claims" if changes == NO_SERVICE else "repairs")
    assert story.holders("x1") == ["ann", "eve"]
    assert story.dispatch.activation == 2


@pytest.mark.parametrize(
    ("changes", "queue", "pool", "agent"),
    [
        (NO_REPAIRS, "billing", "service", "ann"),
        (NO_SERVICE, "claims", "office", "eve"),
        (MOVED_QUEUE, "repairs", "office", "eve"),
    ],
    ids=["gone", "gone with its pool", "another pool's"],
)
@pytest.mark.parametrize("by", ["customer", "agent"])
async def test_what_was_resolved_in_a_queue_that_is_gone_is_reopened_in_its_home(
    changes: str, queue: str, pool: str, agent: str, by: str
) -> None:
    """A customer who writes again is heard, whatever the rulebook has become meanwhile."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1", text="repair it")
    await story.hand("ann", "x1")
    assert await story.command("ann", "resolve", "x1") is None
    await story.enforce(rules(changes))
    await story.available(agent)
    if by == "customer":
        await story.request("x2", text="it is broken again")
    else:
        assert await story.command(agent, "reopen", "x1") is None
    ticket = story.ticket("x1")
    assert (ticket.queue, ticket.pool, ticket.state.value) == (queue, pool, "offered")
    assert story.holders("x1")[-1] == agent


def test_an_order_for_a_queue_that_is_gone_by_now_is_taken_on_by_its_pool() -> None:
    """Triage decided under the former rulebook; the customer was told that we have it."""
    core = Core(NO_REPAIRS)
    outputs = core.step(triaged(queue="repairs"))
    assert fields_of(of(outputs, "ticket.queued")[0])["queue"] == "billing"


def test_an_order_for_a_pool_that_is_gone_by_now_goes_to_another() -> None:
    """The ticket is opened, and written whole to the pool that takes the work over."""
    core = Core(NO_SERVICE)
    outputs = core.step(triaged())
    (move,) = of(outputs, "ticket.moved")
    assert move.key == "office"
    assert of(core.take_in(move), "ticket.queued")


@pytest.mark.parametrize("before", ["offered", "assigned", "pending"])
async def test_work_of_a_removed_agent_is_given_to_others(before: str) -> None:
    """It keeps its age; what Bob held for the customer is Ann's now."""
    story = await Story.begin("slas: {standard: {pause: [pending]}}")
    await story.available("bob")
    await brought(story, "bob", before)
    await story.available("ann")
    await story.enforce(rules("agents: {bob: null}"))
    assert story.holders("x1") == ["bob", "ann"]
    assert story.ticket("x1").enqueued_at == START


async def test_the_clocks_of_a_pending_ticket_run_again_when_its_agent_is_removed() -> None:
    """It waits for us, no longer for the customer: it lapses when it should."""
    story = await Story.begin("slas: {standard: {pause: [pending]}}")
    await story.available("bob")
    await story.request("x1")
    await story.hand("bob", "x1")
    await story.at(10)
    await story.command("bob", "pending", "x1")
    await story.at(110)
    await story.enforce(rules("{slas: {standard: {pause: [pending]}}, agents: {bob: null}}"))
    await story.after(160)
    assert story.one("sla.breached", "x1").at == 160


async def test_the_lease_of_a_removed_agent_ends_quietly() -> None:
    """Their presence is put into the books, in no pool."""
    story = await Story.begin()
    await story.available("bob", lease_seconds=30)
    await story.enforce(rules("agents: {bob: null}"))
    await story.after(30)
    gone = story.events("agent.presence")[-1].data
    assert (gone["agent"], gone["state"], gone["pool"]) == ("bob", "offline", "")
    assert await story.command("bob", "take") == "unknown_agent"


async def test_another_target_is_measured_from_the_same_beginning() -> None:
    """After 20 of 60 seconds the target becomes 30: it lapses ten seconds later, told once."""
    story = await Story.begin()
    await story.request("x1")
    await story.at(20)
    await story.enforce(rules("slas: {standard: {first_response: 30s}}"))
    changed = story.one("sla.changed", "x1").data
    assert (changed["target"], changed["cycle"]) == ("first_response", 0)
    await story.after(30)
    assert story.one("sla.breached", "x1").at == 30


async def test_a_target_that_is_dropped_ends_its_clock_and_its_alarm() -> None:
    """What operations were warned of is cleared, since nobody asks for it any more."""
    story = await Story.begin("slas: {standard: {warn: [50%]}}")
    await story.request("x1")
    await story.at(40)
    await story.enforce(rules("slas: {standard: {first_response: null}}"))
    cleared = story.one("sla.cleared", "x1", "sla.escalations").data
    assert (cleared["target"], cleared["reason"]) == ("first_response", "changed")
    assert [one.target for one in story.ticket("x1").clocks if not one.dropped] == ["resolution"]
    await story.at(300)
    assert story.events("sla.breached", "x1") == []


async def test_an_sla_that_is_dropped_ends_all_its_clocks() -> None:
    """A ticket under an SLA that nobody knows any more is under none."""
    story = await Story.begin("types: {}")
    await story.request("x1")
    changed = rules("slas: {standard: null, other: {calendar: always}}")
    for route in changed["routes"]:
        route["then"]["sla"] = "other"
    await story.enforce(changed)
    assert story.ticket("x1").clocks == ()
    await story.available("ann")
    await story.hand("ann", "x1")
    await story.command("ann", "pending", "x1")
    await story.request("x2", text="and?")
    await story.at(5000)
    assert story.events("sla.breached") == []


async def test_the_same_rulebook_again_changes_no_clock() -> None:
    """Activating what is in force is no news to anybody."""
    story = await Story.begin()
    await story.request("x1")
    await story.enforce(rules())
    assert story.events("sla.changed") == []
    assert story.dispatch.activation == 2


async def test_a_ticket_that_waits_is_offered_once_the_rulebook_gives_it_an_agent() -> None:
    """Dan learns to serve billing, and has what waits there at once."""
    story = await Story.begin()
    await story.available("dan")
    await story.request("x1")
    assert story.holders("x1") == []
    await story.enforce(rules("agents: {dan: {queues: [rescue, billing]}}"))
    assert story.holders("x1") == ["dan"]


def test_an_activation_that_comes_again_or_too_late_is_ignored() -> None:
    """Only a higher number puts a rulebook in force."""
    core = Core()
    core.enforce(rules(NO_REPAIRS))
    event = RulebookActivated(activation=1, version="x", files={})
    assert core.step(event) == []
    assert core.core.activation == 2


def test_a_rulebook_that_cannot_be_read_leaves_the_former_one_in_force() -> None:
    """The step raises; rolled back, the desk works on as before."""
    core = Core()
    event = RulebookActivated(activation=2, version="x", files={"a.yaml": "routes: 1"})
    with pytest.raises(Malformed):
        core.core.step(event, Given("cause", at(1)), at(1))
    core.core.journal.rollback()
    assert core.core.activation == 1
    assert "ticket.queued" in types(core.step(triaged()))


async def test_work_that_a_new_rulebook_does_not_concern_goes_on() -> None:
    """Ann keeps what she has, and what is resolved stays so."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.request("x2", sender="+8611")
    await story.hand("ann", "x2")
    await story.command("ann", "resolve", "x2")
    before = story.ticket("x1"), story.ticket("x2")
    await story.enforce(rules("agents: {bob: null}"))
    assert (story.ticket("x1"), story.ticket("x2")) == before


ELSEWHERE = "agents: {ann: {pool: office, queues: [claims]}}"


@pytest.mark.parametrize("before", ["offered", "assigned", "pending"])
async def test_an_agent_who_changes_pool_leaves_their_work_behind(before: str) -> None:
    """Release, then admit: it waits in its own pool, and they come to the new one by themselves."""
    story = await Story.begin()
    await story.available("ann")
    await brought(story, "ann", before)
    await story.enforce(rules(ELSEWHERE))
    assert (story.ticket("x1").state.value, story.ticket("x1").agent) == ("queued", None)
    assert story.desk.agent("ann").presence == "offline"
    assert story.events("agent.presence")[-1].data["reason"] == "activation"
    await story.available("ann", "bob")
    assert story.holders("x1")[-1] == "bob"
    await story.request("x2", text="claim", sender="+8611")
    assert story.holders("x2") == ["ann"]


def chain(*steps: str) -> str:
    """The repairs queue's target chain."""
    return f"queues: {{repairs: {{targets: [{', '.join(steps)}]}}}}"


async def test_the_desktops_of_a_changed_chain_learn_what_is_theirs() -> None:
    """A queue that the chain no longer adds is told, one that it adds sees the ticket."""
    wide = chain("{skills: {}, for: 5s}", "{queues: [rescue], for: 1h}")
    story = await Story.begin(wide)
    await story.request("x1", text="repair it")
    await story.at(6)
    assert story.types("x1", "agent.queue.rescue") == ["ticket.queued", "ticket.overflowed"]
    await story.enforce(rules(chain("{skills: {}, for: 5s}", "{queues: [billing], for: 1h}")))
    assert story.types("x1", "agent.queue.rescue")[-1] == "ticket.removed"
    assert story.types("x1", "agent.queue.billing") == ["ticket.queued"]
    await story.available("bob")
    assert story.holders("x1") == ["bob"]


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("mixed", "push", {}, {}),
        ("mixed", "pull", {"zh": 1}, {"zh": 1}),
        ("push", "mixed", {"zh": 1}, {"zh": 1}),
        ("push", "pull", {"zh": 1}, {"zh": 1}),
        ("mixed", "mixed", {"zh": 1}, {"zh": 1}),
    ],
)
async def test_a_queue_of_another_mode_keeps_the_step_that_a_ticket_has_reached(
    old: str, new: str, before: dict[str, int], after: dict[str, int]
) -> None:
    """The first step of a mixed queue is not one of its `targets`."""
    steps = chain("{for: 5s}", "{skills: {zh: 1}, for: 1h}", "{queues: [rescue]}")
    story = await Story.begin(steps.replace("targets", f"mode: {old}, push_after: 2s, targets"))
    await story.request("x1", text="repair it")
    await story.at(6 if before else 1)
    if before and old == "mixed":
        await story.at(8)
    assert dict(story.desk.need(story.ticket("x1")).skills) == before
    await story.enforce(rules(steps.replace("targets", f"mode: {new}, push_after: 2s, targets")))
    need = story.desk.need(story.ticket("x1"))
    assert (dict(need.skills), need.places) == (after, ("repairs",))


@pytest.mark.parametrize("before", ["queued", "offered"])
async def test_a_step_that_has_become_a_way_elsewhere_is_gone(before: str) -> None:
    """What waits goes at once; what is on offer, as soon as that comes to nothing."""
    story = await Story.begin(chain("{for: 5s}", "{queues: [rescue]}"))
    await story.request("x1", text="repair it")
    await story.at(6)
    if before == "offered":
        await story.available("ann")
    await story.enforce(rules(chain("{for: 5s}", "{move_to: billing}")))
    if before == "offered":
        assert story.ticket("x1").queue == "repairs"
        await story.command("ann", "decline", "x1")
    assert story.ticket("x1").queue == "billing"


async def test_a_ticket_beyond_a_shortened_chain_stands_at_its_end() -> None:
    """And is parked when that step is over."""
    long = chain("{skills: {}, for: 5s}", "{skills: {}, for: 5s}", "{skills: {}, for: 1h}")
    story = await Story.begin(long)
    await story.request("x1", text="repair it")
    await story.at(11)
    assert story.ticket("x1").place == 2
    await story.enforce(rules(chain("{skills: {}, for: 30s}")))
    assert story.ticket("x1").place == 0
    await story.after(30)
    assert story.one("ticket.parked", "x1").at == pytest.approx(30, abs=0.001)


async def test_a_chain_that_is_gone_leaves_the_ticket_waiting() -> None:
    """Its queue alone serves it now."""
    story = await Story.begin(chain("{skills: {}, for: 5s}", "{queues: [rescue], for: 1h}"))
    await story.request("x1", text="repair it")
    await story.at(6)
    await story.enforce(rules())
    ticket = story.ticket("x1")
    assert (ticket.place, ticket.relax_at, ticket.state.value) == (0, None, "queued")


def test_what_had_lapsed_in_a_queue_that_is_removed_is_told() -> None:
    """Its timer has not fired yet when the new rules come, which end the time in the queue."""
    promised = "slas: {standard: {queue_time: 10s}}"
    core = Core(promised)
    core.step(triaged(queue="repairs"))
    outputs = core.step(activation(2, merged(rules(promised), yaml.safe_load(NO_REPAIRS))), 30)
    breached, cleared = (of(outputs, f"sla.{kind}")[0] for kind in ("breached", "cleared"))
    assert fields_of(breached)["lapsed_at"] == "2027-03-01T09:00:10Z"
    assert fields_of(cleared)["reason"] == "transferred"


async def test_many_who_come_free_at_once_get_what_one_after_another_would() -> None:
    """First served first, by whom it is best done, and not by who has just refused it."""
    names = [f"a{number:02}" for number in range(40)]

    def crowd(level: int) -> str:
        agent = f"{{pool: service, queues: [billing, rescue], skills: {{zh: {level}}}}}"
        agents = ", ".join(f"{name}: {agent}" for name in names)
        return f"""
queues: {{billing: {{reoffer_after: 1h, offer_timeout: 10m, targets: [{{skills: {{zh: 3}}}}]}}}}
agents: {{{agents}, ann: {{queues: {{billing: 1, repairs: 2}}, skills: {{zh: 3}}}}, bob: null}}
"""

    story = await Story.begin(crowd(1))
    await story.available("ann", *names)
    for number in range(45):
        await story.at(number)
        await story.request(f"x{number}", sender=f"+86{number:03}")
    assert {one.data["agent"] for one in story.events("ticket.offered")} == {"ann"}
    for name in ("x0", "x1"):
        await story.command("ann", "decline", name)
    story.forget()
    await story.enforce(rules(crowd(3)))
    offered = [one.data for one in story.events("ticket.offered")]
    assert len({one["agent"] for one in offered}) == len(offered) == 40
    order = [one["external_id"] for one in offered]
    waiting = [f"x{number}" for number in range(45) if f"x{number}" not in {"x2", "x3"}]
    assert order == waiting[:40]


async def test_who_has_refused_the_first_gets_the_second_in_a_crowd_too() -> None:
    """Only Ann can do it now, and she has just declined the one that came first."""
    others = ", ".join(f"a{number:02}: {{pool: service, queues: [rescue]}}" for number in range(20))
    crowd = f"queues: {{repairs: {{reoffer_after: 1h}}}}\nagents: {{{others}}}"
    story = await Story.begin(crowd)
    await story.available("ann", *(f"a{number:02}" for number in range(20)))
    await story.request("x1", text="repair it")
    await story.command("ann", "decline", "x1")
    await story.enforce(rules(crowd.replace("agents: {", "agents: {ann: {queues: [billing]}, ")))
    await story.request("x2", text="repair it", sender="+8611")
    await story.enforce(rules(crowd))
    assert (story.holders("x1"), story.holders("x2")) == (["ann"], ["ann"])
    assert story.ticket("x1").state.value == "queued"


def test_a_restored_shard_says_the_same_in_the_same_order() -> None:
    """The log gives back what was stored in another order than it came."""
    shorter = "slas: {standard: {resolution: 5m}}"
    told = []
    for order in (1, -1):
        core = Core("agents: {ann: {capacity: 9}}")
        for agent in ("bob", "ann"):
            core.command(agent, "presence", state="available", lease_seconds=60)
        for name in ("x1", "x2", "x3"):
            core.step(triaged(name))
        stored = [
            (f"{table.name}:{key}", table.stored(key) or b"")
            for table in (core.core.desk.rulebooks, core.core.desk.tickets, core.core.desk.agents)
            for key in table
        ][::order]
        again = Dispatch(LETTERHEAD)
        for key, value in stored:
            again.journal.load(key, value)
        outputs = again.caught_up(at(5))
        event = activation(2, rules(NO_REPAIRS + shorter))
        outputs += again.step(event, Given("new-rules", at(6), encode(event)), at(6))
        told.append([(one.topic, one.type, one.key, one.id, encode(one.data)) for one in outputs])
    assert told[0] == told[1]
    assert len({key for _, kind, key, _, _ in told[0] if kind == "sla.changed"}) > 0
