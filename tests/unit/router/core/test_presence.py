"""Agents come and go; their offers and their work follow."""

import pytest

from router.topics import OPERATIONS, TICKETS_EVENTS
from tests.unit.router.core.story import START, Story, Told
from tests.unit.router.core.test_commands import assigned


async def test_an_agent_whose_connection_is_silent_is_offline_when_the_lease_ends() -> None:
    """Renewed it holds; unrenewed the offer goes back, exactly at its end not yet."""
    story = await Story.begin("queues: {billing: {offer_timeout: 10m}}")
    await story.available("bob", lease_seconds=30)
    await story.at(20)
    await story.available("bob", lease_seconds=30)
    await story.request("x1")
    await story.at(50)
    assert story.holders("x1") == ["bob"]
    assert len(story.events("agent.presence")) == 1
    await story.after(50)
    gone = story.events("agent.presence")[-1].data
    assert (gone["state"], gone["reason"], gone["pool"]) == ("offline", "lease", "service")
    assert story.one("ticket.offer_rescinded", "x1").data["agent"] == "bob"


async def test_an_offer_that_was_taken_back_does_not_count_as_refused() -> None:
    """Bob comes back and is asked again at once."""
    story = await Story.begin()
    await story.available("bob")
    await story.request("x1")
    await story.command("bob", "presence", state="busy")
    assert story.ticket("x1").state.value == "queued"
    await story.available("bob")
    assert story.holders("x1") == ["bob", "bob"]


async def test_the_work_of_a_disconnected_agent_is_kept_for_a_grace_time() -> None:
    """Within it the agent finds it again; after it others are asked, with its original age."""
    story = await assigned(agent="bob")
    await story.at(10)
    await story.command("bob", "presence", state="offline")
    await story.at(20)
    await story.command("bob", "presence", state="away")
    await story.at(40)
    assert story.ticket("x1").agent == "bob"
    await story.command("bob", "presence", state="offline")
    await story.at(55)
    assert story.ticket("x1").agent == "bob"
    await story.available("ann")
    await story.after(55)
    requeued = story.one("ticket.requeued", "x1").data
    assert (requeued["reason"], requeued["agent"]) == ("agent_offline", "bob")
    assert story.holders("x1") == ["bob", "ann"]
    assert story.ticket("x1").enqueued_at == START


async def test_a_pending_ticket_stays_with_its_agent_when_they_go() -> None:
    """It waits for the customer; once the customer has answered, somebody who is there gets it."""
    story = await assigned("slas: {standard: {pause: [pending]}}", agent="bob")
    await story.command("bob", "pending", "x1")
    await story.command("bob", "presence", state="offline")
    await story.available("ann")
    await story.at(100)
    assert story.ticket("x1").agent == "bob"
    await story.request("x2", text="here it is")
    assert story.one("ticket.requeued", "x1").data["reason"] == "customer_replied"
    assert story.holders("x1") == ["bob", "ann"]
    assert len(story.events("sla.resumed", "x1")) == 2


async def test_the_customers_answer_brings_a_pending_ticket_back_to_its_agent() -> None:
    """The agent is there and has room: the clocks go on, nobody else is asked."""
    story = await assigned("slas: {standard: {pause: [pending]}}")
    await story.command("ann", "pending", "x1")
    await story.at(100)
    await story.request("x2", text="here it is")
    assert story.one("ticket.resumed", "x1").data["reason"] == "customer_replied"
    assert story.holders("x1") == ["ann"]
    assert story.desk.loads.load("ann") == 1


async def test_a_pending_ticket_whose_agent_is_full_goes_to_others() -> None:
    """Capacity is never exceeded, not even by the customer's answer."""
    story = await assigned(agent="bob")
    await story.command("bob", "pending", "x1")
    await story.request("x2", sender="+8611")
    await story.hand("bob", "x2")
    await story.request("x3", text="here it is")
    assert story.one("ticket.requeued", "x1").data["agent"] == "bob"
    assert story.desk.loads.load("bob") == 1


async def test_weights_say_how_much_of_an_agent_a_channel_takes() -> None:
    """A call takes all of Ann; while she has it she gets nothing else."""
    story = await Story.begin("agents: {ann: {weights: {hotline: 2}}}")
    await story.available("ann")
    call = {"id": "1", "outcome": "abandoned"}
    await story.request("x1", channel="hotline", kind="call", call=call)
    assert story.desk.loads.load("ann") == 2
    await story.request("x2")
    assert story.holders("x2") == []


async def test_who_lets_offer_after_offer_lapse_is_away() -> None:
    """The third tells: the tickets wait for somebody who is there."""
    story = await Story.begin("agents: {bob: {capacity: 1}}")
    await story.available("bob")
    await story.request("x1")
    await story.at(200)
    assert len(story.holders("x1")) == 3
    gone = story.events("agent.presence")[-1].data
    assert (gone["agent"], gone["state"], gone["reason"]) == ("bob", "away", "missed_offers")
    await story.available("bob")
    assert len(story.holders("x1")) == 4


@pytest.mark.parametrize("answer", ["accept", "decline", "renewal"])
async def test_who_answers_an_offer_is_there(answer: str) -> None:
    """Two missed, one answered, two missed: still available. A renewal alone answers nothing."""
    story = await Story.begin("agents: {bob: {capacity: 2}}")
    await story.available("bob", lease_seconds=3600)
    await story.request("x1")
    await story.at(35)
    assert len(story.events("ticket.offer_expired")) == 2
    if answer == "renewal":
        await story.available("bob", lease_seconds=3600)
    else:
        await story.at(41)
        await story.command("bob", answer, "x1")
        if answer == "accept":
            await story.request("x2", sender="+8611")
    await story.at(75)
    assert story.desk.agent("bob").presence == ("away" if answer == "renewal" else "available")
    await story.at(200)
    assert story.desk.agent("bob").presence == "away"


@pytest.mark.parametrize("seconds", [0, -1, 1e12])
async def test_a_lease_is_of_some_days_at_most(seconds: float) -> None:
    """Anything else is refused, and changes nothing."""
    story = await Story.begin()
    said = await story.command("bob", "presence", state="available", lease_seconds=seconds)
    assert said == "field_invalid"
    assert story.desk.agent("bob").presence == "offline"


REASONS = """
presence:
  reasons:
    lunch: {state: away, at_most: 1h}
    training: {state: away}
    paperwork: {state: busy}
"""


async def test_why_an_agent_is_away_is_in_the_books_and_in_the_event() -> None:
    """Beside how it came to be known."""
    story = await Story.begin(REASONS)
    assert await story.command("bob", "presence", state="away", reason="lunch") is None
    told = story.one("agent.presence").data
    assert (told["state"], told["reason"], told["presence_reason"]) == ("away", "command", "lunch")
    assert story.desk.agent("bob").reason == "lunch"


@pytest.mark.parametrize(
    ("state", "reason", "rejection"),
    [
        ("away", "lunch", None),
        ("away", "lnuch", "unknown_reason"),
        ("away", "paperwork", "unknown_reason"),
        ("available", "lunch", "unknown_reason"),
        ("away", None, "field_missing"),
        ("available", None, None),
        ("offline", None, None),
    ],
)
async def test_a_reason_is_one_of_the_state(
    state: str, reason: str | None, rejection: str | None
) -> None:
    """A state that has reasons wants one of them; the others want none."""
    story = await Story.begin(REASONS)
    assert await story.command("bob", "presence", state=state, reason=reason) == rejection
    assert (story.events("agent.presence") == []) is (rejection is not None)


async def test_without_reasons_in_the_rulebook_any_word_will_do() -> None:
    """It is passed on."""
    story = await Story.begin()
    assert await story.command("bob", "presence", state="away", reason="tea") is None
    assert story.one("agent.presence").data["presence_reason"] == "tea"


async def test_operations_hear_once_of_a_stay_that_is_too_long() -> None:
    """Renewals do not prolong it; another reason begins another stay."""
    story = await Story.begin(REASONS)
    for seconds in (0, 1800, 3599):
        await story.at(seconds)
        renewal = await story.command(
            "bob", "presence", state="away", reason="lunch" if not seconds else None,
            lease_seconds=7200,
        )  # fmt: skip
        assert renewal is None
    assert story.events("agent.overdue") == []
    await story.after(3600)
    overdue = story.one("agent.overdue")
    assert overdue == Told(3600, TICKETS_EVENTS, "agent.overdue", overdue.data)
    assert story.one("agent.overdue", topic=OPERATIONS).data == overdue.data
    assert overdue.data == {
        "agent": "bob", "pool": "service", "state": "away", "presence_reason": "lunch",
        "since": "2027-03-01T09:00:00Z", "due_at": "2027-03-01T10:00:00Z",
        "at": overdue.data["at"],
    }  # fmt: skip
    await story.at(9000)
    assert len(story.events("agent.overdue")) == 1
    await story.command("bob", "presence", state="away", reason="training", lease_seconds=7200)
    await story.command("bob", "presence", state="away", reason="lunch", lease_seconds=7200)
    await story.after(12600)
    assert len(story.events("agent.overdue")) == 2


async def test_who_comes_back_in_time_is_not_overdue() -> None:
    """Exactly at the end is in time."""
    story = await Story.begin(REASONS)
    await story.command("bob", "presence", state="away", reason="lunch")
    await story.at(3600)
    await story.available("bob")
    await story.at(9000)
    assert story.events("agent.overdue") == []
