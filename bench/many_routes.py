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
            found.append(await routed(KafkaLog(cluster, f"routes{routes}x{number}"), routes))
    few, many = (COUNT / median(found) for found in seconds.values())
    return [
        f"routed with {ROUTES} routes: {few:,.0f} requests/s, with {MANY:,}: {many:,.0f}; "
        f"{100 * (1 - many / few):.0f} % fewer (target 15)"
    ]


def main() -> None:
    """Print the row."""
    print(*asyncio.run(measured(measure)), sep="\n")


if __name__ == "__main__":
    main()
