"""The logs that the suite runs over."""

from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
import pytest_asyncio

from router.log.protocol import Log
from router.log.valkey_server import EmbeddedServer
from tests.conformance.harness import Harness, KafkaHarness, MemoryHarness, ValkeyHarness

KAFKA, STREAMED = (
    pytest.param(name, marks=[pytest.mark.kafka, pytest.mark.xdist_group("kafka")])
    for name in ("kafka", "kafka-faststream")
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """One real server for the whole run; a fresh namespace for every test."""
    server = EmbeddedServer(tmp_path_factory.mktemp("valkey"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["memory", "valkey", KAFKA, STREAMED])
def make(request: pytest.FixtureRequest) -> Callable[[], Harness]:
    """Each log in turn, as often as wanted; a server is started only for its own."""
    if request.param == "memory":
        return MemoryHarness
    if request.param == "valkey":
        return partial(ValkeyHarness, request.getfixturevalue("valkey"))
    streams = request.param == "kafka-faststream"
    return partial(KafkaHarness, request.getfixturevalue("kafka"), streams=streams)


@pytest_asyncio.fixture(loop_scope="session")
async def harness(make: Callable[[], Harness]) -> AsyncIterator[Harness]:
    """The log, closed at the end."""
    made = make()
    yield made
    await made.close()


@pytest.fixture
def log(harness: Harness) -> Log:
    """A log that holds nothing yet."""
    return harness.handle()
