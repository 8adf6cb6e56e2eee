"""Routed requests a second on the embedded log, against a bare copy loop on the same Valkey.

The bare loop reads a batch and writes, for each request, the number and the bytes of records that
the router has written for it, and the position, in one MULTI; with the same fast connection, and
the same `appendfsync always`. Twice: with the state's entries counted as records (as they are on
Kafka), and without.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.routing import BATCH, COUNT, publish, routed, written
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer
from router.log.wire import Address, Command, Wire
from router.topics import REQUESTS_INBOUND

ROUNDS = 3
STREAM = b"bench:stream"


async def copied(url: str, records_each: int, bytes_each: int) -> float:
    """Seconds in which a bare loop reads and writes as much."""
    wire = Wire(Address.parse(url))
    value, read = b"x" * bytes_each, b"0-0"
    source = f"copied:stream:{REQUESTS_INBOUND}:0"
    done = 0
    began = time.perf_counter()
    while done < COUNT:
        ((_, entries),) = (await wire.call([("XREAD", "COUNT", BATCH, "STREAMS", source, read)]))[0]
        writing: list[Command] = [("MULTI",)]
        for _ in entries:
            writing += [("XADD", STREAM, "*", "v", value)] * records_each
        read = entries[-1][0]
        writing += [("HSET", "bench:position", "p", read), ("EXEC",)]
        await wire.call(writing)
        done += len(entries)
    seconds = time.perf_counter() - began
    await wire.call([("DEL", STREAM)])
    await wire.close()
    return seconds


async def measure() -> list[str]:
    """The table's rows."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        await server.start()
        try:
            return await _measure(server.url)
        finally:
            await server.stop()


async def _measure(url: str) -> list[str]:
    source = ValkeyLog(url, "copied")
    await publish(source)
    await source.close()
    mine, bare, bare_all = [], [], []
    counted = await written()
    outputs, every = round(counted.outputs / COUNT), round(counted.every / COUNT)
    for number in range(ROUNDS):
        mine.append(await routed(ValkeyLog(url, f"round{number}")))
        bare.append(await copied(url, outputs, counted.output_bytes // counted.outputs))
        bare_all.append(await copied(url, every, counted.every_bytes // counted.every))
    rate = COUNT / median(one.seconds for one in mine)
    cpu = median(one.cpu_seconds for one in mine) / COUNT
    rate_bare, rate_all = COUNT / median(bare), COUNT / median(bare_all)
    return [
        f"routed, both stages, 200 routes: {rate:,.0f} requests/s, "
        f"{cpu * 1e6:.0f} µs of CPU each ({counted})",
        f"bare copy, records and state entries: {rate_all:,.0f} requests/s; "
        f"ratio {rate / rate_all:.2f} (target 0.50)",
        f"bare copy, records alone: {rate_bare:,.0f} requests/s; ratio {rate / rate_bare:.2f}",
    ]


def main() -> None:
    """Print the rows."""
    for row in asyncio.run(measure()):
        print(row)


if __name__ == "__main__":
    main()
