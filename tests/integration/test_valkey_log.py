"""What only a real server can show: its death, a lost reply, a second process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.errors import Malformed, Unavailable
from router.log.protocol import Commit, Envelope, Fenced, Message, Source
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer, Occupied
from router.topics import Partitions

pytestmark = pytest.mark.services

OUT = "tickets.events"


def message(identity: str, size: int = 10) -> Message:
    """A record of `size` bytes."""
    return Message(OUT, "k", b"x" * size, Envelope(identity, "t", "s", datetime.now(UTC)), 0)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[EmbeddedServer]:
    """A server in `folder`, supervised, and stopped at the end."""
    server = EmbeddedServer(folder)
    await server.start()
    supervising = asyncio.create_task(server.supervise())
    try:
        yield server
    finally:
        supervising.cancel()
        await server.stop()


async def ids(log: ValkeyLog) -> list[str]:
    """The ids that are stored."""
    found: list[str] = []
    subscription = log.subscribe([OUT], None, from_start=True)
    async for delivery in subscription:
        found += [record.envelope.id for record in delivery.records]
        if delivery.caught_up:
            break
    await subscription.close()
    return found


async def test_a_second_process_on_the_data_folder_is_refused(tmp_path: Path) -> None:
    """It is told who runs there, and the first is not disturbed."""
    async with running(tmp_path) as server:
        with pytest.raises(Occupied, match=str(os.getpid())):
            await EmbeddedServer(tmp_path).start()
        log = ValkeyLog(server.url)
        await log.publish([message("a")])
        assert await ids(log) == ["a"]
        await log.close()


async def test_what_was_confirmed_survives_a_killed_server(tmp_path: Path) -> None:
    """SIGKILL again and again: every publish that returned is there afterwards, once."""
    async with running(tmp_path) as server:
        log = ValkeyLog(server.url)
        confirmed: list[str] = []
        for number in range(120):
            if number % 30 == 15 and server.pid is not None:
                os.kill(server.pid, signal.SIGKILL)
            while True:
                try:
                    await log.publish([message(f"m{number}")])
                except Unavailable:
                    await asyncio.sleep(0.05)
                else:
                    confirmed.append(f"m{number}")
                    break
        found = await _eventually_ids(log)
        assert set(confirmed) <= set(found)
        assert [one for one in dict.fromkeys(found) if one in confirmed] == confirmed
        await log.close()


async def test_a_commit_is_whole_or_nothing_when_the_server_dies(tmp_path: Path) -> None:
    """What returned is there entirely, what raised entirely or not at all."""
    async with running(tmp_path) as server:
        log = ValkeyLog(server.url)
        returned: set[int] = set()
        for number in range(40):
            shard = None
            with suppress(Unavailable):
                shard = await log.open_shard("triage", 0, [Source("requests.inbound", 0)])
                killing = None
                if number % 4 == 2 and server.pid is not None:
                    killing = asyncio.get_running_loop().call_later(
                        0.0005 * (number % 8), _kill, server.pid
                    )
                outputs = [message(f"{number}-{part}", 2_000) for part in range(200)]
                await shard.commit(Commit(outputs, {f"s{number}": b"1"}, {}))
                returned.add(number)
                if killing is not None:
                    killing.cancel()
            if shard is not None:
                await shard.close()
        found = await _eventually_ids(log)
        per_commit = {number: 0 for number in range(40)}
        for one in found:
            per_commit[int(one.partition("-")[0])] += 1
        assert set(per_commit.values()) <= {0, 200}
        assert all(per_commit[number] == 200 for number in returned)
        await log.close()


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def _eventually_ids(log: ValkeyLog) -> list[str]:
    for _ in range(200):
        with suppress(Unavailable):
            return await ids(log)
        await asyncio.sleep(0.05)
    raise AssertionError("the server did not come back")


class Cutter:
    """Stands between log and server, and cuts the connection before the reply to an EXEC."""

    def __init__(self, target: Path, path: Path) -> None:
        self.armed = False
        self._target, self._path = target, path

    async def start(self) -> asyncio.Server:
        """Listen in the server's stead."""
        return await asyncio.start_unix_server(self._serve, self._path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        cut = False

        async def there() -> None:
            nonlocal cut
            while data := await reader.read(65536):
                cut = cut or (self.armed and b"EXEC" in data)
                far_writer.write(data)
                await far_writer.drain()
            far_writer.close()

        async def back() -> None:
            while data := await far_reader.read(65536):
                if cut:
                    self.armed = False
                    break
                writer.write(data)
                await writer.drain()
            writer.close()

        await asyncio.gather(there(), back(), return_exceptions=True)
        far_writer.close()
        writer.close()


async def test_a_lost_reply_is_resolved_by_the_commit_number(tmp_path: Path) -> None:
    """The commit was stored: it is not repeated, and the shard goes on."""
    async with running(tmp_path / "data") as server:
        cutter = Cutter(server.socket, tmp_path / "cut.sock")
        listening = await cutter.start()
        log = ValkeyLog(f"unix://{tmp_path / 'cut.sock'}")
        shard = await log.open_shard("triage", 0, [Source("requests.inbound", 0)])
        await shard.commit(Commit([message("a")], {"n": b"1"}, {}))
        cutter.armed = True
        await shard.commit(Commit([message("b")], {"n": b"2"}, {}))
        await shard.commit(Commit([message("c")], {"n": b"3"}, {}))
        assert await ids(log) == ["a", "b", "c"]
        await shard.close()
        await log.close()
        listening.close()


async def test_a_commit_of_a_fenced_owner_fails_even_on_a_new_connection(tmp_path: Path) -> None:
    """A WATCH that a lost connection took with it does not let a former owner write."""
    async with running(tmp_path) as server:
        log = ValkeyLog(server.url)
        old = await log.open_shard("triage", 0, [Source("requests.inbound", 0)])
        new = await log.open_shard("triage", 0, [Source("requests.inbound", 0)])
        await old.close()
        with pytest.raises(Fenced):
            await old.commit(Commit([message("ghost")], {}, {}))
        assert await ids(log) == []
        for shard in (old, new):
            await shard.close()
        await log.close()


async def test_another_partition_count_is_refused(tmp_path: Path) -> None:
    """A log that is in use does not change its partitions by a setting."""
    async with running(tmp_path) as server:
        log = ValkeyLog(server.url)
        await log.open()
        await log.close()
        other = ValkeyLog(server.url, partitions=Partitions(triage=4))
        with pytest.raises(Malformed, match="partitions"):
            await other.open()
        await other.close()
