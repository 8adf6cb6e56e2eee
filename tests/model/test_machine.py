"""Any sequence of commands, customers, time steps and crashes, where not all can be explored.

Hypothesis draws what happens next, in a world with more tickets, agents' orders, crashes and rules
than an exploration could follow; what fails is shrunk to the shortest way there.
"""

from collections.abc import Mapping

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from router.core.agents import Loads
from tests.model.explorer import FIRE, Happening, Order, Scenario, World
from tests.model.scenarios import BOTH_HERE, CLOCKS, GONE_RULES, presence, to, world
from tests.model.truths import Liveness, in_state, of_step
from tests.unit.router.core.cores import triaged

RULES = """
queues:
  billing: {aging: 30s, targets: [{for: 25s}, {queues: [rescue], for: 40s}]}
  rescue: {mode: pull}
agents:
  ann: {queues: [billing, repairs], capacity: 2}
  bob: {queues: [billing, rescue], capacity: 1}
  eve: {pool: office, queues: [claims]}
presence: {grace: 15s, missed_offers: 3}
"""
OFTEN = 1_000

TICKETS = {
    "a": triaged("a"),
    "b": triaged("b", priority=2),
    "c": triaged("c", queue="repairs", sla=None),
    "d": triaged("d", priority=1),
    "e": triaged("e", queue="claims", pool="office"),
}
NAMES = (
    "take", "accept", "decline", "pending", "resume", "resolve", "reopen", "note", "reply",
)  # fmt: skip


def _menu() -> Mapping[str, tuple[Order, ...]]:
    orders = [presence(state) for state in ("available", "available", "busy", "away", "offline")]
    orders += [Order("presence", None, (("state", "available"), ("lease_seconds", "20")))]
    orders += [Order("take"), Order("take", None, (("queue", "billing"),))]
    for ticket in TICKETS:
        orders += [Order(name, ticket) for name in NAMES]
        orders += [Order("reply", ticket, (("text", "here"),))]
        orders += [to(queue, ticket) for queue in ("billing", "rescue", "claims", "nowhere")]
    return dict.fromkeys(("ann", "bob", "eve", "stranger"), tuple(orders))


SCENARIO = Scenario(
    rules=world(CLOCKS, RULES),
    then=world(CLOCKS, RULES, GONE_RULES),
    tickets=TICKETS,
    menu=_menu(),
    begins=BOTH_HERE,
    commands=OFTEN,
    writes=OFTEN,
    crashes=OFTEN,
    closes=True,
)


class DispatchMachine(RuleBasedStateMachine):
    """The real core; the model is what must hold."""

    liveness = Liveness()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(SCENARIO)

    @initialize(count=st.integers(1, len(TICKETS)))
    def arrive(self, count: int) -> None:
        """Some tickets are there at the beginning; the others come later."""
        for name in list(TICKETS)[:count]:
            self.happen(Happening("arrives", name))

    def happen(self, one: Happening) -> None:
        """It happens, and nothing that must hold is broken by it."""
        of_step(self.world, one, self.world.happen(one))

    @rule(data=st.data())
    def command(self, data: st.DataObject) -> None:
        """A desktop sends a command, as good or bad as it may be."""
        agent = data.draw(st.sampled_from(list(SCENARIO.menu)))
        order = data.draw(st.sampled_from(SCENARIO.menu[agent]))
        if order.ticket is None or self.world.id(order.ticket) in self.world.tickets():
            self.happen(Happening("command", agent, order))

    @rule(data=st.data())
    def what_offers_ask(self, data: st.DataObject) -> None:
        """Somebody does what is to be done next: most desktops do."""
        for name, key in ((name, self.world.id(name)) for name in TICKETS):
            ticket = self.world.tickets().get(key)
            if ticket is not None and ticket.offer is not None:
                verb = data.draw(st.sampled_from(["accept", "accept", "decline"]))
                self.happen(Happening("command", ticket.offer.agent, Order(verb, name)))
                return

    @rule(data=st.data())
    def anything_else(self, data: st.DataObject) -> None:
        """A customer, a clock, another pool, a new rulebook."""
        others = [one for one in self.world.happenings() if one.what not in {"command", "crash"}]
        if others:
            self.happen(data.draw(st.sampled_from(others)))

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """All that is not stored is lost, also what was being done."""
        crashes = [one for one in self.world.happenings() if one.what == "crash"]
        self.happen(data.draw(st.sampled_from(crashes)))

    @precondition(lambda self: self.world.core.next_at() is not None)
    @rule(seconds=st.sampled_from([0.0, 0.5, 7.0, 31.0]))
    def late(self, seconds: float) -> None:
        """Time passes, and what is due fires late, all of it."""
        self.world.later(seconds)
        while (due := self.world.core.next_at()) is not None and due <= self.world.now:
            self.happen(FIRE)

    @invariant()
    def holds(self) -> None:
        """Capacity, owners, places, timers; and nothing is stuck for ever."""
        in_state(self.world)
        self.liveness(self.world)


TestAnySequence = DispatchMachine.TestCase
TestAnySequence.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.soak
def test_any_long_sequence() -> None:
    """The same, for as long as somebody has time."""
    many = settings(max_examples=5_000, stateful_step_count=80)
    run_state_machine_as_test(DispatchMachine, settings=many)


@pytest.mark.interpreted
def test_a_core_that_overloads_agents_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine gets to states in which what is broken shows."""
    monkeypatch.setattr(Loads, "load", lambda *_: 0)
    few = settings(
        max_examples=50, stateful_step_count=40, derandomize=True, database=None,
        phases=(Phase.generate,),
    )  # fmt: skip
    with pytest.raises(AssertionError, match=r"holds \d of \d"):
        run_state_machine_as_test(DispatchMachine, settings=few)
