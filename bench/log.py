"""What the log's verbs cost a record on Valkey, against a bare redis-py pipeline that does as much.

A record has a key, an envelope and 600 bytes; a commit has 1,000 of them, a state entry of 300
bytes for each, and a position. Wall time is with the server's, which writes through to the disk.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis.asyncio as redis

from router.log.protocol import Commit, Envelope, Message, ShardLog, Source
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer

RECORDS = 1_000
ROUNDS = 20
OUT = Source("tickets.events", 0)
VALUE, ENTRY = b"x" * 600, b"y" * 300
PUBLISHERS = 50


@dataclass
class Cost:
    """Microseconds a record."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} µs ({self.cpu:.1f} µs of our CPU)"


async def timed(work: Callable[[], Awaitable[Any]], records: int, rounds: int = ROUNDS) -> Cost:
    """What `work`, done so many times, costs a record."""
    began, used = time.perf_counter(), time.process_time()
    for _ in range(rounds):
        await work()
    each = 1e6 / rounds / records
    return Cost((time.perf_counter() - began) * each, (time.process_time() - used) * each)


def messages(count: int) -> list[Message]:
    """Records as the shards write them."""
    now = datetime.now(UTC)
    return [
        Message(
            OUT.topic,
            f"abcdefgh23{number:06d}",
            VALUE,
            Envelope(f"0123456789abcdef/{number}", "ticket.opened", "switchboard/triage/0", now),
        )
        for number in range(count)
    ]


async def measure() -> list[str]:
    """The rows."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        await server.start()
        log = ValkeyLog(server.url)
        client = redis.Redis(unix_socket_path=str(server.socket))
        shard = await log.open_shard("triage", 0, [OUT])
        try:
            return [*await _committed(shard, client), *await _read(shard, client),
                    await _published(log)]  # fmt: skip
        finally:
            await shard.close()
            await client.aclose()
            await log.close()
            await server.stop()


async def _committed(shard: ShardLog, client: Any) -> list[str]:
    changes: dict[str, bytes | None] = {f"ticket:{number}": ENTRY for number in range(RECORDS)}
    commit = Commit(messages(RECORDS), changes, {Source("requests.inbound", 0): "1-1"})
    await shard.commit(commit)

    async def bare() -> None:
        pipe = client.pipeline(transaction=True)
        for number in range(RECORDS):
            fields = {"k": f"abcdefgh23{number:06d}", "e": b"e" * 120, "v": VALUE}
            pipe.xadd("bare", fields)
            pipe.hset("bare:state", f"ticket:{number}", ENTRY)
        pipe.hset("bare:positions", "requests.inbound:0", "1-1")
        await pipe.execute()

    ours, theirs = await timed(lambda: shard.commit(commit), RECORDS), await timed(bare, RECORDS)
    return [
        f"commit, a record with its state entry: {ours}; redis-py's pipeline: {theirs}; "
        f"{theirs.wall / ours.wall:.1f} times less"
    ]


async def _read(shard: ShardLog, client: Any) -> list[str]:
    last = b"0-0"

    async def bare() -> None:
        nonlocal last
        ((_, entries),) = await client.xread({"bare": last}, count=RECORDS)
        last = entries[-1][0]

    ours = await timed(lambda: shard.poll(RECORDS, 0), RECORDS)
    theirs = await timed(bare, RECORDS)
    restored = 0

    async def restore() -> None:
        nonlocal restored
        restored = len([key async for key, _ in shard.restore()])

    entries = await timed(restore, RECORDS)
    return [
        f"poll, a record decoded: {ours}; redis-py's XREAD, not decoded: {theirs}",
        f"restore, a state entry: {entries}",
    ]


async def _published(log: ValkeyLog) -> str:
    one = messages(1)
    alone = await timed(lambda: log.publish(one), 1, 200)
    together = await timed(
        lambda: asyncio.gather(*(log.publish(one) for _ in range(PUBLISHERS))), PUBLISHERS
    )
    return f"publish, a record: {alone}; by {PUBLISHERS} publishers at once: {together}"


def main() -> None:
    """Print the rows."""
    print(*asyncio.run(measure()), sep="\n")


if __name__ == "__main__":
    main()
