"""Who is connected to the web chat: the one thing that its source and its sender share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

Visitor = tuple[str, str]
"""Account and visitor id."""

Payload = dict[str, Any]


class Connection:
    """One open WebSocket of a visitor; a visitor with two windows has two."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._turn = asyncio.Lock()

    async def send(self, payload: Payload) -> bool:
        """Write to the client; False when it has gone."""
        async with self._turn:
            try:
                await self._websocket.send_json(payload)
            except (WebSocketDisconnect, RuntimeError, OSError):
                # starlette says RuntimeError of a socket that was closed from our side.
                return False
        return True


class ChatHub:
    """The visitors who are here, and the messages whose receipt they have not yet confirmed."""

    def __init__(self, *, max_connections: int = 1000, max_per_visitor: int = 5) -> None:
        self._max_connections = max_connections
        self._max_per_visitor = max_per_visitor
        self._present: dict[Visitor, set[Connection]] = {}
        self._awaited: dict[Visitor, set[asyncio.Future[None]]] = {}
        self._confirmations: dict[tuple[Visitor, str], asyncio.Future[None]] = {}
        self._connections = 0

    @property
    def full(self) -> bool:
        """True while no further connection is taken."""
        return self._connections >= self._max_connections

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Count a connection while it lasts, also before it has said who it is."""
        self._connections += 1
        try:
            yield
        finally:
            self._connections -= 1

    def join(self, visitor: Visitor, connection: Connection) -> bool:
        """A visitor is here; False when too many of the visitor's windows are open."""
        present = self._present.setdefault(visitor, set())
        if len(present) >= self._max_per_visitor:
            return False
        present.add(connection)
        for arrived in self._awaited.get(visitor, ()):
            if not arrived.done():
                arrived.set_result(None)
        return True

    def leave(self, visitor: Visitor, connection: Connection) -> bool:
        """A window of a visitor has been closed; True when it was the last."""
        present = self._present.get(visitor, set())
        present.discard(connection)
        if not present:
            self._present.pop(visitor, None)
        return not present

    async def arrival(self, visitor: Visitor, wait_seconds: float) -> bool:
        """Wait until the visitor is here; False when the time is over before."""
        if visitor in self._present or wait_seconds <= 0:
            return visitor in self._present
        waiters = self._awaited.setdefault(visitor, set())
        arrived = asyncio.get_running_loop().create_future()
        waiters.add(arrived)
        try:
            async with asyncio.timeout(wait_seconds):
                await arrived
        except TimeoutError:
            return False
        finally:
            waiters.discard(arrived)
            if not waiters:
                self._awaited.pop(visitor, None)
        return True

    async def deliver(
        self, visitor: Visitor, message_id: str, payload: Payload, confirm_seconds: float
    ) -> bool:
        """Write to all windows of the visitor; True when one has confirmed in time."""
        confirmed = asyncio.get_running_loop().create_future()
        self._confirmations[visitor, message_id] = confirmed
        try:
            for connection in list(self._present.get(visitor, ())):
                await connection.send(payload)
            async with asyncio.timeout(confirm_seconds):
                await confirmed
        except TimeoutError:
            return False
        finally:
            del self._confirmations[visitor, message_id]
        return True

    def confirm(self, visitor: Visitor, message_id: str) -> None:
        """The visitor's client has shown a message."""
        confirmed = self._confirmations.get((visitor, message_id))
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
