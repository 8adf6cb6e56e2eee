"""The examples that import nothing of ours, on a real Kafka, killed in the middle of their work."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router import bootstrap
from router.log.kafka import KafkaLog
from tests.integration.kafka_workers import NAMESPACE, RULES, Worker, config, read
from tests.kafka.cluster import Cluster
from tests.simulation.checkers import violations

EXAMPLES = Path(__file__).parents[2] / "examples"
QUEUES = ["billing", "rescue", "orders"]
MESSAGES = 40
WITHIN_SECONDS = 90


@contextmanager
def desktop(kafka: Cluster, agent: str) -> Iterator[subprocess.Popen[bytes]]:
    """The example as an agent; ended by SIGKILL, whatever it is doing."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "desktop.py", kafka.bootstrap, NAMESPACE, "service", agent,
         "billing", "rescue"],
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def connect(kafka: Cluster, lines: list[str], *, until: int | None = None) -> list[str]:
    """The example over these lines; with `until` killed when so many are confirmed."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "connector.py", kafka.bootstrap, NAMESPACE, "web"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    confirmed: list[str] = []
    try:
        process.stdin.write("".join(lines))
        process.stdin.close()
        for line in process.stdout:
            confirmed.append(line.strip())
            if len(confirmed) == until:
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return confirmed


async def resolved(kafka: Cluster) -> None:
    """Until every ticket is."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while len((await read(kafka)).of("tickets.events", "ticket.resolved")) < MESSAGES:  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(1)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.xdist_group("kafka-faults")
async def test_a_connector_and_a_desktop_survive_kills(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """Every message gets one ticket, and every ticket is taken once and resolved."""
    lines = [f"m{number}\tvisitor-{number}\t您好 {number}\n" for number in range(MESSAGES)]
    async with new_kafka() as kafka:
        settings = config(tmp_path / "config", kafka)
        async with bootstrap.connected(settings) as log:
            assert isinstance(log, KafkaLog)
            await log.apply(QUEUES)
        worker = Worker(settings, "w1")
        try:
            worker.start()
            await worker.ready()
            with desktop(kafka, "bob"):
                with desktop(kafka, "ann"):
                    sent = await asyncio.to_thread(connect, kafka, lines, until=MESSAGES // 3)
                    assert len(sent) == MESSAGES // 3
                with desktop(kafka, "ann"):
                    assert len(await asyncio.to_thread(connect, kafka, lines)) == MESSAGES
                    await resolved(kafka)
            await worker.stop()
            found = await read(kafka)
        finally:
            worker.kill()
    assert len({event.id for event in found.of("requests.inbound")}) == MESSAGES
    assert len(found.of("tickets.events", "ticket.opened")) == MESSAGES
    assert violations(found, RULES) == []
