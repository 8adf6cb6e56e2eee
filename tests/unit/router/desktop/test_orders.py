"""What supervisors and agents type beyond the plain verbs, and what their desk shows of it."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from channels.errors import Malformed
from router.core.commands import Command, Name
from router.desktop.orders import ORDERS
from router.desktop.view import View
from router.desktop.words import _NAMES, HELP, VERBS, command

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
TICKET = {"ticket": "t1", "queue": "billing", "sender": "+8610", "text": "hello", "order": "1"}


def desk(*tickets: str) -> View:
    """Ann's desk, on which these tickets wait; they are numbered from 1."""
    view = View("ann")
    for name in tickets:
        view.feed("agent.queue.billing", "ticket.queued", TICKET | {"ticket": name}, name)
    return view


def typed(line: str) -> Command:
    """What is sent when `line` is typed at noon."""
    return command(line, desk("t1", "t2"), id="c", lease_seconds=60, now=NOON)


def shown(view: View, kind: str, **data: Any) -> list[str]:
    """The lines for one more event."""
    own = {"ticket.held", "ticket.split", "tickets.transferred"}
    topic = "tickets.events" if kind in own else "agent.queue.billing"
    return view.feed(topic, kind, TICKET | data, f"{kind}/{data}")


@pytest.mark.parametrize(
    ("line", "name", "fields"),
    [
        ("assign 2 bob", "assign", {"ticket": "t2", "to": "bob", "force": False}),
        ("assign 2 bob force", "assign", {"to": "bob", "force": True}),
        ("merge 1 2", "merge", {"ticket": "t1", "into": "t2"}),
        ("split 1 my door", "split", {"ticket": "t1", "text": "my door", "queue": None}),
        ("split 1 type=repair queue=repairs x=y", "split",
         {"type": "repair", "queue": "repairs", "text": "x=y"}),
        ("update 1 priority=2 type=t tier=vip sla=s language=en", "update",
         {"priority": 2, "type": "t", "tier": "vip", "sla": "s", "language": "en", "tags": None}),
        ("update 1 tags=a,b skills=zh:3,en", "update",
         {"tags": ("a", "b"), "skills": {"zh": 3, "en": 1}}),
        ("update 1 tags=", "update", {"tags": ()}),
        ("hold 1 until=2h the courier", "hold",
         {"until": NOON + timedelta(hours=2), "reason": "the courier"}),
        ("hold 1", "hold", {"until": None, "reason": None}),
        ("pending 1 until=2027-03-02T09:00:00+08:00", "pending",
         {"until": datetime(2027, 3, 2, 1, tzinfo=UTC)}),
        ("pending 1 a receipt", "pending", {"until": None, "reason": "a receipt"}),
        ("consult 1 bob do you know?", "consult", {"to": "bob", "text": "do you know?"}),
        ("flag 1 queue=rescue", "flag_decision", {"queue": "rescue", "reason": None}),
        ("flag 1 type=t wrong", "flag_decision", {"type": "t", "reason": "wrong"}),
        ("seen 1 first_response", "escalation_acknowledge", {"target": "first_response"}),
        ("order 1 li when=14:00 phone=+8613900139000 世纪大道 1 号", "order",
         {"worker": "li", "address": "世纪大道 1 号", "appointment": "14:00",
          "phone": "+8613900139000"}),
        ("order 2 li here", "order", {"ticket": "t2", "address": "here", "appointment": None}),
        ("report 1 done order=2 all dry", "order_update",
         {"state": "done", "order": 2, "text": "all dry"}),
        ("report 1 accepted", "order_update", {"state": "accepted", "order": None, "text": None}),
        ("cancel 1", "follow_up_cancel", {"ticket": "t1", "follow_up": None}),
        ("cancel 1 3", "follow_up_cancel", {"follow_up": 3}),
        ("move billing rescue", "transfer",
         {"from_queue": "billing", "queue": "rescue", "ticket": None, "type": None}),
        ("move billing rescue type=t tags=a,b", "transfer", {"type": "t", "tags": ("a", "b")}),
    ],
)  # fmt: skip
def test_words_with_options_become_commands(line: str, name: str, fields: dict[str, Any]) -> None:
    """Options first, then the text."""
    order = typed(line)
    assert order.command == name
    assert {field: getattr(order, field) for field in fields} == fields


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("assign", "assign needs a ticket's number"),
        ("assign 9 bob", "there is no ticket 9"),
        ("assign 1", "assign N agent"),
        ("assign 1 bob now", "assign N agent"),
        ("merge 1", "merge needs a ticket's number"),
        ("update 1", "update N type=T"),
        ("update 1 colour=red", "update N type=T"),
        ("update 1 priority=high", "the priority is a number"),
        ("update 1 skills=zh:much", "a level is a number"),
        ("hold 1 until=tomorrow", "until=tomorrow: expected 30m"),
        ("hold 1 until=2027-03-02T09:00:00", "expected 30m"),
        ("consult 1 bob", "consult N agent text"),
        ("order 1 li", "order N worker"),
        ("order 1 li when=14:00", "order N worker"),
        ("report 1 lost", "report needs a state, of accepted"),
        ("report 1 done order=first", "the order is a number"),
        ("cancel 1 all", "the follow-up is a number"),
        ("seen 1", "seen needs a target"),
        ("move billing", "move FROM TO"),
        ("move billing rescue quickly", "neither type=T"),
    ],
)
def test_words_that_lack_something_are_answered(line: str, said: str) -> None:
    """With what was expected."""
    with pytest.raises(Malformed, match=said):
        typed(line)


def test_every_command_can_be_typed_and_every_verb_is_in_the_help() -> None:
    """The terminal desk leaves out what is not an agent's daily work."""
    typable = {_NAMES.get(verb, verb) for verb in VERBS} | {"presence", "escalation_acknowledge"}
    typable |= {"flag_decision", "follow_up", "follow_up_cancel", "order_update", *ORDERS}
    assert set(get_args(Name)) - typable == {"reopen", "agent_set"}
    assert all(verb in HELP for verb in VERBS | ORDERS.keys())


def test_an_order_does_not_move_its_ticket_in_the_queue() -> None:
    """Its number is called `order` in its events, as the place in the queue is in a ticket's."""
    view = View("ann")
    for name, place in (("t1", "2027-03-01T09:00:00Z"), ("t2", "2027-03-01T09:05:00Z")):
        queued = TICKET | {"ticket": name, "order": place}
        view.feed("agent.queue.billing", "ticket.queued", queued, name)
    told = {"ticket": "t1", "order": "t1-1", "worker": "li", "number": 1, "state": "accepted"}
    view.feed("agent.queue.billing", "order.updated", told, "e")
    assert [card.ticket for card in view.waiting()] == ["t1", "t2"]


def test_a_question_to_the_agent_is_shown_with_its_ticket() -> None:
    """A ticket of another queue gets a number, but does not wait here."""
    view = desk()
    lines = shown(view, "ticket.consulted", agent="bob", to="ann", text="do you know him?")
    assert lines == ["bob asks you (note 1 answers): do you know him?"]
    assert view.waiting() == []
    assert command("note 1 yes", view, id="c", lease_seconds=60).ticket == "t1"


def test_a_question_to_a_colleague_is_not_the_agents() -> None:
    """Of a ticket that the desk has, it is a line of the conversation; of another, nothing."""
    view = desk()
    assert shown(view, "ticket.consulted", agent="bob", to="dan", text="hm?") == []
    assert view.card("1") is None
    view = desk("t1")
    assert shown(view, "ticket.consulted", agent="bob", to="dan", text="hm?") == []
    card = view.card("1")
    assert card is not None
    assert card.thread[-1] == "(bob asks dan: hm?)"


def test_what_happens_to_ones_own_ticket_is_told() -> None:
    """Held, changed, another merged in, a topic split off."""
    view = desk("t1")
    shown(view, "ticket.assigned", agent="ann")
    assert shown(view, "ticket.held", agent="ann") == []
    card = view.card("1")
    assert card is not None
    assert card.state == "on hold"
    (line,) = shown(view, "ticket.updated", agent="sue", after={"priority": 2})
    assert line.endswith("priority: 2")
    (line,) = shown(view, "ticket.merged_in", merged="t9", text="hello again")
    assert line.startswith("another ticket was merged into #1")
    shown(view, "ticket.split", agent="ann", text="", subject="the door")
    assert card.thread[-2:] == ["customer (merged): hello again", "(ann splits off: the door)"]


def test_what_changes_order_is_listed_in_the_new_order() -> None:
    """The second ticket overtakes the first."""
    view = desk("t1", "t2")
    assert shown(view, "ticket.updated", ticket="t2", agent="sue", after={}, order="0") == []
    assert [card.ticket for card in view.waiting()] == ["t2", "t1"]


def test_a_transfer_of_many_is_summed_up_for_who_asked() -> None:
    """What was moved, what was not and why, what is left."""
    told = {"agent": "ann", "queue": "rescue", "moved": ["a", "b"], "left": 7,
            "refused": {"c": "merged"}}  # fmt: skip
    view = desk()
    assert shown(view, "tickets.transferred", **told) == [
        "moved 2 tickets to rescue, 7 are left",
        "not moved (merged): c",
    ]
    assert shown(view, "tickets.transferred", **told) == [], "it came twice"
    assert shown(desk(), "tickets.transferred", **(told | {"agent": "bob"})) == []
