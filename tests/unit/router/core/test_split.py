"""A new topic in an old conversation becomes a ticket of its own, by way of triage."""

from datetime import timedelta
from typing import Any

import pytest

from channels.identity import ticket_id
from tests.unit.router.core.story import START, Story

TOPICS = """
agents:
  sue: {pool: service, queues: [], role: supervisor}
  pat: {pool: office, queues: [], role: supervisor}
slas: {fast: {calendar: always, first_response: 5s}, slow: {calendar: always, resolution: 1d}}
types: {repair: {sla: fast}, invoice: {}}
defaults: {sla: slow}
acks: {got: {sms: "{{ ticket }}", email: "{{ ticket }}"}}
routes:
  - {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
  - {id: repair, when: {text: {keywords: [repair]}}, then: {queue: repairs, type: repair, ack: got}}
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
  - {id: default, then: {queue: billing, ack: got}}
"""


async def talking(**fields: Any) -> Story:
    """Ann has the ticket x1."""
    story = await Story.begin(TOPICS)
    await story.available("ann")
    await story.request("x1", **fields)
    await story.hand("ann", "x1")
    return story


async def split(story: Story, agent: str = "ann", **fields: Any) -> str:
    """The topic is split off x1; returns the name of its ticket."""
    assert await story.command(agent, "split", "x1", id="s1", **fields) is None
    story._tickets["new"] = story.one("ticket.split", "x1").data["opens"]
    return "new"


@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("bob", {"text": "a repair"}, "not_yours"),
        ("pat", {"text": "a repair"}, "not_yours"),
        ("ann", {}, "field_missing"),
        ("ann", {"text": "x", "ticket": "never"}, "unknown_ticket"),
        ("ann", {"text": "x", "queue": "nowhere"}, "unknown_queue"),
        ("ann", {"text": "x", "type": "song"}, "unknown_type"),
    ],
)
async def test_what_cannot_be_split(agent: str, fields: dict[str, Any], reason: str) -> None:
    """Nothing is written, and the outcome says why."""
    story = await talking()
    story.forget()
    assert await story.command(agent, "split", **({"ticket": "x1"} | fields)) == reason
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_settled_ticket_is_not_split() -> None:
    """A new matter of the customer's is a new request."""
    story = await talking()
    await story.command("ann", "resolve", "x1")
    assert await story.command("sue", "split", "x1", text="a repair") == "wrong_state"


async def test_a_topic_goes_where_the_rules_say() -> None:
    """It is a ticket of the same customer, in a conversation of its own, after the old one."""
    story = await talking()
    await story.at(20)
    new = await split(story, text="please repair my door")
    opened = story.one("ticket.opened", new).data
    assert (opened["queue"], opened["type"], opened["rule"]) == ("repairs", "repair", "repair")
    assert opened["previous"] == story.id("x1")
    assert opened["conversation"] != story.ticket("x1").conversation
    assert story.ticket(new).sender == "+8610"
    noted = story.one("ticket.split", "x1").data
    assert (noted["agent"], noted["text"]) == ("ann", "please repair my door")
    assert noted["opens"] == ticket_id(noted["request"]) == story.id(new)
    assert story.ticket("x1").agent == "ann", "the old ticket stays where it is"


async def test_no_second_acknowledgement_goes_out() -> None:
    """The customer has got one for the message that the topic was in; the event says so."""
    story = await talking()
    acks = story.events("message.outbound", topic="messages.outbound")
    assert [one.data["kind"] for one in acks] == ["ack"]
    new = await split(story, text="please repair my door")
    opened = story.one("ticket.opened", new).data
    assert (opened["ack"], opened["ack_withheld"]) == ("got", "split")
    assert len(story.events("message.outbound", topic="messages.outbound")) == 1


async def test_the_customer_has_waited_since_the_message_that_nobody_answered() -> None:
    """The topic's clocks count from then; after an answer, from the split."""
    story = await talking()
    await story.at(20)
    new = await split(story, text="please repair my door")
    assert story.ticket(new).created_at == START
    assert story.one("sla.breached", new).data["lapsed_at"].startswith("2027-03-01T09:00:05")


async def test_a_topic_of_an_answered_message_counts_from_the_split() -> None:
    """Nobody owes the customer anything from before."""
    story = await talking()
    await story.command("ann", "reply", "x1", text="hello")
    await story.at(20)
    new = await split(story, subject="the door")
    assert story.ticket(new).created_at == START + timedelta(seconds=20)
    assert story.ticket(new).subject == "the door"


@pytest.mark.parametrize(
    ("fields", "queue", "kind", "sla"),
    [
        ({"text": "hello"}, "billing", None, "slow"),
        ({"text": "hello", "queue": "repairs"}, "repairs", None, "slow"),
        ({"text": "hello", "type": "repair"}, "billing", "repair", "fast"),
        ({"text": "a claim", "type": "repair"}, "claims", "repair", "standard"),
        ({"text": "a claim", "queue": "rescue"}, "rescue", None, "standard"),
        ({"text": "the casino is loud"}, "billing", None, "slow"),
        ({"text": "the casino is loud", "queue": "repairs"}, "repairs", None, "slow"),
    ],
)
async def test_what_the_agent_says_goes_before_what_the_rules_say(
    fields: dict[str, Any], queue: str, kind: str | None, sla: str
) -> None:
    """Queue and type; the SLA follows the type unless a route names one; nothing is dropped."""
    story = await talking()
    new = await split(story, **fields)
    opened = story.one("ticket.opened", new).data
    assert (opened["queue"], opened["type"], opened["sla"]) == (queue, kind, sla)
    assert opened["explanation"]["split"]["by"] == "ann"
    assert story.ticket(new).queue == queue


async def test_a_supervisor_splits_anybodys_ticket() -> None:
    """Of their own pool."""
    story = await talking()
    assert await split(story, "sue", text="please repair my door")


async def test_each_matter_goes_on_in_its_own_conversation() -> None:
    """Answers to the two tickets' messages find their way, though they are of one address."""
    story = await talking(channel="email", sender="wang@shop.example", subject="my bill")
    new = await split(story, text="please repair my door", subject="my door")
    assert story.ticket(new).references == story.ticket("x1").references
    for name, text in (("x1", "about the bill"), (new, "about the door")):
        await story.request(
            f"answer-{name}", text, channel="email", sender="wang@shop.example",
            conversation=story.ticket(name).conversation,
        )  # fmt: skip
        assert story.one("ticket.message", name).data["text"] == text


async def test_what_names_no_conversation_belongs_to_the_one_that_the_customer_began() -> None:
    """Who chats with Ann knows of one conversation; the other is meant once that is settled."""
    story = await talking(channel="chat", sender="v1")
    new = await split(story, text="please repair my door")
    await story.request("x2", "and my bill?", channel="chat", sender="v1")
    assert story.one("ticket.message", "x1").data["text"] == "and my bill?"
    await story.command("ann", "resolve", "x1")
    await story.request("x3", "is anybody coming?", channel="chat", sender="v1")
    assert story.one("ticket.message", new).data["text"] == "is anybody coming?"


async def test_whom_to_answer_goes_along() -> None:
    """The Reply-To of the old message holds for the topic as well."""
    story = await talking(
        channel="email", sender="wang@shop.example", attributes={"message_id": "<m1>"},
        recipients=[{"address": "office@shop.example", "name": "Office", "role": "reply_to"}],
    )  # fmt: skip
    new = await split(story, text="please repair my door")
    ticket = story.ticket(new)
    assert (ticket.answer_to, ticket.answer_name) == ("office@shop.example", "Office")
    assert ticket.references == ("<m1>",)


async def test_a_split_that_is_sent_twice_opens_one_ticket() -> None:
    """The command's id makes the request's."""
    story = await talking()
    for _ in range(2):
        assert await story.command("ann", "split", "x1", id="s1", text="repair it") is None
    assert len(story.events("ticket.split", "x1")) == 1
    assert len(story.events("ticket.opened")) == 2


async def test_a_topic_can_be_split_off_again_and_merged_back() -> None:
    """The tickets are as any others."""
    story = await talking()
    new = await split(story, text="hello")
    assert await story.command("sue", "merge", new, into=story.id("x1")) is None
    assert story.one("ticket.merged", new).data["into"] == story.id("x1")
