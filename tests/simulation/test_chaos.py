"""Whatever crashes, comes back, shows late or twice: all that must hold holds."""

import pytest

from tests.simulation.chaos import RULES, Chaos
from tests.simulation.checkers import Run, violations
from tests.simulation.invariants import remembered

SEEDS = range(50)
MORE_SEEDS = range(50, 200)
STEPS = 700


async def play(seed: int) -> Chaos:
    """One run from its seed."""
    chaos = Chaos(seed)
    await chaos.play(STEPS)
    await chaos.settle()
    return chaos


async def holds(chaos: Chaos, run: Run) -> None:
    """The topics tell a true story, nobody idled, and a restored shard knows what its owner did."""
    assert violations(run, RULES) == []
    assert chaos.idle == []
    for owner, restored in await chaos.restored():
        assert remembered(restored.core) == remembered(owner.core)


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
async def test_all_that_must_hold_holds(seed: int) -> None:
    """Nothing lost, nothing twice, one agent at a time, every lapse once a level."""
    chaos = await play(seed)
    run = chaos.run()
    await holds(chaos, run)
    assert run.of("tickets.events", "ticket.opened"), "the seed must open tickets"
    assert not run.of("deadletter"), "nothing in this world is malformed"


@pytest.mark.simulation
@pytest.mark.soak
@pytest.mark.parametrize("seed", MORE_SEEDS)
async def test_all_that_must_hold_holds_on_more_seeds(seed: int) -> None:
    """The same, for as long as somebody has time."""
    chaos = await play(seed)
    await holds(chaos, chaos.run())


@pytest.mark.simulation
async def test_a_seed_is_a_run() -> None:
    """The same seed makes the same records, byte for byte."""
    first, second = (await play(7)).log.stored(), (await play(7)).log.stored()
    assert first == second
