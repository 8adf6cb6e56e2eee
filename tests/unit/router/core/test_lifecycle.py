"""The one table of a ticket's states, and that of an offer's."""

from typing import Any

import pytest

from router.core import moves
from router.core.lifecycle import (
    OFFER_TRANSITIONS,
    OPEN,
    REFUSED,
    TRANSITIONS,
    IllegalTransition,
    OfferState,
    TicketState,
    Trigger,
    diagram,
    end,
    may,
    move,
)
from router.core.turn import Turn
from tests.unit.router.core.cores import Core, at, triaged


@pytest.mark.parametrize("state", TicketState)
@pytest.mark.parametrize("trigger", Trigger)
def test_what_is_not_in_the_table_is_illegal(state: TicketState, trigger: Trigger) -> None:
    """A programmer's error, never a silent no-op."""
    if may(state, trigger):
        assert move(state, trigger) == TRANSITIONS[state, trigger]
        return
    with pytest.raises(IllegalTransition, match=f"{trigger.value} is not possible"):
        move(state, trigger)


def test_whatever_is_owed_to_a_customer_can_be_given_away_and_settled() -> None:
    """No open state is a dead end: work can be taken back from it (an offer first rescinded)."""
    for state in OPEN - {TicketState.OFFERED}:
        assert may(state, Trigger.TRANSFERRED)
        assert may(state, Trigger.REQUEUED)
    assert move(TicketState.OFFERED, Trigger.OFFER_RESCINDED) is TicketState.QUEUED


def test_nothing_follows_the_end() -> None:
    """A closed ticket is history."""
    assert not any(may(TicketState.CLOSED, trigger) for trigger in Trigger)


def test_an_offer_ends_exactly_when_its_ticket_is_no_longer_offered() -> None:
    """The two tables tell one story: each way out of `offered` is an end of the offer."""
    out = {trigger for state, trigger in TRANSITIONS if state is TicketState.OFFERED}
    assert out == {trigger for _, trigger in OFFER_TRANSITIONS}
    assert {state for state, _ in OFFER_TRANSITIONS} == {OfferState.PENDING}
    assert set(OFFER_TRANSITIONS.values()) == set(OfferState) - {OfferState.PENDING}


@pytest.mark.parametrize("trigger", Trigger)
def test_an_offer_comes_to_one_end(trigger: Trigger) -> None:
    """Accepted, declined, expired or rescinded; nothing else ends it."""
    if trigger.value.startswith("offer_"):
        assert end(trigger).value == trigger.value.removeprefix("offer_")
    elif trigger is Trigger.ASSIGNED:
        assert end(trigger) is OfferState.ACCEPTED
    else:
        with pytest.raises(IllegalTransition, match=f"{trigger.value} is no end of an offer"):
            end(trigger)


def test_who_had_the_offer_and_did_not_take_it_is_not_asked_at_once() -> None:
    """Declining and letting it lapse are refusals; losing it is none."""
    assert frozenset({OfferState.DECLINED, OfferState.EXPIRED}) == REFUSED


def test_an_offer_is_accepted_by_its_agent_alone() -> None:
    """To give the ticket to another, take the offer back first."""
    core = Core()
    core.command("ann", "presence", state="available")
    core.step(triaged())
    (ticket,) = core.core.desk.tickets.rows.values()
    turn = Turn(core.core.desk, "cause", at(0), at(0))
    with pytest.raises(IllegalTransition, match="is ann's to accept"):
        moves.assign(turn, ticket, "bob")


@pytest.mark.parametrize("table", [TRANSITIONS, OFFER_TRANSITIONS])
def test_the_diagram_shows_every_transition(table: dict[Any, Any]) -> None:
    """It is drawn from the table."""
    lines = diagram(table).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == len(table) + 1
    for (state, trigger), after in table.items():
        assert f"    {state} --> {after}: {trigger}" in lines
