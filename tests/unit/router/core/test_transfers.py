"""Tickets that go to another queue: one's own, anybody's, or many at once."""

from typing import Any

import pytest

from router.core.handlers import transfers
from tests.unit.router.core.cores import Core, of, triaged
from tests.unit.router.core.story import Story
from tests.unit.router.core.test_supervise import SUPERVISED, supervised

TAGGED = (
    SUPERVISED
    + """
types: {invoice: {}, dun: {}}
routes:
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims}}
  - {id: dun, when: {text: {keywords: [dun]}}, then: {queue: billing, type: dun, tags: [late]}}
  - {id: default, then: {queue: billing, type: invoice, priority: 1}}
"""
)


async def filled(changes: str = TAGGED) -> Story:
    """Three tickets in billing, two of them dunning letters; one in claims."""
    story = await Story.begin(changes)
    for number, text in enumerate(("a dun", "a bill", "a dun", "a claim")):
        await story.at(number)
        await story.request(f"x{number}", text, sender=f"+861{number}")
    return story


@pytest.mark.parametrize(
    ("agent", "fields", "reason"),
    [
        ("bob", {"ticket": "x1", "queue": "rescue"}, "not_yours"),
        ("pat", {"ticket": "x1", "queue": "rescue"}, "not_yours"),
        ("sue", {"ticket": "x1"}, "field_missing"),
        ("sue", {"ticket": "x1", "queue": "nowhere"}, "unknown_queue"),
        ("sue", {"ticket": "never", "queue": "rescue"}, "unknown_ticket"),
        ("ann", {"from_queue": "billing", "queue": "rescue"}, "not_allowed"),
        ("ann", {"tickets": ("a",), "queue": "rescue"}, "not_allowed"),
        ("pat", {"from_queue": "billing", "queue": "claims"}, "not_allowed"),
        ("sue", {"from_queue": "claims", "queue": "rescue"}, "not_allowed"),
        ("sue", {"from_queue": "nowhere", "queue": "rescue"}, "unknown_queue"),
        ("sue", {"from_queue": "rescue", "queue": "rescue"}, "field_invalid"),
        ("sue", {"from_queue": "billing", "queue": "rescue", "type": "song"}, "unknown_type"),
        ("sue", {"from_queue": "billing", "queue": "rescue", "tickets": ("a",)}, "field_invalid"),
        ("sue", {"ticket": "x1", "queue": "rescue", "tickets": ("a",)}, "field_invalid"),
        ("sue", {"tickets": tuple(map(str, range(501))), "queue": "rescue"}, "too_many"),
    ],
)
async def test_a_transfer_that_cannot_be_is_rejected(
    agent: str, fields: dict[str, Any], reason: str
) -> None:
    """Nothing moves, and the outcome says why."""
    story = await supervised()
    before = story.ticket("x1")
    story.forget()
    assert await story.command(agent, "transfer", **fields) == reason
    assert story.ticket("x1") == before
    assert [one.type for one in story.told] == ["command.rejected"]


async def test_a_supervisor_gives_anybodys_ticket_to_another_queue() -> None:
    """It is Ann who loses it, and Sue who wanted it so."""
    story = await supervised()
    assert await story.command("sue", "transfer", "x1", queue="rescue", reason="a hot one") is None
    told = story.one("ticket.transferred", "x1").data
    assert (told["agent"], told["by"], told["reason"]) == ("ann", "sue", "a hot one")
    assert story.ticket("x1").queue == "rescue"
    assert story.desk.loads.load("ann") == 0


async def test_a_supervisor_transfers_what_waits_and_what_is_settled_not() -> None:
    """A waiting ticket just changes its place; a resolved one has none."""
    story = await filled()
    assert await story.command("sue", "transfer", "x1", queue="rescue") is None
    assert story.one("ticket.transferred", "x1").data["agent"] is None
    await story.available("dan")
    await story.hand("dan", "x1")
    await story.command("dan", "resolve", "x1")
    assert await story.command("sue", "transfer", "x1", queue="billing") == "wrong_state"


async def test_ones_own_transfer_names_nobody_else() -> None:
    """Also when it is a supervisor's own ticket."""
    story = await supervised()
    await story.command("ann", "transfer", "x1", queue="rescue")
    assert story.one("ticket.transferred", "x1").data["by"] is None


@pytest.mark.parametrize(
    ("choice", "moved"),
    [
        ({}, ["x1", "x0", "x2"]),
        ({"type": "dun"}, ["x0", "x2"]),
        ({"tags": ("late",)}, ["x0", "x2"]),
        ({"type": "invoice", "tags": ("late",)}, []),
    ],
)
async def test_a_queue_is_emptied_in_its_order(choice: dict[str, Any], moved: list[str]) -> None:
    """All that nobody has, or what is of a type or has the tags; the outcome lists it."""
    story = await filled()
    await story.command("sue", "transfer", from_queue="billing", queue="repairs", **choice)
    told = story.one("tickets.transferred").data
    assert told["moved"] == [story.id(name) for name in moved]
    assert (told["refused"], told["left"], told["command"]) == ({}, 0, "c1")
    assert {story.ticket(name).queue for name in moved} <= {"repairs"}
    assert len(story.events("ticket.transferred")) == len(moved)


async def test_what_somebody_has_stays_and_what_is_on_offer_goes() -> None:
    """Bob works on one; the offer of the other is taken back."""
    story = await filled()
    await story.available("bob")
    await story.hand("bob", "x1")
    await story.available("ann")
    offered = story.holders("x0")
    assert offered == ["ann"]
    await story.command("sue", "transfer", from_queue="billing", queue="rescue")
    assert story.ticket("x1").queue == "billing"
    assert story.one("ticket.offer_rescinded", "x0").data["agent"] == "ann"
    assert story.ticket("x0").queue == "rescue"


async def test_named_tickets_that_cannot_be_moved_are_named_with_the_reason() -> None:
    """The others go all the same."""
    story = await filled()
    await story.available("bob")
    await story.hand("bob", "x1")
    await story.command("bob", "resolve", "x1")
    names = (story.id("x0"), story.id("x1"), story.id("x3"), "never", story.id("x0"))
    assert await story.command("sue", "transfer", tickets=names, queue="rescue") is None
    told = story.one("tickets.transferred").data
    assert told["moved"] == [story.id("x0")]
    assert told["refused"] == {
        story.id("x1"): "wrong_state",
        story.id("x3"): "not_allowed",
        "never": "unknown_ticket",
    }


async def test_many_can_go_to_another_pool() -> None:
    """Each whole, as one does."""
    story = await filled()
    await story.command("sue", "transfer", from_queue="billing", queue="claims", type="dun")
    assert {story.ticket(name).pool for name in ("x0", "x2")} == {"office"}
    assert {one.data["by"] for one in story.events("ticket.transferred")} == {"sue"}


async def test_one_command_moves_so_many_and_says_how_many_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The transaction stays small; the next command goes on."""
    monkeypatch.setattr(transfers, "MOST_AT_ONCE", 2)
    story = await filled()
    for left in (1, 0):
        await story.command("sue", "transfer", from_queue="billing", queue="rescue")
        assert story.events("tickets.transferred")[-1].data["left"] == left
    assert [len(one.data["moved"]) for one in story.events("tickets.transferred")] == [2, 1]


async def test_what_lapsed_before_the_transfer_is_told_before_it() -> None:
    """The ladder of a ticket that nobody was found for has reached its level already."""
    story = await Story.begin(
        TAGGED
        + """
queues: {billing: {targets: [{for: 5s}]}}
slas: {standard: {ladder: duty}}
ladders: {duty: [{level: 1, after: 20s, notify: [lead]}]}
defaults: {sla: standard}
"""
    )
    await story.request("x1")
    await story.after(25)
    await story.command("sue", "transfer", from_queue="billing", queue="rescue")
    types = story.types("x1")
    assert types.index("sla.escalated") < types.index("ticket.transferred")


@pytest.mark.parametrize("ladder", ["raise_priority: 1", "move_to: claims"])
def test_a_ticket_that_is_named_twice_is_looked_at_once(ladder: str) -> None:
    """What had lapsed of it is told once, and it goes once."""
    core = Core(f"""
        ladders: {{duty: [{{level: 1, after: 0s, {ladder}}}]}}
        slas: {{standard: {{ladder: duty}}}}
        agents: {{sue: {{pool: service, queues: [], role: supervisor}}}}
    """)
    order = triaged()
    core.step(order)
    twice = (order.ticket, order.ticket)
    outputs = core.command("sue", "transfer", 100, tickets=twice, queue="repairs")
    written = [(one.topic, one.id) for one in outputs]
    assert len(written) == len(set(written))
    gone = of(outputs, "ticket.transferred") + of(outputs, "ticket.moved")
    assert len(gone) == 1
