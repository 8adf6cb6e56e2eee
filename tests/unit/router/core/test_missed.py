"""A chat that nobody has answered becomes a call-back when its customer leaves."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import yaml

from channels.defaults import fill
from router.core.lifecycle import TicketState
from tests.unit.router.core.cores import Core, fields_of, message, of, triaged
from tests.unit.router.core.story import START, Story, merged, rules

MISSED = """
slas: {callback: {calendar: always, first_response: 15m}}
types: {question: {sla: standard}, callback: {sla: callback}}
queues: {billing: {offer_timeout: 10s, missed: {queue: rescue, type: callback}}}
routes: [{id: default, then: {queue: billing, type: question, sla: standard}}]
threading: {window: {chat: 1h}}
"""


async def begun(changes: str = MISSED, *agents: str) -> Story:
    """A chat waits; these agents are there."""
    story = await Story.begin(changes)
    await story.available(*agents)
    await chats(story, "x1")
    return story


async def chats(story: Story, name: str, **fields: Any) -> None:
    """The visitor does something in the chat."""
    await story.request(name, channel="chat", sender="wang", **fields)
    await story.after((story.now - START).total_seconds())


async def leaves(story: Story, name: str = "x1.left") -> None:
    """The visitor closes the window."""
    await chats(story, name, text="", kind="left")


def clocks(story: Story) -> list[tuple[str, int, int]]:
    """The ticket's clocks: target, cycle, seconds until due."""
    return [
        (one.target, one.cycle, round((one.due_at - story.now).total_seconds()))
        for one in story.ticket("x1").clocks
        if one.due_at is not None
    ]


async def test_a_chat_that_is_left_waits_for_a_call_back() -> None:
    """It goes to the named queue, for this reason, and is shown to that queue's desktops only."""
    story = await begun()
    await story.at(5)
    await leaves(story)
    moved = story.one("ticket.transferred", "x1").data
    assert (moved["from_queue"], moved["queue"], moved["reason"]) == ("billing", "rescue", "missed")
    assert story.one("ticket.removed", topic="agent.queue.billing").data["reason"] == "missed"
    (shown,) = story.events("ticket.queued", topic="agent.queue.rescue")
    assert (shown.data["type"], shown.data["due_at"]) == ("callback", "2027-03-01T09:15:05Z")


async def test_it_has_a_target_of_its_own() -> None:
    """What was promised for the chat is over; the call-back's clock begins when it was left."""
    story = await begun()
    await story.at(50)
    await leaves(story)
    assert clocks(story) == [("first_response", 1, 900)]
    await story.after(120)
    assert not story.events("sla.breached")
    await story.after(950)
    assert story.one("sla.breached").data["cycle"] == 1


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("", "{next_response: 5m}", [("first_response", 900)]),
        ("slas: {callback: {first_response: null, resolution: 2h}}",
         "{first_response: 15m}", [("resolution", 7200), ("first_response", 900)]),
        ("", "{steps: [{id: call, within: 20m}]}", [("first_response", 900), ("step:call", 1200)]),
    ],
    ids=["next", "first", "step"],
)  # fmt: skip
async def test_what_is_newly_promised_counts_from_when_the_chat_was_left(
    before: str, after: str, wanted: list[tuple[str, int]]
) -> None:
    """The first response is still owed, and nothing else but it waits for a reply."""
    rulebook = merged(rules(MISSED), yaml.safe_load(before) or {})
    story = Story()
    await story.enforce(rulebook)
    await chats(story, "x1")
    await story.at(50)
    await leaves(story)
    where = "types" if "steps" in after else "slas"
    await story.enforce(merged(rulebook, {where: {"callback": yaml.safe_load(after)}}))
    assert clocks(story) == [(target, 1, due) for target, due in wanted]


async def test_an_sla_may_be_named_beside_the_type() -> None:
    """It goes before the type's; without either the ticket keeps its own."""
    named = MISSED.replace("type: callback}}", "type: callback, sla: standard}}")
    for changes, first in ((named, 60), (MISSED.replace(", type: callback}}", "}}"), 60)):
        story = await begun(changes)
        await leaves(story)
        assert ("first_response", 1, first) in clocks(story)


async def test_it_is_no_longer_offered_as_a_chat() -> None:
    """The offer that was open is taken back, and whoever serves the new queue is asked."""
    story = await begun(MISSED, "ann", "dan")
    await leaves(story)
    assert story.one("ticket.offer_rescinded", "x1").data["reason"] == "missed"
    assert story.holders("x1") == ["ann", "dan"]
    assert await story.command("ann", "accept", "x1") == "no_offer"


async def test_a_parked_chat_is_no_more_parked() -> None:
    """Its alarm is cleared: it waits again, for something else."""
    targets = "offer_timeout: 10s, targets: [{for: 5s}]"
    story = await begun(MISSED.replace("offer_timeout: 10s", targets))
    await story.after(5)
    assert story.ticket("x1").state is TicketState.PARKED
    await leaves(story)
    assert story.ticket("x1").state is TicketState.QUEUED
    assert story.one("sla.cleared").data["reason"] == "missed"


@pytest.mark.parametrize("reply", [False, True])
async def test_whoever_has_the_chat_in_hand_keeps_it(reply: bool) -> None:
    """Their desk is told that the customer has left; they may write to them all the same."""
    story = await begun(MISSED, "ann")
    await story.hand("ann", "x1")
    if reply:
        assert await story.command("ann", "reply", "x1", text="hello") is None
    await leaves(story)
    assert story.ticket("x1").queue == "billing"
    assert story.one("ticket.message", "x1").data["automatic"] == "left"


async def test_an_answered_chat_is_not_missed() -> None:
    """Its agent had to go; it waits as a chat, however long the customer is away."""
    story = await begun(MISSED, "ann")
    await story.hand("ann", "x1")
    await story.command("ann", "reply", "x1", text="one moment")
    await story.command("ann", "presence", state="offline")
    await story.after(16)
    await leaves(story)
    assert story.ticket("x1").state is TicketState.QUEUED
    assert story.ticket("x1").queue == "billing"


@pytest.mark.parametrize("kind", ["message", "returned"])
async def test_who_comes_back_before_the_call_finds_the_chat_again(kind: str) -> None:
    """In the queue where it was, as what it was, its clocks begun anew."""
    story = await begun()
    await leaves(story)
    await story.at(30)
    await chats(story, "x1.back", kind=kind)
    moved = story.events("ticket.transferred", "x1")[-1].data
    assert (moved["queue"], moved["reason"]) == ("billing", "returned")
    ticket = story.ticket("x1")
    assert (ticket.type, ticket.sla) == ("question", "standard")
    assert clocks(story) == [("first_response", 2, 60), ("resolution", 2, 600)]


async def test_what_lapsed_before_is_not_forgotten() -> None:
    """The sign is read late: the chat's breach is told all the same, and then it is missed."""
    story = await begun()
    left_at = START + timedelta(seconds=61)
    await story.at(60)
    await story.request(
        "x1.left", "", channel="chat", sender="wang", kind="left", received_at=left_at
    )
    await story.after(61)
    told = [one for one in story.types("x1") if one in {"sla.breached", "ticket.transferred"}]
    assert told == ["sla.breached", "ticket.transferred"]


async def test_an_answer_before_the_leaving_counts() -> None:
    """However the two are read: nothing is moved until all is read up to then."""
    story = await begun(MISSED, "ann")
    await story.hand("ann", "x1")
    await story.at(5)
    later = START + timedelta(seconds=7)
    await story.request(
        "x1.left", "", channel="chat", sender="wang", kind="left", received_at=later
    )
    assert await story.command("ann", "reply", "x1", text="hello") is None
    assert await story.command("ann", "presence", state="offline") is None
    await story.after(30)
    assert story.ticket("x1").queue == "billing"


async def test_an_older_sign_does_not_undo_a_newer_one() -> None:
    """What was written before the leaving comes late: the customer is gone all the same."""
    story = await begun()
    await story.at(20)
    await leaves(story)
    await chats(story, "late", received_at=START + timedelta(seconds=10))
    assert story.ticket("x1").queue == "rescue"


async def test_who_is_back_at_once_has_not_been_away() -> None:
    """The leaving has not been acted upon yet."""
    story = await begun()
    await story.request("x1.left", "", channel="chat", sender="wang", kind="left")
    await chats(story, "x1.back")
    assert not story.events("ticket.transferred")


async def test_it_can_be_missed_again() -> None:
    """As often as the customer leaves."""
    story = await begun()
    for number in range(2):
        await leaves(story, f"left{number}")
        await chats(story, f"back{number}", kind="returned")
    reasons = [one.data["reason"] for one in story.events("ticket.transferred")]
    assert reasons == ["missed", "returned"] * 2


async def test_a_machines_message_is_no_return() -> None:
    """An automatic answer does not bring the customer back."""
    story = await begun()
    await leaves(story)
    await chats(story, "x1.auto", automatic="auto-reply")
    assert story.ticket("x1").queue == "rescue"


async def test_who_comes_back_to_a_call_in_hand_is_shown_to_its_agent() -> None:
    """Nothing is taken out of the agent's hands, then or when they give it away."""
    story = await begun(MISSED, "dan")
    await leaves(story)
    await story.hand("dan", "x1")
    await chats(story, "x1.back")
    assert story.ticket("x1").agent == "dan"
    assert story.ticket("x1").queue == "rescue"


async def test_what_somebody_has_moved_on_stays_there() -> None:
    """A return means nothing to a ticket that is no longer in the call-backs' queue."""
    story = await begun(MISSED, "dan")
    await leaves(story)
    await story.hand("dan", "x1")
    await story.command("dan", "transfer", "x1", queue="repairs")
    await chats(story, "x1.back")
    assert story.ticket("x1").queue == "repairs"


async def test_of_two_chats_that_are_one_ticket_only_its_own_is_left() -> None:
    """The older window is closed, the one in which they wait for an answer is not."""
    story = await begun(MISSED + "agents: {sue: {pool: service, queues: [], role: supervisor}}")
    await story.request("x0", channel="chat", sender="zhao")
    assert await story.command("sue", "merge", "x0", into=story.id("x1")) is None
    await story.request("x0.left", text="", kind="left", channel="chat", sender="zhao")
    await story.at(5)
    assert story.ticket("x1").queue == "billing"
    await leaves(story)
    assert story.ticket("x1").queue == "rescue"


async def test_without_the_setting_nothing_moves() -> None:
    """The chat waits on; its desktops see that the customer has left."""
    story = await begun("")
    await leaves(story)
    assert story.ticket("x1").queue == "billing"
    assert not story.events("ticket.transferred")
    assert (
        story.one("ticket.message", "x1", topic="agent.queue.billing").data["automatic"] == "left"
    )


async def test_who_leaves_without_an_open_ticket_is_filed() -> None:
    """There is nothing to be done."""
    story = await begun(MISSED, "ann")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    await leaves(story)
    filed = story.one("request.filed").data
    assert filed["reason"] == "left"
    assert not story.events("ticket.reopened")


async def test_a_chat_queue_that_is_gone_gets_nothing_back() -> None:
    """The rulebook has no such queue any more: the call-back stays where it is."""
    story = await begun()
    await leaves(story)
    without = rules(MISSED)
    del without["queues"]["billing"]
    without["pools"]["service"]["queues"] = ["repairs", "rescue"]
    for agent in ("ann", "bob"):
        without["agents"][agent]["queues"] = ["repairs"]
    for route in without["routes"]:
        route["then"]["queue"] = "repairs"
    await story.enforce(without)
    await chats(story, "x1.back")
    assert story.ticket("x1").queue == "rescue"


ABANDONED = """
routes:
  - id: missed
    when: {channel: hotline, call_outcome: abandoned}
    then: {queue: rescue, sla: standard}
  - {id: default, then: {queue: billing}}
threading: {window: {hotline: 4h}}
"""


async def test_five_abandoned_calls_of_one_number_are_one_call_back() -> None:
    """Within the channel's window; each is seen, and one from another number is another's."""
    story = await Story.begin(ABANDONED)
    call = {"id": "1", "outcome": "abandoned", "wait_seconds": 20}
    for number in range(5):
        await story.at(number * 600)
        await story.request(
            f"call{number}", "", channel="hotline", kind="call", sender="+8613800138000", call=call
        )
    await story.request(
        "other", "", channel="hotline", kind="call", sender="+8613800138001", call=call
    )
    opened = [one.data["external_id"] for one in story.events("ticket.opened")]
    assert opened == ["call0", "other"]
    assert len(story.events("ticket.message", "call0")) == 4


@pytest.mark.parametrize(("left_at", "reasons"), [(50, ["missed"]), (70, ["escalated"])])
def test_what_the_ladder_does_before_comes_before(left_at: float, reasons: list[str]) -> None:
    """All is read late, at once: who left before the breach was missed; later it had moved."""
    ladder = "ladders: {duty: [{level: 1, after: 0s, move_to: repairs}]}\n"
    core = Core(ladder + MISSED.replace("slas: {", "slas: {standard: {ladder: duty}, "))
    document = {"channel": "chat", "account": "shop", "sender": "wang"}
    first = fill({**document, "external_id": "x1", "text": "hello"}, at=START)
    ticket = msgspec.structs.replace(triaged(), request=first)
    core.step(ticket)
    left = {**document, "external_id": "x1.left", "kind": "left"}
    request = fill(left, at=START + timedelta(seconds=left_at))
    told = msgspec.structs.replace(message(ticket, 2, automatic="left"), request=request)
    core.step(told, 100)
    moved = of(core.fire(100), "ticket.transferred")
    assert [fields_of(one)["reason"] for one in moved] == reasons
