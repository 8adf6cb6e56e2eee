"""Two tickets about one matter become one, and nothing that is written for either is lost."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from channels.outbound import Receipt
from router.core import merging
from router.core.events import TicketClose, TicketTriaged
from router.core.lifecycle import TicketState
from router.topics import TICKETS_TRIAGED
from tests.unit.router.core.cores import Core, at, fields_of, message, of, triaged, types
from tests.unit.router.core.story import START, Story

KNOWN = """
agents:
  bob: {capacity: 9}
  sue: {pool: service, queues: [], role: supervisor}
  pat: {pool: office, queues: [], role: supervisor}
customers: {wang: {name: Wang}}
routes:
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
  - {id: rescue, when: {text: {keywords: [rescue]}}, then: {queue: rescue, sla: standard}}
  - {id: default, then: {queue: billing, sla: standard}}
"""


def wang(address: str) -> dict[str, str]:
    """The customer Wang, from one of their addresses."""
    return {"address": address, "customer": "wang"}


async def two(changes: str = "") -> Story:
    """Ann has the ticket a; b waits, of the same customer, from the web chat."""
    story = await Story.begin(KNOWN + changes)
    await story.available("ann")
    await story.request("a", sender=wang("+8610"))
    await story.hand("ann", "a")
    await story.command("ann", "presence", state="busy")
    await story.at(5)
    await story.request("b", "hello again", channel="chat", sender=wang("visitor"))
    return story


async def merged(changes: str = "") -> Story:
    """The ticket b is merged into a."""
    story = await two(changes)
    assert await story.command("ann", "merge", "b", into=story.id("a")) is None
    return story


@pytest.mark.parametrize(
    ("care", "over"),
    [
        ({"command": "follow_up", "kind": "revisit", "after": "1h"},
         {"command": "follow_up_cancel"}),
        ({"command": "order", "worker": "li", "address": "here"},
         {"command": "order_update", "state": "done"}),
    ],
    ids=["follow-up", "order"],
)  # fmt: skip
async def test_what_is_still_to_come_of_a_ticket_is_not_lost_in_another(
    care: dict[str, Any], over: dict[str, Any]
) -> None:
    """It is not merged before that is done or taken back; the other way round it can be."""
    workers = "workers: {li: {phone: '+8613900000001'}}\norders: {account: shop}\n"
    story = await two(workers)
    assert await story.command("ann", ticket="a", **care) is None
    into = {"into": story.id("b")}
    assert await story.command("sue", "merge", "a", **into) == "unfinished"
    assert await story.command("ann", ticket="a", **over) is None
    assert await story.command("sue", "merge", "a", **into) is None


@pytest.mark.parametrize(
    ("agent", "ticket", "into", "reason"),
    [
        ("ann", "b", None, "field_missing"),
        ("ann", "a", "a", "field_invalid"),
        ("ann", "never", "a", "unknown_ticket"),
        ("ann", "b", "never", "unknown_ticket"),
        ("bob", "b", "a", "not_yours"),
        ("pat", "b", "a", "not_yours"),
        ("ann", "a", "b", "not_yours"),
        ("ann", "bobs", "a", "not_yours"),
        ("ann", "offered", "a", "not_yours"),
        ("ann", "stranger", "a", "other_customer"),
        ("sue", "claim", "a", "other_pool"),
        ("sue", "a", "claim", "other_pool"),
        ("sue", "done", "a", "wrong_state"),
        ("sue", "a", "done", "wrong_state"),
    ],
)
async def test_what_cannot_be_merged(
    agent: str, ticket: str, into: str | None, reason: str
) -> None:
    """Both stay as they are."""
    story = await two()
    await story.available("dan")
    await story.request("claim", "a claim", sender="+8620")
    await story.request("offered", "rescue me", sender=wang("+8621"))
    await story.available("bob")
    for name in ("done", "bobs"):
        await story.request(name, sender=wang(f"+{name}"))
        assert await story.command("sue", "assign", name, to="bob") is None
    await story.command("bob", "resolve", "done")
    await story.command("bob", "presence", state="away")
    await story.request("stranger", sender="+8622")
    story._tickets["never"] = "never"
    before = dict(story.desk.tickets.rows)
    story.forget()
    fields: dict[str, Any] = {} if into is None else {"into": story.id(into)}
    assert await story.command(agent, "merge", ticket, **fields) == reason
    assert story.desk.tickets.rows == before
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_the_merged_ticket_ends_and_the_other_has_its_matter() -> None:
    """Both tell of it; the desktops of b's queue lose it, and see in a what b was about."""
    story = await merged()
    assert story.id("b") not in story.desk.tickets.rows
    ended = story.one("ticket.merged", "b").data
    assert (ended["into"], ended["by"]) == (story.id("a"), "ann")
    assert story.one("ticket.removed", "b", "agent.queue.billing").data["reason"] == "merged"
    told = story.one("ticket.merged_in", "a", "agent.queue.billing").data
    assert (told["merged"], told["merged_external_id"]) == (story.id("b"), "b")
    assert (told["text"], told["agent"]) == ("hello again", "ann")


async def test_the_clocks_of_the_merged_ticket_end_and_the_other_keeps_its_own() -> None:
    """What b had alarmed is cleared; a is due when it was."""
    story = await two("slas: {standard: {warn: [50%]}}")
    await story.after(40)
    due = [clock.due_at for clock in story.ticket("a").clocks]
    assert await story.command("ann", "merge", "b", into=story.id("a")) is None
    cleared = story.one("sla.cleared", "b", "sla.escalations").data
    assert (cleared["target"], cleared["reason"]) == ("first_response", "merged")
    assert [clock.due_at for clock in story.ticket("a").clocks] == due
    await story.after(700)
    assert story.events("sla.breached", "b") == []


async def test_who_has_the_merged_ticket_is_free() -> None:
    """Bob's work on it is over; an offer is taken back."""
    story = await two()
    await story.available("bob")
    assert story.holders("b") == ["bob"]
    assert await story.command("sue", "merge", "b", into=story.id("a")) is None
    assert story.one("ticket.offer_rescinded", "b").data["reason"] == "merged"
    assert story.desk.loads.load("bob") == 0
    await story.request("c", sender="+8630")
    await story.hand("bob", "c")
    assert await story.command("sue", "merge", "c", into=story.id("a")) is None
    assert story.desk.loads.load("bob") == 0
    assert len(story.ticket("a").joined) == 2


async def test_a_supervisor_merges_tickets_of_different_customers() -> None:
    """Husband and wife write about one parcel: reference data does not know it, Sue does."""
    story = await two()
    await story.request("c", sender="+8630")
    assert await story.command("sue", "merge", "c", into=story.id("a")) is None
    await story.request("d", sender="+8630", text="any news?")
    assert story.one("ticket.message", "a").data["text"] == "any news?"


async def test_two_tickets_of_one_address_are_of_one_customer() -> None:
    """Nobody has to know who that is."""
    story = await Story.begin(KNOWN + "threading: {window: {sms: 0s}}")
    await story.available("ann")
    await story.request("a")
    await story.hand("ann", "a")
    await story.request("b", "something else")
    await story.command("ann", "accept", "b")
    assert await story.command("ann", "merge", "b", into=story.id("a")) is None


async def test_what_the_customer_writes_later_is_the_surviving_tickets() -> None:
    """By either conversation; an answer goes to the surviving ticket's own."""
    story = await merged()
    await story.request("b2", "are you there?", channel="chat", sender=wang("visitor"))
    await story.request("a2", "hello?", sender=wang("+8610"))
    first, second = (one.data for one in story.events("ticket.message", "a"))
    assert (first["text"], first["joined"]) == ("are you there?", story.id("b"))
    assert (second["text"], second["joined"]) == ("hello?", None)
    await story.command("ann", "reply", "a", text="yes")
    sent = story.one("message.outbound", topic="messages.outbound").data
    assert (sent["channel"], sent["to"]) == ("sms", "+8610")


async def test_a_command_for_the_merged_ticket_says_that_it_was_merged() -> None:
    """Whoever still sees it on their desktop knows what to look for."""
    story = await merged()
    assert await story.command("ann", "note", "b", text="hm") == "merged"
    assert await story.command("ann", "merge", "b", into=story.id("a")) == "merged"
    assert await story.command("ann", "merge", "a", into=story.id("b")) == "merged"
    await story.command("sue", "transfer", tickets=(story.id("b"),), queue="repairs")
    assert story.one("tickets.transferred").data["refused"] == {story.id("b"): "merged"}


async def test_merges_follow_one_another() -> None:
    """From a into b into c: what is written to any of them reaches c."""
    story = await two()
    await story.request("c", "third", sender=wang("+8633"))
    assert await story.command("sue", "merge", "a", into=story.id("b")) is None
    assert await story.command("sue", "merge", "b", into=story.id("c")) is None
    messages: dict[str, dict[str, Any]] = {
        "a2": {"sender": wang("+8610")},
        "b2": {"sender": wang("visitor"), "channel": "chat"},
        "c2": {"sender": wang("+8633")},
    }
    for name, fields in messages.items():
        await story.request(name, name, **fields)
    told = [(one.data["text"], one.data["joined"]) for one in story.events("ticket.message", "c")]
    assert told == [("a2", story.id("a")), ("b2", story.id("b")), ("c2", None)]
    assert [one.data["into"] for one in story.events("ticket.merged")] == [
        story.id("b"),
        story.id("c"),
    ]


async def test_the_older_wait_is_the_surviving_tickets() -> None:
    """The customer has waited since b where a came later."""
    story = await two()
    assert await story.command("sue", "merge", "a", into=story.id("b")) is None
    assert story.ticket("b").waiting_since == START


async def test_an_unanswered_ticket_merged_into_an_answered_one_waits_for_an_answer() -> None:
    """Its next response counts from when the customer wrote, not from the merge."""
    story = await two()
    await story.command("ann", "reply", "a", text="hello")
    await story.at(40)
    assert await story.command("ann", "merge", "b", into=story.id("a")) is None
    assert story.ticket("a").waiting_since == START + timedelta(seconds=5)
    await story.after(65)
    told = story.one("sla.breached", "a").data
    assert (told["target"], story.one("sla.breached", "a").at) == ("next_response", 65)


@pytest.mark.parametrize(("merged", "into", "at"), [("b", "a", 65), ("a", "b", 90)])
async def test_the_next_response_counts_from_the_older_of_two_waits(
    merged: str, into: str, at: float
) -> None:
    """The first answer to b is owed since 5, the next one of a since 30; b keeps its clocks."""
    story = await two("slas: {standard: {first_response: 85s, next_response: 60s}}")
    await story.command("ann", "reply", "a", text="hello")
    await story.at(30)
    await story.request("a2", "and again", sender=wang("+8610"))
    await story.at(40)
    assert await story.command("sue", "merge", merged, into=story.id(into)) is None
    assert story.ticket(into).waiting_since == START + timedelta(seconds=5)
    changed = [one.data["target"] for one in story.events("sla.changed", into)]
    assert changed == (["next_response"] if into == "a" else [])
    await story.after(90)
    assert story.one("sla.breached", into).at == at


async def test_an_unanswered_ticket_merged_into_a_pending_one_makes_it_go_on() -> None:
    """The customer has written: nobody waits for them any more."""
    story = await two("slas: {standard: {pause: [pending]}}")
    await story.command("ann", "pending", "a")
    await story.at(20)
    await story.command("ann", "presence", state="available")
    assert await story.command("sue", "merge", "b", into=story.id("a")) is None
    assert story.one("ticket.resumed", "a").data["reason"] == "customer_replied"
    assert story.ticket("a").pauses[-1].until == START + timedelta(seconds=20)


async def test_a_merge_of_what_waits_for_nobody_wakes_nobody() -> None:
    """Ticket b was answered: a stays pending."""
    story = await two()
    await story.command("sue", "assign", "b", to="ann", force=True)
    await story.command("ann", "reply", "b", text="hello")
    await story.command("ann", "pending", "a")
    assert await story.command("ann", "merge", "b", into=story.id("a")) is None
    assert story.ticket("a").state is TicketState.PENDING


async def test_both_conversations_end_with_the_surviving_ticket() -> None:
    """An answer in either reopens it until it is closed; then either begins anew."""
    story = await merged()
    await story.command("ann", "presence", state="available")
    await story.command("ann", "resolve", "a")
    assert {one.state for one in story.triage.conversations.rows.values()} == {"resolved"}
    await story.request("b2", "not yet!", channel="chat", sender=wang("visitor"))
    assert story.one("ticket.reopened", "a").data["by"] == "customer"
    assert {one.state for one in story.triage.conversations.rows.values()} == {"open"}
    await story.hand("ann", "a")
    await story.command("ann", "resolve", "a")
    story.forget()
    await story.after(story.now.timestamp() - START.timestamp() + 600)
    assert [one.type for one in story.events("ticket.closed")] == ["ticket.closed"]
    assert {one.state for one in story.triage.conversations.rows.values()} == {"closed"}
    assert len(story.desk.stubs) == 0
    await story.request("b3", "good day", channel="chat", sender=wang("visitor"))
    assert story.one("ticket.opened").data["previous"] == story.id("a")


async def test_the_first_message_of_a_merged_ticket_is_still_a_duplicate() -> None:
    """However late it comes again."""
    story = await merged()
    await story.after(2 * 3600)
    story.forget()
    await story.request("b", "hello again", channel="chat", sender=wang("visitor"))
    assert [one.type for one in story.told] == ["request.duplicate"]


async def test_a_merged_ticket_goes_along_to_another_pool() -> None:
    """What is written in b's conversation reaches Eve, who has the surviving ticket now."""
    story = await merged()
    assert await story.command("ann", "transfer", "a", queue="claims") is None
    await story.request("b2", "are you there?", channel="chat", sender=wang("visitor"))
    told = story.one("ticket.message", "a").data
    assert (told["pool"], told["joined"]) == ("office", story.id("b"))
    conversations = story.triage.conversations.rows.values()
    assert {one.pool for one in conversations} == {"office"}


async def test_so_many_can_be_merged_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket stays small."""
    monkeypatch.setattr(merging, "MOST_JOINED", 1)
    story = await merged()
    await story.request("c", sender="+8630")
    assert await story.command("sue", "merge", "c", into=story.id("a")) == "too_many"


async def test_a_merge_is_restored_as_it_was() -> None:
    """A shard that comes up again knows where the messages go."""
    story = await merged()
    stored = {
        f"{table.name}:{key}": table.stored(key)
        for table in (story.desk.tickets, story.desk.stubs)
        for key in table
    }
    core = Core(KNOWN)
    for key, data in stored.items():
        assert data is not None
        core.core.journal.load(key, data)
    assert core.core.desk.tickets.rows == story.desk.tickets.rows
    assert core.core.desk.stubs.rows == story.desk.stubs.rows


# -- what triage does not know yet


def elsewhere(name: str) -> TicketTriaged:
    """Triage's order to take on a ticket of a conversation of its own."""
    return msgspec.structs.replace(triaged(name), conversation=f"{name}-1")


class Merged:
    """Dispatch alone, after a merge of which triage has not read."""

    def __init__(self) -> None:
        self.core, self.a, self.b = Core(KNOWN), triaged("a"), elsewhere("b")
        for order in (self.a, self.b):
            self.core.step(order)
        self.core.step(message(self.b, 2), 1)
        self.outputs = self.core.command(
            "sue", "merge", 2, ticket=self.b.ticket, into=self.a.ticket
        )


def test_a_message_that_was_on_its_way_is_the_surviving_tickets() -> None:
    """Each conversation keeps its own numbers: none is lost, none counts twice."""
    world = Merged()
    order = message(world.b, 4)
    (told, *_) = of(world.core.step(order, 3), "ticket.message")
    assert fields_of(told)["ticket"] == world.a.ticket
    assert fields_of(told)["joined"] == world.b.ticket
    assert world.core.step(message(world.b, 4), 4) == []
    assert world.core.step(message(world.b, 2), 4) == []
    assert of(world.core.step(message(world.b, 3), 5), "ticket.message")
    assert of(world.core.step(message(world.a, 2), 6), "ticket.message")


def test_a_conversation_that_nobody_told_of_is_counted_from_here() -> None:
    """Its message reaches the ticket, once."""
    core, a = Core(KNOWN), triaged("a")
    core.step(a)
    stray = msgspec.structs.replace(message(elsewhere("other"), 7), ticket=a.ticket)
    assert of(core.step(stray, 1), "ticket.message")
    assert core.step(stray, 2) == []


def test_a_receipt_for_the_merged_ticket_is_shown_in_the_surviving_one() -> None:
    """That b's acknowledgement bounced concerns whoever has a."""
    world = Merged()
    bounce = Receipt(
        id="r1", message="m1", kind="ack", outcome="bounced", ticket=world.b.ticket,
        pool="service", permanent=True, at=at(7),
    )  # fmt: skip
    (receipt, *_) = of(world.core.step(bounce, 7), "message.receipt")
    assert fields_of(receipt)["ticket"] == world.a.ticket


def test_a_close_or_an_order_that_comes_late_for_the_merged_ticket_does_nothing() -> None:
    """It had been resolved, and was reopened and merged before triage's word came."""
    world = Merged()
    close = TicketClose(
        ticket=world.b.ticket, conversation=world.b.conversation, pool="service",
        resolved_at=at(1),
    )  # fmt: skip
    assert world.core.step(close, 3) == []
    assert world.core.step(world.b, 4) == []
    assert list(world.core.core.desk.tickets) == [world.a.ticket]
    assert len(world.core.core.desk.stubs) == 1


class Apart(Merged):
    """The surviving ticket has gone to the other pool, which is another shard."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Core(KNOWN)
        outputs = self.core.command("sue", "transfer", 3, ticket=self.a.ticket, queue="claims")
        (self.move,) = of(outputs, "ticket.moved")
        self.office.take_in(self.move, 4)


def test_a_message_finds_the_surviving_ticket_in_another_pool() -> None:
    """From stub to stub: to the ticket, to its pool, to the ticket there."""
    world = Apart()
    (forwarded,) = world.core.step(message(world.b, 3), 5)
    assert (forwarded.topic, forwarded.key) == (TICKETS_TRIAGED, "office")
    (told, *_) = of(world.office.take_in(forwarded, 6), "ticket.message")
    assert (fields_of(told)["ticket"], fields_of(told)["joined"]) == (
        world.a.ticket, world.b.ticket,
    )  # fmt: skip
    assert world.core.step(world.b, 7) == [], "its order, redriven, opens no second one"


def test_a_message_that_comes_after_everything_opens_a_ticket_where_it_is_read() -> None:
    """The surviving ticket was closed in the other pool: nobody else would read it."""
    world = Apart()
    world.office.command("eve", "presence", 5, state="available")
    world.office.command("eve", "accept", 5, ticket=world.a.ticket)
    world.office.command("eve", "resolve", 6, ticket=world.a.ticket)
    close = TicketClose(
        ticket=world.a.ticket, conversation=world.a.conversation, pool="service",
        resolved_at=at(6),
    )  # fmt: skip
    (forwarded,) = world.core.step(close, 700)
    assert types(world.office.take_in(forwarded, 701)) == ["ticket.closed"]
    assert len(world.office.core.desk.stubs) == 0
    world.core.fire(1_000_000)
    world.core.core.journal.committed()
    late = message(world.b, 5)
    with pytest.raises(LookupError):
        world.core.step(late, 1_000_001)
    world.core.core.journal.rollback()
    outputs = world.core.core.fallback(late, world.core.given(late), at(1_000_001))
    assert types(outputs)[0] == "ticket.parked"


def test_triage_is_told_of_every_conversation_where_its_messages_go() -> None:
    """Of a chain, each conversation by its own ticket."""
    world = Merged()
    c = elsewhere("c")
    world.core.step(c, 3)
    outputs = world.core.command("sue", "merge", 4, ticket=world.a.ticket, into=c.ticket)
    told = [fields_of(one) for one in of(outputs, "ticket.feedback")]
    assert [(one["ticket"], one["into"]) for one in told] == [
        (world.a.ticket, c.ticket),
        (world.b.ticket, c.ticket),
    ]
    assert {one["change"] for one in told} == {"merged"}


def test_what_comes_after_the_end_opens_a_ticket_rather_than_vanish() -> None:
    """The surviving ticket was closed, and a message of b is read only now."""
    world = Merged()
    desk = world.core.core.desk
    world.core.command("ann", "presence", 3, state="available")
    world.core.command("sue", "assign", 3, ticket=world.a.ticket, to="ann")
    world.core.command("ann", "resolve", 4, ticket=world.a.ticket)
    close = TicketClose(
        ticket=world.a.ticket, conversation=world.a.conversation, pool="service",
        resolved_at=at(4),
    )  # fmt: skip
    assert types(world.core.step(close, 700)) == ["ticket.closed"]
    late = message(world.b, 5)
    with pytest.raises(LookupError):
        world.core.step(late, 701)
    world.core.core.journal.rollback()
    outputs = world.core.core.fallback(late, world.core.given(late), at(701))
    assert types(outputs)[0] == "ticket.parked"
    assert desk.tickets.rows[world.b.ticket].state is TicketState.PARKED
