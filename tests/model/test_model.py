"""Every interleaving of two agents, timers, customers and a crash, on the real dispatch core.

What holds in every state: `tests.model.truths`. The mutants show that the truths bite: the core
is broken in one place, and the exploration must find it.
"""

from collections import Counter
from itertools import count
from typing import Any

import pytest

from router.core import assign, candidates, dispatch, moves
from router.core.agents import Loads
from router.core.entities.ticket import Ticket
from router.core.outbox import Outbox
from router.core.queues import Line, Waiting
from router.core.state import Journal
from tests.model.explorer import Broken, Explorer, Happening, Scenario, Step, World
from tests.model.scenarios import LARGER, SCENARIOS
from tests.model.truths import Liveness, in_state, of_step

OFFER = "an offer, and two who want it"
ROOM = "two tickets, and room for one each"
CLOCKS = "a customer, clocks, and a ladder that moves it"
CHAIN = "a chain that widens to a queue from which agents take"
POOLS = "two pools between which it goes"
RULES = "rules that take a queue and an agent away"
ASIDE = "two tickets, one set aside, wrapped up, given to another or merged"

FLOORS = {
    OFFER: (3_000, 30_000),
    ROOM: (3_500, 30_000),
    CLOCKS: (3_300, 24_000),
    CHAIN: (1_800, 10_000),
    POOLS: (1_500, 12_000),
    RULES: (1_800, 14_000),
    ASIDE: (8_000, 50_000),
}
"""States and transitions: with fewer, something that could happen no longer does."""

WAYS = {"ticket.queued", "ticket.offered", "ticket.offer_expired", "ticket.assigned"}
REACHES = {
    OFFER: {"ticket.offer_declined", "ticket.offer_rescinded", "ticket.requeued"},
    ROOM: {"ticket.offer_declined", "ticket.pending", "ticket.resumed"},
    CLOCKS: {
        "ticket.message", "ticket.replied", "ticket.reopened", "ticket.closed", "sla.paused",
        "sla.resumed", "sla.met", "sla.breached", "sla.escalated", "sla.cleared",
    },
    CHAIN: {"ticket.overflowed", "ticket.parked", "ticket.transferred", "ticket.requeued"},
    POOLS: {"ticket.moved", "ticket.transferred", "ticket.requeued"},
    RULES: {"ticket.transferred", "ticket.pending", "ticket.reopened"},
    ASIDE: {
        "ticket.held", "ticket.resumed", "ticket.merged", "ticket.wrapped_up",
        "ticket.offer_rescinded", "ticket.requeued",
    },
}  # fmt: skip
"""What happens to tickets on some way through each scenario."""


def explored(scenario: Scenario, told: Counter[str] | None = None) -> Explorer:
    """A scenario, followed to its ends; `told` counts the events by type."""
    liveness, told = Liveness(), Counter() if told is None else told

    def always(world: World) -> None:
        in_state(world)
        liveness(world)

    def step(world: World, one: Happening, step: Step) -> None:
        told.update({out.type for out in step.outputs})
        of_step(world, one, step)

    explorer = Explorer(scenario, step, always)
    explorer.run()
    return explorer


@pytest.mark.parametrize("name", SCENARIOS)
def test_all_that_must_hold_holds_whatever_comes_after_whatever(name: str) -> None:
    """Nobody overloaded or idle, nothing forgotten, told twice or stuck, and a crash is unseen."""
    told: Counter[str] = Counter()
    explorer = explored(SCENARIOS[name], told)
    found = explorer.states, explorer.transitions
    print(f"{name}: {found[0]:,} states, {found[1]:,} transitions")
    assert found[0] >= FLOORS[name][0]
    assert found[1] >= FLOORS[name][1]
    assert (WAYS | REACHES[name]) - told.keys() == set()


@pytest.mark.soak
@pytest.mark.parametrize("name", LARGER)
def test_the_same_holds_where_more_can_happen(name: str) -> None:
    """More commands, tickets and crashes, for as long as somebody has time."""
    explorer = explored(LARGER[name])
    print(f"{name}: {explorer.states:,} states, {explorer.transitions:,} transitions")
    assert explorer.states > FLOORS[OFFER][0]


_changes = Journal.changes
_numbers = count()


def _without_agents(journal: Journal) -> dict[str, bytes | None]:
    return {key: one for key, one in _changes(journal).items() if not key.startswith("agent:")}


MUTANTS: dict[str, tuple[str, object, str, Any, str]] = {
    "capacity is not looked at": (ROOM, Loads, "load", lambda *_: 0, "holds 2 of 1"),
    "who is away is asked": (OFFER, candidates, "absent", lambda *_: None, "never came|is offline"),
    "who refused is asked at once": (
        OFFER, assign, "_refusers", lambda *_: 0, "has just refused|is idle beside",
    ),
    "tickets do not ask to be woken": (
        OFFER, Ticket, "next_wake", lambda _: None, "nothing ends|wakes at",
    ),
    "an agent's changes are not stored": (
        OFFER, Journal, "changes", _without_agents, "was not stored|is done otherwise",
    ),
    "whoever is freed gets nothing": (
        ROOM, assign, "best_for_freed", lambda *_: None, "is idle beside",
    ),
    "ids are not the cause's": (
        OFFER, Outbox, "next_id", lambda box: f"{box.cause}/{next(_numbers)}", "is done otherwise",
    ),
    "commands are not remembered": (
        OFFER, dispatch, "fingerprint", lambda _: str(next(_numbers)), "StopIteration",
    ),
    "parked tickets leave their place": (
        CHAIN, Waiting, "changed", lambda *_: None, "KeyError",
    ),
    "nobody looks at what waits": (
        ROOM, Waiting, "first", lambda *_: None, "is idle beside",
    ),
    "what waits is not shown": (
        CHAIN, Line, "in_order", lambda *_: iter(()), "is not in",
    ),
    "what a transfer takes back is kept": (
        CLOCKS, moves, "release", lambda _, ticket, __: ticket, "not possible while",
    ),
}  # fmt: skip
"""What is broken, by which scenario it is found, where, by what, and what is said of it."""


@pytest.mark.interpreted
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_core_is_found(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is not vacuous: whatever is taken away, some state shows it."""
    name, target, attribute, replacement, problem = MUTANTS[mutant]
    monkeypatch.setattr(target, attribute, replacement)
    with pytest.raises(Broken, match=problem):
        explored(SCENARIOS[name])
