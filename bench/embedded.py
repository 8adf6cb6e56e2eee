"""Routed requests a second on the embedded log, against a bare copy loop on the same Valkey.

The bare loop reads a batch and writes, for each request, the number and the bytes of records that
the router has written for it, and the position, in one MULTI; with the same fast connection, and
the same `appendfsync always`. Twice: with the state's entries counted as records (as they are on
Kafka), and without.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.workload import requests, rulebook
from router import records
from router.bootstrap import calm_collector
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.log.protocol import Commit, ShardLog
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer
from router.log.wire import Address, Command, Wire
from router.shard import Core, Pace, Shard
from router.topics import REQUESTS_INBOUND

COUNT = 20_000
BATCH = 1_000
ROUNDS = 3
HEAD = Letterhead(secrets=(b"bench-secret-of-32-bytes-or-more",), domain="bench.example")
STREAM = b"bench:stream"


@dataclass
class Written:
    """What the router wrote for all requests."""

    outputs: int = 0
    output_bytes: int = 0
    entries: int = 0
    entry_bytes: int = 0

    def add(self, commit: Commit) -> None:
        """Count one commit."""
        self.outputs += len(commit.outputs)
        self.output_bytes += sum(
            len(one.value or b"") + len(one.key) + len(one.envelope.id) + 120
            for one in commit.outputs
        )
        self.entries += len(commit.changes)
        self.entry_bytes += sum(len(key) + len(data or b"") for key, data in commit.changes.items())


class _Counted:
    """A shard's handle that counts what is committed through it."""

    def __init__(self, handle: ShardLog, written: Written) -> None:
        self._handle = handle
        self._written = written
        self.restore = handle.restore
        self.poll = handle.poll
        self.close = handle.close

    async def commit(self, commit: Commit) -> None:
        await self._handle.commit(commit)
        self._written.add(commit)


class CountingLog(ValkeyLog):
    """The log, with what the shards write counted."""

    written = Written()

    async def open_shard(self, stage, partition, sources):  # type: ignore[no-untyped-def]
        """See `Log.open_shard`."""
        return _Counted(await super().open_shard(stage, partition, sources), self.written)


async def routed(url: str, namespace: str) -> tuple[float, Written]:
    """Seconds in which both stages route `COUNT` requests, and what they wrote."""
    log = CountingLog(url, namespace)
    log.written = Written()
    await log.publish([records.activation(rulebook(), 1, datetime.now(UTC))])
    batch = requests(COUNT)
    for start in range(0, COUNT, BATCH):
        await log.publish(batch[start : start + BATCH])
    cores: list[Core] = [Triage(HEAD), Dispatch(HEAD)]
    pace = Pace(batch_records=BATCH, watermark=None)
    shards = [_shard(log, core, pace) for core in cores]
    for shard in shards:
        await shard.open()
    calm_collector()
    dispatch = cores[1]
    assert isinstance(dispatch, Dispatch)
    began = time.perf_counter()
    working = [asyncio.create_task(_work(shard)) for shard in shards]
    while len(dispatch.desk.tickets) < COUNT:  # noqa: ASYNC110 - a shard has no event for it
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    for shard in shards:
        await shard.close()
    await log.close()
    return seconds, log.written


def _shard(log: ValkeyLog, core: Core, pace: Pace) -> Shard:
    return Shard(log, lambda: core, 0, clock=lambda: datetime.now(UTC), pace=pace)


async def _work(shard: Shard) -> None:
    """As `Shard.run`, without its care for outages."""
    while True:
        await shard.turn(0.05)


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
    batch = requests(COUNT)
    for start in range(0, COUNT, BATCH):
        await source.publish(batch[start : start + BATCH])
    await source.close()
    mine, bare, bare_all = [], [], []
    written = Written()
    for number in range(ROUNDS):
        seconds, written = await routed(url, f"round{number}")
        mine.append(seconds)
        outputs = round(written.outputs / COUNT)
        bare.append(await copied(url, outputs, written.output_bytes // written.outputs))
        every = written.outputs + written.entries
        size = (written.output_bytes + written.entry_bytes) // every
        bare_all.append(await copied(url, round(every / COUNT), size))
    rate, rate_bare, rate_all = (COUNT / median(one) for one in (mine, bare, bare_all))
    return [
        f"routed, both stages, 200 routes: {rate:,.0f} requests/s "
        f"({written.outputs / COUNT:.1f} records of {written.output_bytes // written.outputs} "
        f"bytes and {written.entries / COUNT:.1f} state entries of "
        f"{written.entry_bytes // written.entries} bytes a request)",
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
