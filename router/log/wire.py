"""A connection that sends many commands at once: RESP2 packed and parsed by hiredis.

redis-py's pipeline costs several times as much of our CPU a command (`python -m bench.wire`).
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlparse

import hiredis

from channels.errors import Full, Malformed, SwitchboardError, Unavailable

Command = tuple[str | bytes | int, ...]
CHUNK_BYTES = 256 * 1024
REPLY_SECONDS = 60.0
"""Longer than any command takes: behind it the server hangs or is gone."""


class Refused(SwitchboardError):
    """The server understood a command and refused it: trying again gives the same."""


@dataclass(frozen=True)
class Address:
    """Where the server is. `path` is a Unix socket; else `host` and `port`."""

    path: str | None = None
    host: str = "127.0.0.1"
    port: int = 6379
    database: int = 0
    username: str | None = None
    password: str | None = None
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> "Address":
        """`redis://[user:password@]host:port/0`, `rediss://` for TLS, `unix:///path/to/socket`."""
        parts = urlparse(url)
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        if parts.scheme == "unix":
            return cls(path=unquote(parts.path), username=username, password=password)
        if parts.scheme not in {"redis", "rediss", "valkey", "valkeys"} or not parts.hostname:
            raise Malformed(f"log: {url!r} is not redis://host:port/0, rediss:// or unix:///path")
        try:
            port, database = parts.port or 6379, int(parts.path.strip("/") or 0)
        except ValueError:
            raise Malformed(f"log: {url!r} has no valid port or database number") from None
        tls = parts.scheme in {"rediss", "valkeys"}
        return cls(None, parts.hostname, port, database, username, password, tls)

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}/{self.database}"


class Wire:
    """One connection, one caller at a time. After an error it is closed; the next call opens anew.

    `call` raises `Unavailable` when the server does not answer: whether it has executed the
    commands is then unknown.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._parser = hiredis.Reader()
        self._lock = asyncio.Lock()

    async def call(
        self, commands: Sequence[Command | bytes], *, connected: bool = False
    ) -> list[Any]:
        """Send all commands, return their replies; an error reply stands in its place.

        A command may be bytes: RESP2 already. `connected` demands the connection of the call
        before (on which a WATCH holds).
        """
        async with self._lock:
            if self._reader is not None and self._reader.at_eof():
                self._drop()  # the server hung up while we were idle: nothing was sent to it
            if connected and self._writer is None:
                raise Unavailable(f"the log at {self.address} hung up in between")
            try:
                if self._writer is None:
                    await self._connect()
                return await self._exchange(commands)
            except (OSError, EOFError, TimeoutError, hiredis.ProtocolError) as error:
                self._drop()
                raise Unavailable(f"the log at {self.address} does not answer: {error}") from error
            except BaseException:
                # Cancelled halfway: replies that are still to come belong to nobody.
                self._drop()
                raise

    async def close(self) -> None:
        """Close the connection."""
        writer = self._writer
        self._drop()
        if writer is not None:
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> None:
        where = self.address
        opening = (
            asyncio.open_unix_connection(where.path)
            if where.path is not None
            else asyncio.open_connection(
                where.host, where.port, ssl=ssl.create_default_context() if where.tls else None
            )
        )
        async with asyncio.timeout(10):
            self._reader, self._writer = await opening
        self._parser = hiredis.Reader()
        greeting: list[Command] = []
        if where.password is not None:
            login = (where.username, where.password) if where.username else (where.password,)
            greeting.append(("AUTH", *login))
        if where.database:
            greeting.append(("SELECT", where.database))
        for reply in await self._exchange(greeting):
            raise_error(reply)

    async def _exchange(self, commands: Sequence[Command | bytes]) -> list[Any]:
        if not commands:
            return []
        assert self._reader is not None  # noqa: S101 - call() has connected
        assert self._writer is not None  # noqa: S101 - as above
        self._writer.write(b"".join(map(_packed, commands)))
        replies: list[Any] = []
        async with asyncio.timeout(REPLY_SECONDS):
            await self._writer.drain()
            while len(replies) < len(commands):
                data = await self._reader.read(CHUNK_BYTES)
                if not data:
                    raise EOFError("the connection was closed")
                self._parser.feed(data)
                while (reply := self._parser.gets()) is not False:
                    replies.append(reply)
        return replies

    def _drop(self) -> None:
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()


async def checked(wire: Wire, commands: Sequence[Command | bytes]) -> list[Any]:
    """The replies of `commands`; the first error reply is raised."""
    replies = await wire.call(commands)
    for reply in replies:
        raise_error(reply)
    return replies


def _packed(command: Command | bytes) -> bytes:
    if isinstance(command, bytes):
        return command
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type] # its stub: one-tuples
    return packed


_NO_ROOM = frozenset({"OOM", "MISCONF"})
_NOT_READY = frozenset({"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "TRYAGAIN"})
_ABORTED = "EXECABORT Transaction discarded because of: "
"""EXEC itself found the reason, and no command before it was refused."""


def raise_error(reply: object) -> None:
    """Raise what an error reply means: `Full`, `Unavailable` or `Refused`."""
    if not isinstance(reply, hiredis.ReplyError):
        return
    text = str(reply).removeprefix(_ABORTED)
    word = text.partition(" ")[0]
    if word in _NO_ROOM:
        raise Full(f"the log takes nothing more: {text}")
    if word in _NOT_READY:
        raise Unavailable(f"the log is not ready: {text}")
    raise Refused(f"the log refuses: {text}")
