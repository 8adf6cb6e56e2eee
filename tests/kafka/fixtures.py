"""The fixtures of tests that need a real Kafka; `tests/conftest.py` makes them known everywhere.

Such a test carries `@pytest.mark.kafka` and `@pytest.mark.xdist_group("kafka")`: the group keeps
them all in one worker, where one broker serves them.
"""

import functools
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.kafka import installation
from tests.kafka.cluster import Cluster


@dataclass(frozen=True)
class External:
    """A Kafka that somebody else runs: nobody kills it, and it has no listener for proxies."""

    bootstrap: str


def _given() -> External | None:
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    return External(bootstrap) if bootstrap else None


def _require_installation() -> None:
    try:
        installation.find()
    except installation.Absent as absent:
        message = f"no Kafka: these checks did NOT run: {absent}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def _refuse_given() -> None:
    if _given() is not None:
        pytest.skip("KAFKA_BOOTSTRAP is not ours to kill or to put a proxy before: did NOT run")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster | External]:
    """One broker for the whole run, started by the first test that asks; topics are the test's."""
    given = _given()
    if given is not None:
        yield given
        return
    _require_installation()
    async with Cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture
def proxied_kafka(kafka: Cluster | External) -> Cluster:
    """The same broker, for a test that puts a proxy before it; leave the broker as it is."""
    _refuse_given()
    assert isinstance(kafka, Cluster)
    return kafka


@pytest.fixture
def new_kafka(tmp_path: Path) -> Callable[..., Cluster]:
    """How a test gets brokers of its own, to kill and to pause.

    `async with new_kafka(3) as kafka`: takes what `Cluster` takes after its folder; once a test.
    """
    _refuse_given()
    _require_installation()
    return functools.partial(Cluster, tmp_path / "kafka")
