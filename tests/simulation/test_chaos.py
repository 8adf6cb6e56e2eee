"""Whatever crashes, comes back, shows late or twice: all that must hold holds."""

import pytest

from tests.simulation.chaos import RULES, Chaos
from tests.simulation.checkers import violations

SEEDS = range(50)
MORE_SEEDS = range(50, 200)
STEPS = 700


async def play(seed: int) -> Chaos:
    """One run from its seed."""
    chaos = Chaos(seed)
    await chaos.play(STEPS)
    await chaos.settle()
    return chaos


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
async def test_all_that_must_hold_holds(seed: int) -> None:
    """Nothing lost, nothing twice, one agent at a time, every lapse once a level."""
    chaos = await play(seed)
    run = chaos.run()
    assert violations(run, RULES) == []
    assert run.of("tickets.events", "ticket.opened"), "the seed must open tickets"
    assert not run.of("deadletter"), "nothing in this world is malformed"


@pytest.mark.simulation
@pytest.mark.soak
@pytest.mark.parametrize("seed", MORE_SEEDS)
async def test_all_that_must_hold_holds_on_more_seeds(seed: int) -> None:
    """The same, for as long as somebody has time."""
    chaos = await play(seed)
    assert violations(chaos.run(), RULES) == []


@pytest.mark.simulation
async def test_a_seed_is_a_run() -> None:
    """The same seed makes the same records, byte for byte."""
    first, second = (await play(7)).log.stored(), (await play(7)).log.stored()
    assert first == second
