"""A resolved ticket takes up its agent until it is wrapped up."""

import pytest

from tests.unit.router.core.cores import Core, at, fields_of, of, triaged
from tests.unit.router.core.story import START, Story, rules

WRAP = "queues: {billing: {wrap_up: 30s}}"


async def wrapping(changes: str = WRAP) -> Story:
    """Bob has resolved `x1` at the tenth second, and `x2` waits."""
    story = await Story.begin(changes)
    await story.available("bob")
    await story.request("x1", sender="+8611")
    await story.hand("bob", "x1")
    await story.at(10)
    assert await story.command("bob", "resolve", "x1") is None
    await story.request("x2", sender="+8612")
    return story


async def test_a_resolved_ticket_takes_up_its_agent_for_the_wrap_up_time() -> None:
    """Bob gets the next one when it is over, and both events say so."""
    story = await wrapping()
    resolved = story.one("ticket.resolved", "x1").data
    assert resolved["wrapping_until"] == "2027-03-01T09:00:40Z"
    assert (story.desk.loads.load("bob"), story.holders("x2")) == (1, [])
    await story.at(40)
    assert story.holders("x2") == []
    await story.after(40)
    over = story.one("ticket.wrapped_up", "x1")
    assert (over.at, over.data["agent"], over.data["reason"]) == (40, "bob", "time")
    assert story.holders("x2") == ["bob"]
    assert story.ticket("x1").weight == 0


async def test_the_agent_ends_it_when_done() -> None:
    """With the command of that name, for one ticket."""
    story = await wrapping()
    assert await story.command("ann", "wrap_up", "x1") == "not_yours"
    assert await story.command("bob", "wrap_up", "x1") is None
    assert story.one("ticket.wrapped_up", "x1").data["reason"] == "command"
    assert story.holders("x2") == ["bob"]
    assert await story.command("bob", "wrap_up", "x1") == "wrong_state"
    assert await story.command("bob", "wrap_up", "x9") == "unknown_ticket"


async def test_without_a_ticket_the_command_ends_all_of_it() -> None:
    """There may be several; when there is none the command is rejected."""
    story = await Story.begin(WRAP)
    await story.available("ann")
    for name in ("x1", "x2"):
        await story.request(name, sender=f"+86{name}")
        await story.hand("ann", name)
        await story.command("ann", "resolve", name)
    assert await story.command("ann", "wrap_up") is None
    assert (len(story.events("ticket.wrapped_up")), story.desk.loads.load("ann")) == (2, 0)
    assert await story.command("ann", "wrap_up") == "wrong_state"


async def test_a_ticket_that_is_reopened_is_not_wrapped_up_any_longer() -> None:
    """The customer writes: it waits anew, and its agent has room for the one that came before."""
    story = await wrapping()
    await story.request("x3", "but still", sender="+8611")
    assert story.one("ticket.wrapped_up", "x1").data["reason"] == "reopened"
    assert (story.ticket("x1").state.value, story.holders("x2")) == ("queued", ["bob"])
    assert story.desk.loads.load("bob") == 1


async def test_a_ticket_that_is_closed_is_not_wrapped_up_any_longer() -> None:
    """The reopen window is over before the wrap-up."""
    story = await wrapping("queues: {billing: {wrap_up: 1h}}\nthreading: {reopen: 1m}")
    await story.after(75)
    assert story.types("x1")[-2:] == ["ticket.wrapped_up", "ticket.closed"]
    assert story.holders("x2") == ["bob"]


async def test_what_was_in_no_hands_is_not_wrapped_up() -> None:
    """A pending ticket took up nothing; its resolution does not overfill the agent."""
    story = await Story.begin(WRAP)
    await story.available("bob")
    await story.request("x1", sender="+8611")
    await story.hand("bob", "x1")
    await story.command("bob", "pending", "x1")
    await story.request("x2", sender="+8612")
    await story.hand("bob", "x2")
    await story.command("bob", "resolve", "x1")
    assert story.one("ticket.resolved", "x1").data["wrapping_until"] is None
    assert story.desk.loads.load("bob") == 1


async def test_wrap_up_by_channel() -> None:
    """Calls are wrapped up, messages are not."""
    story = await Story.begin("queues: {billing: {wrap_up: {hotline: 45s}}}")
    await story.available("bob")
    call = {"id": "1", "outcome": "abandoned"}
    await story.request("x1", channel="hotline", kind="call", call=call)
    await story.hand("bob", "x1")
    await story.command("bob", "resolve", "x1")
    assert story.ticket("x1").wrapping_until is not None
    await story.after(45)
    await story.request("x2", sender="+8612")
    await story.hand("bob", "x2")
    await story.command("bob", "resolve", "x2")
    assert story.ticket("x2").wrapping_until is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("agents: {bob: null}", "agent_removed"),
        ("agents: {bob: {pool: office, queues: [claims]}}", "agent_moved"),
    ],
)
async def test_who_leaves_the_pool_leaves_it_unwrapped(change: str, reason: str) -> None:
    """Nothing holds an agent who is gone."""
    story = await wrapping()
    await story.enforce(rules(WRAP + "\n" + change))
    assert story.one("ticket.wrapped_up", "x1").data["reason"] == reason
    assert story.desk.loads.load("bob") == 0
    await story.after(60)


async def test_who_goes_offline_finds_the_wrap_up_running() -> None:
    """It ends in its time."""
    story = await wrapping()
    await story.command("bob", "presence", state="offline")
    await story.available("bob")
    assert story.holders("x2") == []
    await story.after(40)
    assert story.holders("x2") == ["bob"]


def test_a_wrap_up_survives_a_restart() -> None:
    """What is stored is enough: the agent is taken up as before, and the timer is there."""
    core, order = Core(WRAP), triaged()
    core.command("bob", "presence", state="available")
    core.step(order)
    core.command("bob", "accept", ticket=order.ticket)
    desk = core.core.desk
    core.command("bob", "resolve", 10, ticket=order.ticket)
    fresh = Core()
    for table in ("rulebook", "ticket", "agent"):
        rows = core.core.journal._tables[table]
        for key in rows.rows:  # type: ignore[attr-defined] # a table has rows
            stored = rows.stored(key)
            assert stored is not None
            fresh.core.journal.load(f"{table}:{key}", stored)
    assert fresh.core.desk.tickets.rows == desk.tickets.rows
    assert fresh.core.desk.loads.load("bob") == 1
    (told,) = of(fresh.fire(41), "ticket.wrapped_up")
    assert fields_of(told)["reason"] == "time"
    assert (fresh.core.desk.loads.load("bob"), at(0)) == (0, START)
