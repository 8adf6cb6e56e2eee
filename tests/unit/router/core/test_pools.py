"""Between pools a ticket goes whole; what comes late for it follows."""

from datetime import timedelta
from typing import NamedTuple

from channels.outbound import Receipt
from router.core.events import TicketClose, TicketTriaged
from router.core.outputs import Output
from router.topics import MESSAGES_RECEIPTS, TICKETS_EVENTS, TICKETS_TRIAGED
from tests.unit.router.core.cores import Core, at, fields_of, message, of, triaged, types
from tests.unit.router.core.story import START, Story, rules


async def moved(changes: str = "") -> Story:
    """Ann has given her ticket to the other pool, where Eve is offered it."""
    story = await Story.begin(changes)
    await story.available("ann", "eve")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.at(5)
    assert await story.command("ann", "transfer", "x1", queue="claims", reason="a claim") is None
    return story


async def test_a_transfer_to_another_pool_takes_the_whole_ticket_along() -> None:
    """Its age, its clocks and its text are the same; Eve of the other pool is offered it."""
    story = await moved()
    ticket = story.ticket("x1")
    assert (ticket.pool, ticket.queue, ticket.enqueued_at) == ("office", "claims", START)
    assert [clock.target for clock in ticket.clocks] == ["first_response", "resolution"]
    assert story.holders("x1") == ["ann", "eve"]
    transferred = story.one("ticket.transferred", "x1").data
    assert transferred["from_queue"] == "billing"
    assert (transferred["agent"], transferred["reason"]) == ("ann", "a claim")
    assert story.one("ticket.removed", "x1", "agent.queue.billing").data["reason"] == "a claim"
    assert story.events("ticket.queued", "x1", "agent.queue.claims")


async def test_what_was_refused_in_one_pool_does_not_count_in_another() -> None:
    """Two offers may come to nothing in each queue; then the ticket is parked."""
    queues = "queues: {billing: {max_offers: 2}, claims: {max_offers: 2, reoffer_after: 1s}}"
    ladder = "ladders: {duty: [{level: 1, after: 0s, move_to: claims}]}"
    story = await Story.begin(f"{queues}\n{ladder}\nslas: {{standard: {{ladder: duty}}}}")
    await story.available("ann", "bob")
    await story.request("x1")
    await story.after(61)
    assert (story.ticket("x1").pool, story.ticket("x1").offers) == ("office", 0)
    await story.available("eve")
    await story.after(100)
    parked = [(one.data["pool"], one.data["reason"]) for one in story.events("ticket.parked", "x1")]
    assert parked == [("service", "offers_exhausted"), ("office", "offers_exhausted")]


async def test_an_agent_who_gave_a_ticket_to_another_pool_is_free_for_the_next() -> None:
    """Her capacity is free, and she counts as idle from now on."""
    story = await moved()
    assert story.desk.loads.load("ann") == 0
    assert story.desk.agents.rows["ann"].idle_since == story.now


async def test_the_other_pools_queue_counts_its_own_offers() -> None:
    """Two that came to nothing here do not park it after the first one there."""
    story = await Story.begin("""
queues: {claims: {max_offers: 2}}
agents: {sue: {pool: service, queues: [], role: supervisor}}
""")
    await story.available("ann", "eve")
    await story.request("x1")
    await story.command("ann", "decline", "x1")
    await story.command("sue", "transfer", "x1", queue="claims")
    await story.command("eve", "decline", "x1")
    assert not story.events("ticket.parked", "x1")
    assert story.ticket("x1").offers == 1


async def test_who_gave_a_ticket_to_another_pool_is_not_the_first_to_get_it_back() -> None:
    """Nobody there had it; it comes back to the queue, and not as a ticket of Ann's."""
    story = await moved(
        "agents: {bob: {capacity: 9}, pat: {pool: office, queues: [], role: supervisor}}"
    )
    await story.available("bob")
    assert await story.command("pat", "transfer", "x1", queue="billing") is None
    assert story.holders("x1") == ["ann", "eve", "bob"]


async def test_a_pending_ticket_counts_on_in_its_new_pool() -> None:
    """What waited for the customer under Ann's care now waits for Eve: its clocks run."""
    story = await Story.begin("slas: {standard: {pause: [pending]}}")
    await story.available("ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.command("ann", "pending", "x1")
    await story.at(100)
    assert await story.command("ann", "transfer", "x1", queue="claims") is None
    assert len(story.events("sla.resumed", "x1")) == 2
    await story.after(160)
    assert story.one("sla.breached", "x1").at == 160


def test_the_time_in_the_other_pools_queue_counts_from_the_transfer() -> None:
    """However long that shard was down, or the ticket's own: the customer has waited since then."""
    rulebook = "slas: {standard: {queue_time: 30s}}"
    service, office, order = Core(rulebook), Core(rulebook), triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    outputs = service.command("ann", "transfer", 5, ticket=order.ticket, queue="claims")
    came = office.take_in(of(outputs, "ticket.moved")[0], 25)
    started = [fields_of(one) for one in of(came, "sla.started")]
    assert [(one["target"], one["cycle"], one["due_at"]) for one in started] == [
        ("queue_time", 2, "2027-03-01T09:00:35Z")
    ]


def test_a_transfer_that_was_asked_for_before_the_ticket_came_counts_from_its_coming() -> None:
    """The supervisor's command waited longer than the ticket: no time passed in that queue."""
    changes = """
        slas: {standard: {queue_time: 30s, ladder: duty}}
        ladders: {duty: [{level: 1, after: 0s, move_to: claims}]}
        agents: {sue: {pool: office, queues: [], role: supervisor}}
    """
    service, office, order = Core(changes), Core(changes), triaged()
    service.step(order)
    (move,) = of(service.fire(70), "ticket.moved")
    office.take_in(move, 70)
    moved = office.command("sue", "transfer", 20, ticket=order.ticket, queue="claims")
    (started,) = of(moved, "sla.started")
    assert fields_of(started)["due_at"] == "2027-03-01T09:01:40Z"
    assert office.core.desk.tickets.rows[order.ticket].chain_since == at(70)


def test_what_lapsed_before_the_ticket_came_is_told_before_an_earlier_command_ends_it() -> None:
    """The command waited for longer than the ticket took: it is carried out once that is there."""
    changes = """
        slas: {standard: {resolution: 50s}}
        queues: {billing: {targets: [{for: 35s}, {move_to: claims}]}}
        agents: {sue: {pool: office, queues: [], role: supervisor}}
    """
    service, office, order = Core(changes), Core(changes), triaged()
    service.step(order)
    (move,) = of(service.fire(70), "ticket.moved")
    office.take_in(move, 70)
    office.command("eve", "presence", state="available")
    assigned = office.command("sue", "assign", 20, ticket=order.ticket, to="eve")
    told = types(assigned)
    assert told.index("sla.breached") < told.index("ticket.assigned")
    assert {fields_of(one)["at"] for one in of(assigned, "ticket.assigned")} == {
        "2027-03-01T09:01:10Z"
    }


class Late:
    """A command of the other pool's, asked at 20, is read after B was here and A came at 70."""

    def __init__(self) -> None:
        changes = """
            slas: {standard: {first_response: 30s, resolution: 50s, queue_time: 45s}}
            pools: {office: {queues: [claims, archive]}}
            queues:
              billing: {targets: [{for: 35s}, {move_to: claims}]}
              claims: {mode: pull}
              archive: {mode: pull}
            agents: {eve: {capacity: 3}, sue: {pool: office, queues: [], role: supervisor}}
        """
        service, self.office = Core(changes), Core(changes)
        self.a, self.b = triaged("a"), triaged("b", queue="claims", pool="office")
        service.step(self.a)
        (self.move,) = of(service.fire(70), "ticket.moved")
        self.office.step(self.b)
        self.office.command("eve", "presence", state="available")

    def come(self) -> None:
        """A is here now."""
        self.office.take_in(self.move, 70)

    def told(self, outputs: list[Output], ticket: TicketTriaged) -> list[tuple[str, str]]:
        """What is told of a ticket, and when it was."""
        found = [(one.type, fields_of(one)) for one in outputs if one.topic == TICKETS_EVENTS]
        return [
            (kind, data["at"][14:19]) for kind, data in found if data.get("ticket") == ticket.ticket
        ]


def test_each_ticket_of_a_transfer_leaves_when_it_was_asked_or_had_come() -> None:
    """B at 20, though A came at 70: nothing of B had lapsed; by name and by queue."""
    late = Late()
    late.come()
    named = late.office.command(
        "sue", "transfer", 20, tickets=(late.b.ticket, late.a.ticket), queue="archive"
    )
    assert ("ticket.transferred", "00:20") in late.told(named, late.b)
    assert ("ticket.transferred", "01:10") in late.told(named, late.a)
    assert not {"sla.breached"} & {kind for kind, _ in late.told(named, late.b)}
    late = Late()
    late.come()
    queued = late.office.command("sue", "transfer", 20, from_queue="claims", queue="archive")
    assert late.told(queued, late.b) == late.told(named, late.b)
    assert late.told(queued, late.a) == late.told(named, late.a)


def test_what_a_ticket_is_merged_into_is_not_late_because_the_other_was() -> None:
    """The reply that is read next was in time."""
    late = Late()
    late.office.command("eve", "take", 10, ticket=late.b.ticket)
    late.come()
    merged = late.office.command("sue", "merge", 20, ticket=late.a.ticket, into=late.b.ticket)
    assert "sla.breached" in dict(late.told(merged, late.a))
    replied = late.office.command("eve", "reply", 25, ticket=late.b.ticket, text="hello")
    (met,) = of(replied, "sla.met")
    assert fields_of(met)["in_time"] is True


def test_who_takes_the_next_takes_it_once_it_has_come() -> None:
    """As by its name: what had lapsed on the way is told first."""
    late = Late()
    late.office.command("eve", "take", 10, ticket=late.b.ticket)
    late.come()
    told = late.told(late.office.command("eve", "take", 20), late.a)
    assert ("ticket.assigned", "01:10") in told
    assert told[0] == ("sla.breached", "01:10")


def test_a_late_command_judges_no_other_ticket_by_its_own_tickets_coming() -> None:
    """What is on offer to Ann goes back; its step has not ended: Bob is still to be heard."""
    changes = """
        slas: {standard: {queue_time: 1h}}
        queues: {repairs: {offer_timeout: 5m, targets: [{for: 100s}]}}
        agents:
          ann: {queues: [billing, repairs], capacity: 1}
          bob: {queues: [billing, repairs]}
          sue: {pool: service, queues: [], role: supervisor}
    """
    service, office = Core(changes), Core(changes)
    offered, order = triaged("a", queue="repairs"), triaged("b", queue="claims", pool="office")
    service.command("ann", "presence", state="available")
    service.step(offered)
    office.command("eve", "presence", state="available")
    office.step(order)
    office.command("eve", "accept", 2, ticket=order.ticket)
    outputs = office.command("eve", "transfer", 200, ticket=order.ticket, queue="billing")
    service.take_in(of(outputs, "ticket.moved")[0], 201)
    forced = service.command("sue", "assign", 50, ticket=order.ticket, to="ann", force=True)
    assert "ticket.offer_rescinded" in types(forced)
    assert not {"ticket.parked", "sla.breached"} & set(types(forced))
    assert "ticket.offered" in types(service.command("bob", "presence", 60, state="available"))


def test_instants_of_a_late_command_are_those_of_who_asked() -> None:
    """A call-back before the ticket came was no slip of the agent's: it is due at once."""
    late = Late()
    late.office.command("eve", "take", 10, ticket=late.b.ticket)
    late.come()
    late.office.command("eve", "take", 11, ticket=late.a.ticket)
    asked = {"ticket": late.a.ticket, "kind": "callback", "due_at": at(60)}
    told = late.office.command("eve", "follow_up", 20, **asked)
    assert "command.accepted" in types(told)
    told = late.office.command("eve", "pending", 21, ticket=late.a.ticket, until=at(65))
    assert ("ticket.pending", "01:10") in late.told(told, late.a)


class Two(NamedTuple):
    """The two pools as the two shards that they are, a ticket on its way between them."""

    service: Core
    office: Core
    order: TicketTriaged
    move: Output


def two() -> Two:
    """Ann's shard has given a ticket away; the other pool's shard has not read of it yet."""
    service, office, order = Core(), Core(), triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    outputs = service.command("ann", "transfer", 5, ticket=order.ticket, queue="claims")
    (move,) = of(outputs, "ticket.moved")
    return Two(service, office, order, move)


def test_a_message_for_a_ticket_that_moved_is_forwarded_to_its_pool() -> None:
    """Triage has not heard of the move; the agent of the other pool reads the message as sent."""
    service, office, order, move = two()
    office.take_in(move, 6)
    (forwarded,) = service.step(message(order, 2), 7)
    assert (forwarded.topic, forwarded.key) == (TICKETS_TRIAGED, "office")
    (received, *_) = of(office.take_in(forwarded, 8), "ticket.message")
    assert fields_of(received)["text"] == "message 2"


def test_a_message_that_was_overtaken_on_its_way_is_not_lost() -> None:
    """The second message went through the old pool, the third directly; both arrive, once."""
    service, office, order, move = two()
    office.take_in(move, 6)
    third = office.step(message(order, 3), 7)
    (forwarded,) = service.step(message(order, 2), 8)
    second = office.take_in(forwarded, 9)
    assert [fields_of(of(one, "ticket.message")[0])["number"] for one in (third, second)] == [3, 2]
    assert office.take_in(forwarded, 10) == []
    assert office.step(message(order, 3), 11) == []


def test_a_receipt_for_a_ticket_that_moved_is_forwarded_to_its_pool() -> None:
    """That the mail has bounced is shown to the agent who has the ticket now."""
    service, office, order, move = two()
    office.take_in(move, 6)
    bounce = Receipt(
        id="r1", message="m1", kind="reply", outcome="bounced", ticket=order.ticket,
        pool="service", permanent=True, at=at(7),
    )  # fmt: skip
    (forwarded,) = service.step(bounce, 7)
    assert (forwarded.topic, forwarded.key) == (MESSAGES_RECEIPTS, "office")
    receipts = of(office.take_in(forwarded, 8), "message.receipt")
    assert {one.topic for one in receipts} == {"tickets.events", "agent.queue.claims"}


def test_the_close_of_a_ticket_that_moved_is_forwarded_and_ends_the_stub() -> None:
    """Its new pool closes it, its old one forgets it."""
    service, office, order, move = two()
    office.command("eve", "presence", state="available")
    office.take_in(move, 6)
    office.command("eve", "accept", 7, ticket=order.ticket)
    office.command("eve", "resolve", 8, ticket=order.ticket)
    close = TicketClose(
        ticket=order.ticket, conversation=order.conversation, pool="service", resolved_at=at(8)
    )
    (forwarded,) = service.step(close, 700)
    assert types(office.take_in(forwarded, 701)) == ["ticket.closed"]
    service.fire(700 + timedelta(days=7).total_seconds() + 1)
    assert len(service.core.desk.stubs) == len(office.core.desk.tickets) == 0


def test_a_close_that_comes_too_late_leaves_the_way_to_the_other_pool() -> None:
    """The ticket was opened again before it moved: what its customer writes next arrives."""
    service, office, order, move = two()
    office.take_in(move, 6)
    close = TicketClose(
        ticket=order.ticket, conversation=order.conversation, pool="service", resolved_at=at(1)
    )
    (forwarded,) = service.step(close, 7)
    assert office.take_in(forwarded, 8) == []
    (forwarded,) = service.step(message(order, 2), 9)
    assert "ticket.message" in types(office.take_in(forwarded, 10))


def test_a_forgotten_stub_does_not_wake_for_ever() -> None:
    """After 90 days nothing comes late any more."""
    service = two().service
    assert service.fire(timedelta(days=91).total_seconds()) == []
    assert len(service.core.desk.stubs) == 0
    assert service.core.next_at() is None


def test_a_ticket_that_comes_back_is_taken_in_again() -> None:
    """From one pool to the other and back: it is here, once, and no stub stands in its way."""
    service, office, order, move = two()
    office.command("eve", "presence", state="available")
    office.take_in(move, 6)
    office.command("eve", "accept", 7, ticket=order.ticket)
    outputs = office.command("eve", "transfer", 8, ticket=order.ticket, queue="repairs")
    offered = of(service.take_in(of(outputs, "ticket.moved")[0], 9), "ticket.offered")
    assert fields_of(offered[0])["agent"] == "ann"
    assert len(service.core.desk.stubs) == 0
    assert of(service.step(message(order, 2), 10), "ticket.message")


def test_the_time_in_the_new_queue_runs_from_when_the_ticket_was_given_up() -> None:
    """The other pool's shard may be down for a while; the customer has waited all the same."""
    promised = "slas: {standard: {queue_time: 30s}}"
    service, office, order = Core(promised), Core(promised), triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    outputs = service.command("ann", "transfer", 5, ticket=order.ticket, queue="claims")
    (started,) = of(office.take_in(of(outputs, "ticket.moved")[0], 60), "sla.started")
    assert fields_of(started)["due_at"] == "2027-03-01T09:00:35Z"


def test_an_order_that_is_redriven_after_the_ticket_moved_opens_no_second_one() -> None:
    """The ticket lives in the other pool: here it is known to have been."""
    service, _, order, _ = two()
    assert service.step(order, 20) == []
    assert service.core.fallback(order, service.given(order), at(21)) is None
    assert len(service.core.desk.tickets) == 0


def test_a_move_that_is_redriven_changes_nothing() -> None:
    """What has been done with the ticket since is not undone."""
    _, office, order, move = two()
    office.command("eve", "presence", state="available")
    office.take_in(move, 6)
    office.command("eve", "accept", 7, ticket=order.ticket)
    assert office.take_in(move, 8) == []
    assert office.core.desk.tickets.rows[order.ticket].agent == "eve"


def test_a_move_to_a_queue_that_is_gone_by_now_is_taken_in_by_its_pool() -> None:
    """A new rulebook came in between: the ticket waits in the pool's first queue."""
    _, office, order, move = two()
    office.enforce(
        rules("""
        pools: {office: {queues: [letters]}}
        queues: {claims: null, letters: {}}
        agents: {eve: {queues: [letters]}}
        routes: [{id: default, then: {queue: billing}}]
        """)
    )
    office.take_in(move, 6)
    assert office.core.desk.tickets.rows[order.ticket].queue == "letters"


async def test_the_ladder_can_move_a_ticket_to_another_pool() -> None:
    """A rung names a queue of the other pool: its agents are offered the ticket, nobody else."""
    story = await Story.begin("""
        slas: {standard: {ladder: duty}}
        ladders: {duty: [{level: 1, after: 0s, move_to: claims}]}
    """)
    await story.available("eve", "ann")
    await story.request("x1")
    await story.hand("ann", "x1")
    await story.after(60)
    ticket = story.ticket("x1")
    assert (ticket.pool, ticket.queue) == ("office", "claims")
    assert story.holders("x1") == ["ann", "eve"]
    transferred = story.one("ticket.transferred", "x1").data
    assert (transferred["reason"], transferred["agent"]) == ("escalated", None)
    assert story.triage.conversations.rows[ticket.conversation].pool == "office"


async def test_an_offer_is_taken_back_before_the_ladder_moves_its_ticket_to_another_pool() -> None:
    """Bob's desktop is told, and he is free for other work."""
    story = await Story.begin("""
        slas: {standard: {first_response: 5s, ladder: duty}}
        ladders: {duty: [{level: 1, after: 0s, move_to: claims}]}
    """)
    await story.available("bob")
    await story.request("x1")
    await story.after(5)
    assert story.one("ticket.offer_rescinded", "x1").data["agent"] == "bob"
    assert story.desk.loads.load("bob") == 0
    assert story.ticket("x1").pool == "office"


async def test_a_command_for_a_ticket_that_the_ladder_has_just_moved_is_rejected() -> None:
    """The ladder comes first: the reply was too late, and says so."""
    service = Core("""
        slas: {standard: {ladder: duty}}
        ladders: {duty: [{level: 1, after: 0s, move_to: claims}]}
    """)
    order = triaged()
    service.command("ann", "presence", state="available")
    service.step(order)
    service.command("ann", "accept", 1, ticket=order.ticket)
    (answer,) = service.command("ann", "reply", 61, ticket=order.ticket, text="here you are")
    assert fields_of(answer)["reason"] == "unknown_ticket"
    assert "ticket.moved" in types(service.fire(62))
