"""What a supervisor changes about the agents of their pool, while they work."""

from typing import Any

import pytest
import yaml

from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.core.overlays import SETTABLE
from router.core.queues import Need
from router.world import LETTERHEAD
from rules.people import Agent
from tests.unit.router.core.cores import Core
from tests.unit.router.core.story import START, Story, merged, rules

TEAM = """
agents:
  sue: {pool: service, queues: [], role: supervisor}
  zoe: {pool: office, queues: [], role: supervisor}
stages: {newcomer: {capacity: 1}}
"""


async def team(changes: str = "") -> Story:
    """Sue supervises Ann, Bob and Dan; Zoe another pool."""
    return await Story.begin(TEAM + changes)


async def set_of(story: Story, target: str | None, by: str = "sue", **changes: Any) -> str | None:
    """Sue changes an agent."""
    return await story.command(by, "agent_set", target=target, changes=changes)


async def test_more_capacity_is_used_at_once() -> None:
    """Bob is full; with two he is offered what waits, and the event says who has set what."""
    story = await team()
    await story.available("bob")
    await story.request("x1", sender="+8611")
    await story.hand("bob", "x1")
    await story.request("x2", sender="+8612")
    assert await set_of(story, "bob", capacity=2) is None
    assert story.holders("x2") == ["bob"]
    told = story.one("agent.changed").data
    assert (told["agent"], told["by"], told["changes"]) == ("bob", "sue", {"capacity": 2})


async def test_a_new_queue_and_new_skills_bring_their_work() -> None:
    """Dan of the rescue queue helps in billing, where somebody with English is asked for."""
    story = await team("routes: [{id: default, then: {queue: billing, skills: {en: 2}}}]")
    await story.available("dan")
    await story.request("x1")
    await set_of(story, "dan", queues={"billing": 1, "rescue": 2})
    assert story.holders("x1") == []
    await set_of(story, "dan", skills={"en": 2})
    assert story.holders("x1") == ["dan"]
    assert story.desk.agent("dan").overlay == {
        "queues": {"billing": 1, "rescue": 2}, "skills": {"en": 2},
    }  # fmt: skip


async def test_an_offer_of_what_an_agent_no_longer_does_goes_back() -> None:
    """The others stay."""
    story = await team()
    await story.available("ann")
    await story.request("x1", sender="+8611")
    await story.request("x2", "repair", sender="+8612")
    await set_of(story, "ann", queues=["repairs"])
    rescinded = story.one("ticket.offer_rescinded").data
    assert (rescinded["ticket"], rescinded["reason"]) == (story.id("x1"), "agent_changed")
    assert story.ticket("x2").holder == "ann"


async def test_null_takes_a_field_back() -> None:
    """Each by itself; what is set as it is set already tells nobody."""
    story = await team()
    await set_of(story, "bob", capacity=5, skills={"en": 3})
    await set_of(story, "bob", capacity=None)
    assert story.events("agent.changed")[-1].data["changes"] == {"skills": {"en": 3}}
    assert story.desk.roster.agents["bob"].capacity == 1
    story.forget()
    assert await set_of(story, "bob", skills={"en": 3}) is None
    assert await set_of(story, "ann", capacity=None) is None
    assert story.events("agent.changed") == []
    await set_of(story, "bob", skills=None)
    assert story.one("agent.changed").data["changes"] == {}


async def test_a_stage_limits_whatever_is_set() -> None:
    """Sue may give Bob five; as long as he is a newcomer he gets one."""
    story = await team()
    await set_of(story, "bob", capacity=5, stage="newcomer")
    assert story.desk.roster.agents["bob"].capacity == 1
    await set_of(story, "bob", stage="senior")
    assert story.desk.roster.agents["bob"].capacity == 5


async def test_a_shift_ends_later_for_who_stays() -> None:
    """Ann's is over at 10; Sue lets her go on, and takes it back, which takes her offer back."""
    early = {"early": {"timezone": "UTC", "hours": {"mon-sun": ["09:00-10:00"]}}}
    story = await team()
    await story.enforce(
        merged(rules(TEAM), {"calendars": early, "agents": {"ann": {"calendar": "early"}}})
    )
    await story.available("ann")
    await story.after(3600)
    await story.request("x1")
    assert story.holders("x1") == []
    assert await set_of(story, "ann", calendar="always") is None
    assert story.holders("x1") == ["ann"]
    assert await set_of(story, "ann", calendar=None) is None
    assert story.one("ticket.offer_rescinded", "x1").data["reason"] == "off_shift"


async def test_weights_hold_for_what_comes() -> None:
    """A call may take all of an agent from now on."""
    story = await team()
    await set_of(story, "ann", weights={"sms": "all"})
    await story.available("ann")
    await story.request("x1", sender="+8611")
    await story.request("x2", sender="+8612")
    assert (story.holders("x1"), story.holders("x2")) == (["ann"], [])


@pytest.mark.parametrize(
    ("by", "target", "changes", "reason"),
    [
        ("ann", "bob", {"capacity": 2}, "not_allowed"),
        ("zoe", "bob", {"capacity": 2}, "not_allowed"),
        ("ann", "ann", {"capacity": 2}, "not_allowed"),
        ("sue", "nobody", {"capacity": 2}, "unknown_agent"),
        ("sue", None, {"capacity": 2}, "field_missing"),
        ("sue", "bob", {}, "field_missing"),
        ("sue", "bob", {"queues": ["billling"]}, "unknown_queue"),
        ("sue", "bob", {"queues": ["claims"]}, "unknown_queue"),
        ("sue", "bob", {"stage": "wizard"}, "unknown_stage"),
        ("sue", "bob", {"calendar": "never"}, "unknown_calendar"),
        ("sue", "bob", {"capacity": -1}, "field_invalid"),
        ("sue", "bob", {"capacity": "many"}, "field_invalid"),
        ("sue", "bob", {"skills": {"zh": 11}}, "field_invalid"),
        ("sue", "bob", {"weights": {"fax": 1}}, "field_invalid"),
        ("sue", "bob", {"pool": "office"}, "field_invalid"),
        ("sue", "bob", {"pool": None}, "field_invalid"),
        ("sue", "bob", {"queues": {"billing": 0}}, "field_invalid"),
    ],
)
async def test_what_cannot_be_set_is_rejected(
    by: str, target: str | None, changes: dict[str, Any], reason: str
) -> None:
    """By name, and nothing has changed."""
    story = await team()
    assert await set_of(story, target, by, **changes) == reason
    assert story.events("agent.changed") == []
    assert not story.desk.agent("bob").overlay


async def test_what_is_set_survives_a_new_rulebook() -> None:
    """Over whatever it says; field by field, what it does not allow any more is gone."""
    story = await team()
    await story.available("bob")
    await set_of(story, "bob", capacity=3, queues=["billing", "repairs"])
    await story.enforce(merged(rules(TEAM), {"agents": {"bob": {"capacity": 2}}}))
    assert story.desk.roster.agents["bob"].capacity == 3
    fewer = merged(
        rules(TEAM), {"agents": {"ann": {"queues": ["billing"]}}, "queues": {"repairs": None}}
    )
    fewer["pools"]["service"]["queues"].remove("repairs")
    fewer["routes"] = [route for route in fewer["routes"] if route["id"] != "repair"]
    await story.enforce(fewer)
    told = story.events("agent.changed")[-1].data
    assert (told["by"], told["changes"]) == (None, {"capacity": 3})
    assert list(story.desk.roster.agents["bob"].queues) == ["billing"]


async def test_what_is_set_goes_with_the_agent() -> None:
    """Bob is removed and comes again as the rulebook has him."""
    story = await team()
    await set_of(story, "bob", capacity=3)
    await story.enforce(merged(rules(TEAM), {"agents": {"bob": None}}))
    await story.enforce(rules(TEAM))
    assert story.desk.roster.agents["bob"].capacity == 1


def serving(dispatch: Dispatch, queue: str) -> list[str]:
    """Who serves a queue."""
    need = Need(
        places=(queue,), skills=(), channel="sms", push=True, barred=(), hard=False, tier=None
    )
    return sorted(dispatch.desk.roster.members(dispatch.desk.roster.serving(need)))


def test_a_change_that_is_rolled_back_leaves_no_trace_in_the_roster() -> None:
    """It follows the books, also backwards."""
    core = Core(TEAM)
    order = Command(
        id="c1", command="agent_set", agent="sue", target="bob", changes={"queues": ["rescue"]}
    )
    core.core.step(order, core.given(order), START)
    assert serving(core.core, "rescue") == ["bob", "dan"]
    core.core.journal.rollback()
    assert serving(core.core, "rescue") == ["dan"]
    assert serving(core.core, "billing") == ["ann", "bob"]


def test_what_is_set_survives_a_restart() -> None:
    """In whatever order the books come back."""
    core = Core(TEAM)
    core.command("sue", "agent_set", target="bob", changes={"queues": ["rescue"]})
    tables: dict[str, Any] = core.core.journal._tables
    fresh = Dispatch(LETTERHEAD)
    for name in ("agent", "rulebook"):
        for key in tables[name]:
            fresh.journal.load(f"{name}:{key}", tables[name].stored(key))
    assert fresh.desk.roster.agents == core.core.desk.roster.agents
    assert serving(fresh, "rescue") == ["bob", "dan"]


def test_what_can_be_set_are_fields_of_an_agent() -> None:
    """Under the rulebook's own names."""
    assert set(SETTABLE) <= set(Agent.model_fields)


async def test_a_supervisor_sets_anothers_presence() -> None:
    """Bob forgot to log out: his offer goes on to Ann, and the event says who did it."""
    story = await team()
    await story.available("bob", lease_seconds=60)
    await story.request("x1")
    await story.available("ann")
    assert await story.command("sue", "presence", target="bob", state="away") is None
    told = story.events("agent.presence")[-1].data
    assert (told["agent"], told["state"], told["by"]) == ("bob", "away", "sue")
    assert story.holders("x1") == ["bob", "ann"]
    await story.after(60)
    assert story.desk.agent("bob").presence == "offline"


@pytest.mark.parametrize(
    ("by", "target", "reason"),
    [
        ("ann", "bob", "not_allowed"),
        ("zoe", "bob", "not_allowed"),
        ("sue", "nobody", "unknown_agent"),
        ("ann", "ann", None),
    ],
)
async def test_nobody_elses_presence(by: str, target: str, reason: str | None) -> None:
    """Only a supervisor's own pool, and everybody themselves."""
    story = await team()
    assert await story.command(by, "presence", target=target, state="available") == reason


async def test_who_changes_the_pool_leaves_behind_what_was_set() -> None:
    """Another supervisor's agent, of other queues; back again they are as the rulebook has them."""
    story = await team()
    await story.available("ann")
    await set_of(story, "ann", queues=["billing"], capacity=7)
    moved = {"agents": {"ann": {"pool": "office", "queues": ["claims"]}}}
    await story.enforce(merged(rules(TEAM), moved))
    assert story.desk.agent("ann").presence == "offline"
    assert story.desk.agent("ann").overlay == {}
    await story.enforce(rules(TEAM))
    assert story.desk.roster.agents["ann"].queues == ["billing", "repairs"]


async def both_on_offer(changes: str = "") -> Story:
    """Ann has room for two, and two are on offer to her: x1 came first."""
    story = await team(changes)
    await story.available("ann")
    await story.request("x1", "repair", sender="+8611")
    await story.at(1)
    await story.request("x2", "repair", sender="+8612")
    return story


@pytest.mark.parametrize(
    "changes", [{"capacity": 1}, {"stage": "newcomer"}, {"weights": {"sms": 2}}]
)
async def test_an_offer_for_which_there_is_no_room_any_more_goes_back(
    changes: dict[str, Any],
) -> None:
    """By whatever the room is gone; what is later in the order goes first, the other is kept."""
    story = await both_on_offer()
    await set_of(story, "ann", **changes)
    told = story.one("ticket.offer_rescinded").data
    assert (told["ticket"], told["reason"]) == (story.id("x2"), "agent_changed")
    assert await story.command("ann", "accept", "x1") is None
    assert story.desk.loads.load("ann") <= story.desk.roster.agents["ann"].capacity


@pytest.mark.parametrize("by_rulebook", [False, True])
async def test_what_is_on_offer_weighs_what_it_would_if_it_were_accepted(
    *, by_rulebook: bool
) -> None:
    """Nothing comes beside what takes all of an agent, and what has come goes back."""
    story = await team()

    async def weigh(weights: dict[str, Any] | None) -> None:
        if by_rulebook:
            changes = {"agents": {"ann": {"weights": weights}}} if weights else {}
            await story.enforce(merged(rules(TEAM), changes))
        else:
            await set_of(story, "ann", weights=weights)

    await story.available("ann")
    await story.request("x1", sender="+8611")
    await weigh({"sms": "all"})
    await story.at(1)
    await story.request("x2", channel="chat", account="web", sender="visitor")
    assert story.desk.loads.held("ann") == [story.id("x1")]
    await weigh(None)
    assert set(story.desk.loads.held("ann")) == {story.id("x1"), story.id("x2")}
    await weigh({"sms": "all"})
    assert story.desk.loads.held("ann") == [story.id("x1")]
    assert await story.command("ann", "accept", "x1") is None


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ("agents: {ann: {capacity: 1}}", ["x2"]),
        ("agents: {ann: {queues: [billing]}}", ["x2", "x1"]),
        ("queues: {repairs: {targets: [{skills: {zh: 1}}]}}", ["x2", "x1"]),
    ],
)
async def test_a_rulebook_takes_back_offers_that_it_would_not_make(
    changes: str, gone: list[str]
) -> None:
    """Nobody accepts what does not suit, or fit, them any more."""
    story = await both_on_offer()
    await story.enforce(merged(rules(TEAM), yaml.safe_load(changes)))
    told = [one.data for one in story.events("ticket.offer_rescinded")]
    assert [one["ticket"] for one in told] == [story.id(name) for name in gone]
    assert {one["reason"] for one in told} == {"agent_changed"}
