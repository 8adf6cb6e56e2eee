"""The one table of a ticket's states."""

import pytest

from router.core.lifecycle import (
    OPEN,
    TRANSITIONS,
    IllegalTransition,
    TicketState,
    Trigger,
    diagram,
    may,
    move,
)


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


def test_the_diagram_shows_every_transition() -> None:
    """It is drawn from the table."""
    lines = diagram().splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == len(TRANSITIONS) + 1
    assert "    resolved --> queued: reopened" in lines
