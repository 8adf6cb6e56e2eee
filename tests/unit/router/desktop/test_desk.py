"""The terminal desk: what an agent sees of events, and what their words ask for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.errors import Malformed
from router.desktop.view import View
from router.desktop.words import command

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
TICKET = {"ticket": "t1", "queue": "billing", "sender": "+8610", "text": "hello", "order": "1"}


def topic_of(kind: str) -> str:
    """Where an event of this kind is read."""
    known = {
        "replied",
        "noted",
        "pending",
        "resumed",
        "resolved",
        "accepted",
        "rejected",
        "presence",
    }
    return "tickets.events" if kind.partition(".")[2] in known else "agent.queue.billing"


def fed(view: View, *events: tuple[str, dict[str, Any]]) -> list[str]:
    """Feed events about ticket t1, each under an id of its own; the lines shown."""
    lines: list[str] = []
    for number, (kind, data) in enumerate(events):
        lines += view.feed(topic_of(kind), kind, TICKET | data, f"{kind}/{number}/{data}")
    return lines


def offered(agent: str = "ann") -> tuple[str, dict[str, Any]]:
    """An offer that stands for half a minute."""
    return "ticket.offered", {
        "agent": agent, "offer": "o1", "expires_at": "2027-03-01T12:00:30Z",
    }  # fmt: skip


def test_an_offer_is_shown_once_with_its_countdown() -> None:
    """It comes on two topics, under one id."""
    view = View("ann")
    fed(view, ("ticket.queued", {}))
    kind, data = offered()
    assert len(view.feed(topic_of(kind), kind, TICKET | data, "e1")) == 1
    assert view.feed(topic_of(kind), kind, TICKET | data, "e1") == []
    assert "OFFER #1 30 s" in view.countdown(NOON)


def test_an_offer_to_a_colleague_is_not_shown() -> None:
    """And it is not one's own to accept."""
    view = View("ann")
    assert fed(view, ("ticket.queued", {}), offered("bob")) == []
    with pytest.raises(Malformed, match="nothing is on offer"):
        command("accept", view, id="c", lease_seconds=60)


def test_a_ticket_goes_through_the_desk() -> None:
    """Offered, accepted, answered, resolved; the conversation can be read."""
    view = View("ann")
    fed(view, ("ticket.queued", {}), offered())
    order = command("accept", view, id="c1", lease_seconds=60)
    assert (order.command, order.ticket, order.offer) == ("accept", "t1", "o1")
    fed(view, ("ticket.assigned", {"agent": "ann"}), ("ticket.replied", {"agent": "ann"}))
    assert [card.ticket for card in view.mine()] == ["t1"]
    card = view.card("1")
    assert card is not None
    assert card.thread == ["customer: hello", "ann: hello"]
    fed(view, ("ticket.resolved", {"agent": "ann"}))
    assert view.mine() == []


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("available", {"command": "presence", "state": "available", "lease_seconds": 60}),
        ("reply 1 good day", {"command": "reply", "text": "good day", "ticket": "t1"}),
        ("transfer 1 rescue", {"command": "transfer", "queue": "rescue"}),
        ("done 1 contact", {"command": "step_done", "step": "contact"}),
        ("away lunch", {"command": "presence", "state": "away", "reason": "lunch"}),
        ("away", {"command": "presence", "state": "away", "reason": None}),
        ("wrapped", {"command": "wrap_up", "ticket": None}),
        ("take", {"command": "take", "ticket": None}),
        ("PENDING #1", {"command": "pending", "ticket": "t1"}),
    ],
)
def test_words_become_commands(line: str, fields: dict[str, Any]) -> None:
    """One line, one command."""
    view = View("ann")
    fed(view, ("ticket.queued", {}))
    order = command(line, view, id="c", lease_seconds=60)
    assert {name: getattr(order, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fly", "unknown: fly"),
        ("reply 1", "reply needs a text"),
        ("resolve", "needs a ticket's number"),
        ("read2 9", "unknown"),
        ("resolve 9", "there is no ticket 9"),
    ],
)
def test_wrong_words_are_answered(line: str, said: str) -> None:
    """With what was expected."""
    view = View("ann")
    fed(view, ("ticket.queued", {}))
    with pytest.raises(Malformed, match=said):
        command(line, view, id="c", lease_seconds=60)


def test_a_ticket_of_another_queue_is_not_on_the_desk() -> None:
    """Everybody's events stand in `tickets.events`; the desk shows those of its queues."""
    view = View("ann")
    for kind in ("ticket.queued", "ticket.replied", "ticket.offered", "ticket.pending"):
        data = TICKET | {"agent": "bob", "text": "hi", "offer": "o", "queue": "claims"}
        assert view.feed("tickets.events", kind, data, kind) == []
    assert (view.waiting(), view.card("t1")) == ([], None)


def test_what_was_overtaken_on_another_topic_moves_nothing() -> None:
    """The ticket went on before its pending was read; what was said is kept all the same."""
    view = View("ann")
    fed(
        view,
        ("ticket.queued", {"version": 1}),
        ("ticket.assigned", {"agent": "ann", "version": 5}),
        ("ticket.pending", {"agent": "ann", "version": 3}),
        ("ticket.replied", {"agent": "ann", "text": "hi", "version": 2}),
    )
    card = view.card("1")
    assert card is not None
    assert (card.state, card.mine, card.thread[-1]) == ("assigned", True, "ann: hi")


def test_a_parked_ticket_waits_on_the_desk() -> None:
    """It can be taken."""
    view = View("ann")
    fed(view, ("ticket.queued", {}), ("ticket.parked", {}))
    assert [card.ticket for card in view.waiting()] == ["t1"]


def test_numbers_are_not_given_twice() -> None:
    """What an agent types must mean the same ticket as a minute ago."""
    view = View("ann")
    for name in ("t1", "t2"):
        data = TICKET | {"ticket": name}
        view.feed("agent.queue.billing", "ticket.queued", data, f"q{name}")
        view.feed("agent.queue.billing", "ticket.removed", data, f"r{name}")
    view.feed("agent.queue.billing", "ticket.queued", TICKET | {"ticket": "t3"}, "q3")
    assert [card.number for card in view.waiting()] == [3]


def test_an_order_and_its_fate_are_shown_to_who_has_the_ticket() -> None:
    """Also that its SMS did not arrive; of a ticket that is gone nothing is."""
    order = {"order": "t1-1", "worker": "li", "number": 1}
    view = View("ann")
    events = [
        ("order.created", {**order, "agent": "ann"}),
        ("order.updated", {**order, "state": "accepted"}),
        ("order.notice_failed", {**order, "reason": "no route"}),
    ]
    assert fed(view, *events) == []
    assert view.waiting() == []
    assigned = ("ticket.assigned", {"agent": "ann", "offer": "o1"})
    lines = fed(view, ("ticket.queued", {}), offered(), assigned, *events)
    assert [line.partition(": #")[0] for line in lines[2:]] == [
        "order t1-1 of li: accepted",
        "li was not told of order t1-1 (no route)",
    ]


def test_who_has_left_the_chat_is_no_message() -> None:
    """The desk says so, and that they are back."""
    view = View("ann")
    assigned = ("ticket.assigned", {"agent": "ann", "offer": "o1"})
    signs = [("ticket.message", {"automatic": sign, "text": ""}) for sign in ("left", "returned")]
    lines = fed(view, ("ticket.queued", {}), offered(), assigned, *signs)
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "customer has left",
        "customer has returned",
    ]


@pytest.mark.parametrize(
    ("line", "kind", "after", "text"),
    [
        ("callback 1 2h", "callback", "2h", None),
        ("revisit 1 3d all well?", "revisit", "3d", "all well?"),
    ],
)
def test_a_follow_up_is_typed_with_its_time(
    line: str, kind: str, after: str, text: str | None
) -> None:
    """And perhaps a note."""
    view = View("ann")
    fed(view, ("ticket.queued", {}))
    order = command(line, view, id="c1", lease_seconds=60)
    assert (order.command, order.ticket) == ("follow_up", "t1")
    assert (order.kind, order.after, order.text) == (kind, after, text)
    with pytest.raises(Malformed, match="needs a time"):
        command(f"{kind} 1", view, id="c1", lease_seconds=60)


def test_a_follow_up_says_what_it_is_for() -> None:
    """What it follows up, and whom to call; then the note."""
    view = View("ann")
    asked = {"follow_up": "callback", "of": "t0", "phone": "+8613800138000"}
    fed(view, ("ticket.queued", {"follow_up": asked, "text": "about the refund"}))
    (card,) = view.waiting()
    assert card.thread == [
        "(follow_up: callback)", "(of: t0)", "(phone: +8613800138000)", "about the refund",
    ]  # fmt: skip
