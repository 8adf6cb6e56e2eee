"""The checkers of how work is dealt out bite: a true story that is tampered with is found out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.core import assign, escalation
from router.core.agents import Loads
from router.core.dispatch import Dispatch
from router.core.entities.ticket import Ticket
from router.core.events import TicketMessage
from router.core.pools import surviving
from router.core.turn import Turn
from tests.simulation.chaos import Chaos
from tests.simulation.checkers import Event, Run, every_lapse_is_told_and_no_other, violations
from tests.simulation.dealing import DEALING
from tests.simulation.rulebooks import RULES
from tests.simulation.test_chaos import play

Tamper = Callable[[list[Event]], list[Event]]


def told(chaos: Chaos, tamper: Tamper) -> list[str]:
    """What is said of a run in which `tickets.events` were tampered with."""
    topics = chaos.run().topics
    topics["tickets.events"] = tamper(topics["tickets.events"])
    events = [event for told in topics.values() for event in told]
    return violations(Run(events, chaos.now), RULES, DEALING)


def _earlier(events: list[Event]) -> list[Event]:
    """An offer expires a minute before it does."""
    index = next(i for i, event in enumerate(events) if event.type == "ticket.offer_expired")
    events[index] = replace(events[index], time=events[index].time - timedelta(minutes=1))
    return events


def _unended(events: list[Event]) -> list[Event]:
    """An offer that was accepted is not."""
    index = next(
        i for i, event in enumerate(events)
        if event.type == "ticket.assigned" and event.data["offer"] is not None
    )  # fmt: skip
    del events[index]
    return events


@pytest.mark.parametrize(
    ("tamper", "checker"),
    [(_earlier, "no_timer_is_early"), (_unended, "each_offer_comes_to_one_end")],
)
async def test_a_story_that_was_tampered_with_is_found_out(tamper: Tamper, checker: str) -> None:
    """What happened too early, or never, is seen."""
    assert any(one.startswith(checker) for one in told(await play(1), tamper))


def _last_first(turn: Any) -> list[Ticket]:
    found = [turn.desk.tickets.rows[key] for key in turn.seeking]
    return sorted(found, key=turn.desk.waiting.place, reverse=True)


MUTANTS: dict[str, tuple[object, str, Any, str]] = {
    "tickets are offered last first": (
        assign, "_in_order", _last_first, "nothing_overtakes_by_more_than_the_bound",
    ),
    "nobody's load is known": (
        Loads, "load", lambda *_: 0, "work_goes_to_whoever_has_most_to_spare",
    ),
}  # fmt: skip


@pytest.mark.interpreted
async def test_a_router_that_lets_a_message_lapse_clocks_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An earlier reply may still be unread, so that the breach is not true."""
    taken = Dispatch._message

    def hasty(core: Dispatch, turn: Turn, event: TicketMessage) -> None:
        ticket = surviving(turn, event.ticket)
        if ticket is not None:
            escalation.lapsed(turn, ticket, turn.at)
        taken(core, turn, event)

    monkeypatch.setattr(Dispatch, "_message", hasty)
    for seed in range(60):
        chaos = await play(seed)
        if violations(chaos.run(), RULES, (every_lapse_is_told_and_no_other,)):
            return
    pytest.fail("a false breach was not seen")


@pytest.mark.interpreted
@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_router_that_deals_out_otherwise_is_found_out(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In some of a few seeds."""
    target, attribute, replacement, checker = MUTANTS[mutant]
    monkeypatch.setattr(target, attribute, replacement)
    if attribute == "_in_order":
        monkeypatch.setattr(assign, "best_for_freed", lambda *_: None)
    for seed in range(40):
        chaos = await play(seed)
        found = violations(chaos.run(), RULES, DEALING)
        if any(one.startswith(checker) for one in found):
            return
    pytest.fail(f"{checker} has seen nothing")
