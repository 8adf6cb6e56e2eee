"""A Unix socket in front of another, that hangs up at the moment that a test chooses."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path


class Moment(Enum):
    """Where a commit is cut."""

    BEFORE = "before the server has all of it"
    AFTER = "when it is stored, and its reply is on the way"


class Proxy:
    """Passes bytes on; `cut` is what happens to the next transaction, `cuts` how many it was."""

    def __init__(self, server: Path, listening: Path) -> None:
        self._server = server
        self.listening = listening
        self.cut: Moment | None = None
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_unix_server(self._serve, self.listening)

    async def stop(self) -> None:
        """Hang up on everybody."""
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(self._server)
        there = asyncio.create_task(self._pass(reader, upstream_writer, self._request))
        back = asyncio.create_task(self._pass(upstream_reader, writer, self._reply))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            back.cancel()
            for one in (writer, upstream_writer):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()
            self._tasks.discard(task)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[bytes], bytes | None],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                passed = passes(data)
                if passed is None:
                    return
                writer.write(passed)
                await writer.drain()

    def _request(self, data: bytes) -> bytes | None:
        if self.cut is Moment.BEFORE and b"EXEC\r\n" in data:
            self._done()
            return None
        return data

    def _reply(self, data: bytes) -> bytes | None:
        if self.cut is not Moment.AFTER or b"QUEUED\r\n" not in data:
            return data
        if b"QUEUED\r\n*" not in data:  # EXEC's own reply is an array, and still to come
            return b""
        self._done()
        return None

    def _done(self) -> None:
        self.cut = None
        self.cuts += 1
