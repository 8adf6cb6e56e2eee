"""kill -9 of the router, of its server, and of both, at random moments under load."""

from pathlib import Path

import pytest

from tests.integration.killing import RULES, run
from tests.simulation.checkers import violations


async def survives(folder: Path, seed: int, kills: int) -> None:
    """Nothing that was confirmed is lost, nothing happens twice."""
    found, sent = await run(folder, seed, kills)
    assert violations(found, RULES) == []
    came = {event.id for event in found.of("requests.inbound")}
    assert len(came) == sent > 0, "what was confirmed is there"
    assert found.of("tickets.events", "ticket.resolved"), "the agents worked"
    assert [event.data["problem"] for event in found.of("deadletter")] == []


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.xdist_group("kills")
async def test_ten_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """No lost request, no second ticket, acknowledgement, assignment or escalation."""
    await survives(tmp_path, seed=1, kills=10)


@pytest.mark.services
@pytest.mark.soak
@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("seed", [2, 3])
async def test_fifty_kills_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    """The same, fifty times in a row."""
    await survives(tmp_path, seed=seed, kills=50)
