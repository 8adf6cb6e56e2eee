"""Workers and broker killed, paused and replaced at random moments, on a real Kafka."""

import asyncio
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.kafka_workers import RULES, Load, Worker, config, quiet, read
from tests.kafka.cluster import Cluster
from tests.simulation.checkers import violations

PAST_THE_SESSION_SECONDS = 13
LAPSE_SECONDS = 26
"""The first response's target, every level of its ladder, and some time to tell them."""


@dataclass(frozen=True)
class Faults:
    """How often each thing happens, and to how many requests."""

    requests: int
    seconds: float
    kills: int
    pauses: int
    broker_kills: int


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.xdist_group("kafka-faults")
async def test_faults_lose_and_double_nothing(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """Every request in one ticket, one acknowledgement, each lapse told once, capacity kept."""
    faults = Faults(requests=4_000, seconds=45, kills=4, pauses=1, broker_kills=1)
    await survive(new_kafka(), tmp_path, faults, seed=1)


@pytest.mark.kafka
@pytest.mark.soak
@pytest.mark.xdist_group("kafka-faults")
async def test_a_hundred_thousand_requests_survive(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """The same with thirty kills, five pauses past the session, three ends of the broker."""
    faults = Faults(requests=100_000, seconds=420, kills=30, pauses=5, broker_kills=3)
    await survive(new_kafka(), tmp_path, faults, seed=2)


async def survive(cluster: Cluster, folder: Path, faults: Faults, seed: int) -> None:
    """Run the faults under load; then check everything that is committed."""
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    async with cluster as kafka:
        settings = config(folder / "config", kafka)
        workers = [Worker(settings, f"w{number}") for number in (1, 2, 3)]
        load = Load(settings, seed, faults.requests)
        try:
            workers[0].start()
            await workers[0].ready()
            writing = asyncio.create_task(load.write(faults.seconds))
            working = asyncio.create_task(load.work())
            for worker in workers[1:]:
                worker.start()
            for worker in workers[1:]:
                await worker.ready()
            await _inflict(kafka, workers, faults, chance)
            await workers[2].stop()
            await writing
            await asyncio.sleep(LAPSE_SECONDS)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await load.leave()
            await quiet(kafka)
            for worker in workers[:2]:
                await worker.stop()
            found = await read(kafka)
        finally:
            for worker in workers:
                worker.kill()
    assert len({event.id for event in found.of("requests.inbound")}) == load.sent
    assert violations(found, RULES)[:20] == []
    assert [event.data["problem"] for event in found.of("deadletter")] == []
    assert len(found.of("tickets.events", "ticket.resolved")) > load.sent // 2, "agents worked"


async def _inflict(
    kafka: Cluster, workers: list[Worker], faults: Faults, chance: random.Random
) -> None:
    acts = ["kill"] * faults.kills + ["pause"] * faults.pauses + ["broker"] * faults.broker_kills
    chance.shuffle(acts)
    for act in acts:
        await asyncio.sleep(chance.uniform(0.5, 3))
        victim = chance.choice(workers)
        if act == "kill":
            victim.kill()
            await asyncio.sleep(chance.uniform(0, 2))
            victim.start()
            await victim.ready()
        elif act == "pause":
            victim.signal(signal.SIGSTOP)
            await asyncio.sleep(PAST_THE_SESSION_SECONDS)
            victim.signal(signal.SIGCONT)
        else:
            await kafka.kill(1)
            await asyncio.sleep(chance.uniform(0, 2))
            await kafka.start_broker(1)
