"""A TCP proxy before a broker that goes down for good at the moment that a test chooses.

It reads the frames of the Kafka protocol: a length, then a request's API key, version, correlation
id and client id. EndTxn ends a commit; a Produce without a transactional id is a publish.
"""

import asyncio
from contextlib import suppress

from tests.conformance.proxy import Moment

PRODUCE, END_TXN = 0, 26


class KafkaProxy:
    """Passes frames on; `cut` is what happens to the next commit or publish; then it is down."""

    def __init__(self, broker: int, port: int) -> None:
        self._broker = broker
        self.port = port
        self.cut: Moment | None = None
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Hang up on everybody, and let nobody in."""
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self.cuts:
                await self._connection(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._broker)
        last: set[bytes] = set()
        passing = [
            asyncio.create_task(self._requests(reader, there_writer, last)),
            asyncio.create_task(self._replies(there_reader, writer, last)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in passing:
                one.cancel()
            there_writer.close()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: set[bytes]
    ) -> None:
        with suppress(OSError, EOFError):
            while True:
                frame = await _frame(reader)
                if self.cut is not None and _decisive(frame):
                    if self.cut is Moment.BEFORE:
                        self._down()
                        return
                    last.add(frame[8:12])
                writer.write(frame)
                await writer.drain()

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, last: set[bytes]
    ) -> None:
        with suppress(OSError, EOFError):
            while True:
                frame = await _frame(reader)
                if frame[4:8] in last:
                    self._down()
                    return
                writer.write(frame)
                await writer.drain()

    def _down(self) -> None:
        self.cut = None
        self.cuts += 1
        self._listener.close()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "big"))


def _decisive(frame: bytes) -> bool:
    """Whether the request ends a transaction, or is a produce outside of one."""
    key = int.from_bytes(frame[4:6], "big")
    if key != PRODUCE:
        return key == END_TXN
    client = int.from_bytes(frame[12:14], "big", signed=True)
    begin = 14 + max(client, 0)
    return frame[begin : begin + 2] == b"\xff\xff"
