"""What the shard asks of dispatch beside its steps: timers that raise, come-backs, fallbacks."""

import pytest

from channels.outbound import Receipt
from router.core.events import TicketClose
from tests.unit.router.core.cores import (
    Core,
    activation,
    at,
    fields_of,
    message,
    of,
    triaged,
    types,
)
from tests.unit.router.core.story import Story, rules


def test_whoever_could_not_answer_while_the_shard_was_down_gets_the_time_anew() -> None:
    """An offer, a lease and a grace time that ended meanwhile begin again at the catch-up."""
    core = Core("agents: {ann: {capacity: 1}}")
    core.command("ann", "presence", state="available", lease_seconds=30)
    core.step(triaged("x1"))
    core.command("dan", "presence", state="available", lease_seconds=30)
    core.step(triaged("x2", queue="rescue"))
    core.command("dan", "accept", 1, ticket=triaged("x2").ticket)
    core.command("dan", "presence", 2, state="offline")
    core.command("eve", "presence", 2, state="available")
    core.step(triaged("x3", queue="repairs"))
    assert core.core.caught_up(at(50)) == []
    found = core.fire(60)
    assert "ticket.offer_expired" not in types(found)
    assert "agent.presence" not in types(found)
    assert "ticket.requeued" not in types(found)
    (expired,) = of(core.fire(60.5), "ticket.offer_expired")[:1]
    assert fields_of(expired)["agent"] == "ann"
    assert fields_of(of(core.fire(66), "ticket.requeued")[0])["agent"] == "dan"
    gone = [fields_of(one)["agent"] for one in of(core.fire(81), "agent.presence")]
    assert gone == ["ann"], "dan is offline already, eve has no lease"


def test_a_ticket_whose_order_raised_is_parked_and_can_be_worked_on() -> None:
    """The customer was told that we have it: it waits in its pool's first queue for an agent."""
    core, order = Core(), triaged(queue="repairs")
    outputs = core.core.fallback(order, core.given(order), at(1))
    parked = fields_of(of(outputs or [], "ticket.parked")[0])
    assert (parked["queue"], parked["reason"]) == ("billing", "unusable_record")
    core.command("ann", "presence", 2, state="available")
    assert "ticket.assigned" in types(core.command("ann", "accept", 3, ticket=order.ticket))
    assert "ticket.message" in types(core.step(message(order, 2), 4))


def test_a_parked_ticket_is_not_opened_again_when_its_order_is_redriven() -> None:
    """Operations repair the cause and redrive the dead letter: one ticket remains one."""
    core, order = Core(), triaged()
    assert core.core.fallback(order, core.given(order), at(1))
    assert core.step(order, 2) == []
    assert core.core.fallback(order, core.given(order), at(3)) is None


def test_a_ticket_whose_pool_is_gone_is_parked_in_another() -> None:
    """Even the least step finds a place for it."""
    core = Core()
    order = triaged(pool="nowhere")
    outputs = core.core.fallback(order, core.given(order), at(1))
    assert fields_of(of(outputs or [], "ticket.parked")[0])["queue"] == "billing"


async def test_a_message_that_comes_after_its_ticket_was_closed_is_not_lost() -> None:
    """The step raises; as a dead letter it tells operations, and a parked ticket holds it."""
    core, order = Core(), triaged()
    late = message(order, 2)
    with pytest.raises(LookupError, match="too late"):
        core.step(late)
    outputs = core.core.fallback(late, core.given(late), at(1)) or []
    assert types(outputs) == ["ticket.parked", "sla.breached"]
    assert core.core.desk.tickets.rows[order.ticket].text == "message 2"


def test_other_events_need_no_care_when_their_step_raised() -> None:
    """A close or a receipt is in the dead letters, and nobody waits for it."""
    core = Core()
    close = TicketClose(ticket="t", conversation="c-1", pool="service", resolved_at=at(0))
    assert core.core.fallback(close, core.given(close), at(1)) is None


@pytest.mark.parametrize("table", ["ticket", "agent", "stub", "command"])
def test_a_timer_that_raised_is_put_off_and_does_not_block_the_others(table: str) -> None:
    """Whatever it belongs to, it is due again at the given instant, and not before."""
    core, order = Core(), triaged()
    if table in {"agent", "stub"}:
        core.command("ann", "presence", state="available", lease_seconds=5)
    if table in {"ticket", "stub"}:
        core.step(order)
    if table == "stub":
        core.command("ann", "accept", ticket=order.ticket)
        core.command("ann", "transfer", ticket=order.ticket, queue="claims")
    if table == "command":
        core.command("ann", "presence", state="available")
    late = 100 * 86_400.0
    key = _first_due(core, table, late)
    core.core.postpone(at(late))
    assert (table, key) != (core.core.desk.timers.due(at(late)) or ())[:2]
    assert _first_due(core, table, late + 1) == key
    assert core.core.next_at() == at(late)


def _first_due(core: Core, table: str, before: float) -> str:
    """The key of what is due first in the table; what is due earlier in others has fired."""
    while True:
        due = core.core.desk.timers.due(at(before))
        assert due is not None
        if due[0] == table:
            return due[1]
        core.core.fire(at(before), due[2])


def test_nothing_is_put_off_when_nothing_is_due() -> None:
    """The ticket's clocks stay as they are."""
    core = Core()
    core.step(triaged())
    before = core.core.next_at()
    core.core.postpone(at(1))
    assert core.core.next_at() == before


def test_without_a_rulebook_there_is_no_queue_and_no_agent() -> None:
    """The desk says so; the shard holds every record back until there is one."""
    core = Core()
    core.core.desk.rulebooks.delete("current")
    assert core.core.activation == 0
    with pytest.raises(LookupError, match="no rulebook"):
        _ = core.core.desk.compiled
    with pytest.raises(LookupError, match="no rulebook"):
        _ = core.core.desk.roster


def test_a_rulebook_whose_step_is_undone_gives_way_to_the_former_one() -> None:
    """Back and forth between two, tickets wait where the rulebook in force has them."""
    core, order = Core(), triaged()
    core.step(order)
    changes = "{queues: {letters: {}}, pools: {office: {queues: [letters, claims]}}}"
    event = activation(2, rules(changes))
    core.core.step(event, core.given(event), at(1))
    assert core.core.activation == 2
    core.core.journal.rollback()
    assert core.core.activation == 1
    core.command("bob", "presence", 2, state="available")
    assert core.core.desk.tickets.rows[order.ticket].holder == "bob"


async def test_what_became_of_a_reply_is_told_to_the_agents_desktop() -> None:
    """A bounce comes on the queue's topic; one of an unknown ticket is nobody's."""
    story = await Story.begin()
    await story.request("x1")
    await story.receipt("x1", outcome="bounced", permanent=True, reason="550 no such user")
    told = story.one("message.receipt", "x1", "agent.queue.billing").data
    assert (told["outcome"], told["permanent"]) == ("bounced", True)
    story.forget()
    await story.receipt("unknown")
    assert story.told == []


def test_a_receipt_of_no_ticket_is_nobodys() -> None:
    """A notice that was sent outside of any ticket."""
    receipt = Receipt(id="r", message="m", kind="notice", outcome="delivered", at=at(0))
    assert Core().step(receipt) == []


async def test_a_ticket_that_was_reopened_in_time_is_not_closed() -> None:
    """The order to close it crossed the customer's message."""
    story = await Story.begin()
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    resolved_at = story.now
    await story.at(5)
    await story.request("x2", text="it is back")
    close = TicketClose(
        ticket=story.id("x1"), conversation=story.ticket("x1").conversation, pool="service",
        resolved_at=resolved_at,
    )  # fmt: skip
    await story.publish("tickets.triaged", "service", close.TYPE, close, "late")
    assert story.events("ticket.closed") == []
    assert story.ticket("x1").open


async def test_a_ticket_is_closed_when_its_reopen_window_is_over() -> None:
    """Then dispatch forgets it; a later message opens a new ticket that names the old one."""
    story = await Story.begin("threading: {window: {sms: 2h}}")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.command("ann", "resolve", "x1")
    await story.after(600)
    assert story.one("ticket.closed", "x1").at == 600
    assert len(story.desk.tickets) == 0
    await story.request("x2")
    assert len(story.events("ticket.opened", "x2")) == 1


async def test_a_repeated_order_is_ignored() -> None:
    """One ticket a request."""
    core, order = Core(), triaged()
    assert core.step(order)
    assert core.step(order) == []


def test_only_a_desktop_waits_for_an_answer_to_what_cannot_be_read() -> None:
    """Anything else that is malformed goes to the dead letters."""
    core = Core()
    given = core.given({"id": "1", "agent": "ann"})
    assert core.core.refuse("ticket.triaged", given, "no good", at(1)) is None
    assert types(core.core.refuse("agent.command", given, "no good", at(1))) == ["command.rejected"]


async def test_a_request_that_cannot_be_read_is_a_dead_letter() -> None:
    """Nobody waits for an answer to it."""
    story = await Story.begin(dead_letters=True)
    await story.publish("requests.inbound", "k", "request.received", {"id": 7}, "odd")
    assert len(story.events("record.deadlettered", topic="deadletter")) == 1
