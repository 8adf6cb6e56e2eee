"""The checkers of how work is dealt out bite: a true story that is tampered with is found out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from router.core import agents, assign
from router.core.tickets import Ticket
from tests.simulation.chaos import Chaos
from tests.simulation.checkers import Event, Rules, Run, violations
from tests.simulation.dealing import DEALING
from tests.simulation.rulebooks import RULES
from tests.simulation.test_chaos import play

Tamper = Callable[[list[Event]], list[Event]]


def told(chaos: Chaos, tamper: Tamper) -> list[str]:
    """What is said of a run in which `tickets.events` were tampered with."""
    run = chaos.run()
    others = [event for topic, events in run.topics.items() if topic != "tickets.events"
              for event in events]  # fmt: skip
    under: Sequence[Sequence[Rules]] = ()
    return violations(
        Run([*others, *tamper(run.of("tickets.events"))], chaos.now, under=under), RULES, DEALING
    )


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


MUTANTS: dict[str, tuple[str, Any, str]] = {
    "no queue is looked at in its order": (
        "_best_for_freed", lambda _: None, "nothing_overtakes_by_more_than_the_bound",
    ),
    "whoever comes first in the alphabet is asked": (
        "choose", None, "work_goes_to_whoever_has_most_to_spare",
    ),
}  # fmt: skip


def _by_name(turn: Any, ticket: Ticket) -> assign.Choice | None:
    need = turn.desk.need(ticket)
    for name in turn.desk.roster.serving(need.places) if need.push else ():
        agent, state = turn.desk.roster.agents[name], turn.desk.agent(name)
        if agents.unfit(agent, state, turn.desk.loads.load(name), need, ticket) is None:
            return assign.Choice(name, {})
    return None


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_router_that_deals_out_otherwise_is_found_out(
    mutant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In some of a few seeds."""
    attribute, replacement, checker = MUTANTS[mutant]
    monkeypatch.setattr(assign, attribute, replacement or _by_name)
    monkeypatch.setattr(assign, "_in_order", _last_first)
    found: list[str] = []
    for seed in range(10):
        chaos = await play(seed)
        found += violations(chaos.run(), RULES, DEALING)
    assert any(one.startswith(checker) for one in found)
