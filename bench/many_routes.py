"""Does the number of routes slow the router on Kafka down? 10,000 of them instead of 200."""

import asyncio
from pathlib import Path
from statistics import median

from bench.on_kafka import measured
from bench.routing import COUNT, routed
from bench.workload import ROUTES
from router.log.kafka import KafkaLog
from router.log.kafka_wire import Cluster

MANY = 10_000
ROUNDS = 3


async def measure(cluster: Cluster, _: Path) -> list[str]:
    """The row: the two numbers of routes in turn."""
    seconds: dict[int, list[float]] = {ROUTES: [], MANY: []}
    for number in range(ROUNDS):
        for routes, found in seconds.items():
            took = await routed(KafkaLog(cluster, f"routes{routes}x{number}"), routes)
            found.append(took.cpu_seconds)
    few, many = (median(found) / COUNT * 1e6 for found in seconds.values())
    return [
        f"routed with {ROUTES} routes: {few:.0f} µs of CPU each, with {MANY:,}: {many:.0f} µs; "
        f"throughput falls by {100 * (1 - few / many):.0f} % (target 15)"
    ]


def main() -> None:
    """Print the row."""
    print(*asyncio.run(measured(measure)), sep="\n")


if __name__ == "__main__":
    main()
