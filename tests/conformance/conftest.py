"""The logs that the suite runs over."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from router.log.protocol import Log
from router.log.valkey_server import EmbeddedServer
from tests.conformance.harness import Harness, MemoryHarness, ValkeyHarness

HARNESSES: dict[str, Callable[[EmbeddedServer], Harness]] = {
    "memory": lambda _: MemoryHarness(),
    "valkey": ValkeyHarness,
}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """One real server for the whole run; a fresh namespace for every test."""
    server = EmbeddedServer(tmp_path_factory.mktemp("valkey"))
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(params=sorted(HARNESSES), loop_scope="session")
async def harness(request: pytest.FixtureRequest, valkey: EmbeddedServer) -> AsyncIterator[Harness]:
    """Each log in turn."""
    found = HARNESSES[request.param](valkey)
    yield found
    await found.close()


@pytest.fixture
def log(harness: Harness) -> Log:
    """A log that holds nothing yet."""
    return harness.handle()
