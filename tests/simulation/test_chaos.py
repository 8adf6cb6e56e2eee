"""Whatever crashes, comes back, shows late or twice: all that must hold holds.

A seed is a run. `SWITCHBOARD_SEEDS=17,4711` plays these and no others; a seed that has failed once
stands in `seeds.txt` and is played every time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.simulation.chaos import Chaos
from tests.simulation.checkers import CHECKERS, Run, violations
from tests.simulation.dealing import DEALING
from tests.simulation.invariants import remembered
from tests.simulation.rulebooks import RULES, VARIANTS

STEPS = 700
FEW, ALL, BATCH = 200, 10_000, 100


def _kept() -> list[int]:
    lines = Path(__file__).with_name("seeds.txt").read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


ASKED = [int(seed) for seed in os.environ.get("SWITCHBOARD_SEEDS", "").split(",") if seed]
SEEDS = ASKED or sorted({*range(FEW), *_kept()})
BATCHES = [] if ASKED else range(FEW, ALL, BATCH)


@contextmanager
def replayable(seed: int) -> Iterator[None]:
    """Whatever fails in here says how to have it fail again."""
    try:
        yield
    except BaseException as error:
        how = f"SWITCHBOARD_SEEDS={seed} .venv/bin/pytest tests/simulation/test_chaos.py"
        error.add_note(f"seed {seed}; to replay it: {how}")
        raise


async def play(seed: int) -> Chaos:
    """One run from its seed."""
    chaos = Chaos(seed)
    await chaos.play(STEPS)
    await chaos.settle()
    return chaos


async def holds(chaos: Chaos, run: Run) -> None:
    """The topics tell a true story, nobody idled, and a restored shard knows what its owner did."""
    assert violations(run, RULES, CHECKERS + DEALING) == []
    assert chaos.wrong == []
    assert run.of("tickets.events", "ticket.opened"), "the seed must open tickets"
    assert not run.of("deadletter"), "nothing in this world is malformed"
    assert not run.of("operations", "operations.timer_failed"), "no timer fails"
    for owner, restored in await chaos.restored():
        assert remembered(restored.core) == remembered(owner.core)


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
async def test_all_that_must_hold_holds(seed: int) -> None:
    """Nothing lost, nothing twice, one agent at a time, every lapse once a level, in order."""
    with replayable(seed):
        chaos = await play(seed)
        await holds(chaos, chaos.run())


@pytest.mark.simulation
@pytest.mark.soak
@pytest.mark.parametrize("first", BATCHES)
async def test_all_that_must_hold_holds_on_all_seeds(first: int) -> None:
    """The same, for as long as somebody has time: a hundred seeds at once."""
    for seed in range(first, min(first + BATCH, ALL)):
        with replayable(seed):
            chaos = await play(seed)
            await holds(chaos, chaos.run())


@pytest.mark.simulation
async def test_a_seed_is_a_run() -> None:
    """The same seed makes the same records, byte for byte."""
    first, second = (await play(7)).log.stored(), (await play(7)).log.stored()
    assert first == second


@pytest.mark.simulation
async def test_much_happens_in_a_few_seeds() -> None:
    """Pools, queues that are taken from, new rulebooks, downtime: none of it is there in vain."""
    told: set[str] = set()
    reasons: set[str] = set()
    enforced: set[str] = set()
    for seed in range(12):
        chaos = await play(seed)
        events = chaos.run().of("tickets.events")
        told.update(event.type for event in events)
        reasons.update(event.data.get("reason") or "" for event in events)
        enforced.update(chaos.enforced)
        told.update(event.type for event in chaos.run().of("tickets.triaged"))
    assert {"ticket.moved", "ticket.overflowed", "ticket.parked", "sla.changed"} - told == set()
    assert {"escalated", "queue_removed", "missed_offers", "lease"} - reasons == set()
    assert enforced == set(VARIANTS)
