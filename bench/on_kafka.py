"""A real Kafka for as long as something is measured on it: one broker, as fast as in production."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from router.log.kafka_wire import Cluster
from tests.kafka import cluster as brokers
from tests.kafka import installation


async def measured(rows: Callable[[Cluster, Path], Awaitable[list[str]]]) -> list[str]:
    """What `rows` finds on a cluster, with a folder for its files; or why there is none."""
    try:
        installation.find()
    except installation.Absent as absent:
        return [f"not measured: {absent}"]
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with brokers.Cluster(Path(folder), at_speed=True) as kafka:
            return await rows(Cluster(kafka.bootstrap), Path(folder))
