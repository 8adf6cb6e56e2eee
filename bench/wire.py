"""What a command costs: redis-py's pipeline against the log's own connection."""

import asyncio
import tempfile
import time
from pathlib import Path

import redis.asyncio as redis

from router.log.valkey_server import EmbeddedServer
from router.log.wire import Address, Command, Wire

COMMANDS = 1_000
ROUNDS = 10
VALUE = b"x" * 600


async def measure() -> list[str]:
    """The rows: CPU of this process a command, in microseconds."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        await server.start()
        try:
            theirs, ours = await _pipeline(str(server.socket)), await _wire(server.url)
        finally:
            await server.stop()
    return [
        f"one XADD of 600 bytes in a MULTI of {COMMANDS:,}: redis-py's pipeline {theirs:.1f} µs "
        f"of CPU, our connection {ours:.1f} µs: {theirs / ours:.1f} times less"
    ]


async def _pipeline(path: str) -> float:
    client = redis.Redis(unix_socket_path=path)
    began = time.process_time()
    for _ in range(ROUNDS):
        pipe = client.pipeline(transaction=True)
        for _ in range(COMMANDS):
            pipe.execute_command("XADD", "theirs", "*", "v", VALUE)
        await pipe.execute()
    used = time.process_time() - began
    await client.aclose()
    return used / ROUNDS / COMMANDS * 1e6


async def _wire(url: str) -> float:
    wire = Wire(Address.parse(url))
    commands: list[Command] = [("MULTI",), *[("XADD", "ours", "*", "v", VALUE)] * COMMANDS]
    began = time.process_time()
    for _ in range(ROUNDS):
        await wire.call([*commands, ("EXEC",)])
    used = time.process_time() - began
    await wire.close()
    return used / ROUNDS / COMMANDS * 1e6


def main() -> None:
    """Print the row."""
    print(*asyncio.run(measure()), sep="\n")


if __name__ == "__main__":
    main()
