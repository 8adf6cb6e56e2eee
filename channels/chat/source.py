"""The web chat: a WebSocket a window, `WS /chat/{account}`.

    client                                         server
    {"type":"hello","token":"…","name":"王"}
                                                   {"type":"welcome","visitor":"…","token":"…"}
    {"type":"message","id":"m1","text":"…"}
                                                   {"type":"accepted","id":"m1"}
                                                or {"type":"retry","id":"m1","after_seconds":5}
                                                   {"type":"message","id":"…","kind":"reply",
                                                    "text":"…","ticket":"…","created_at":"…"}
    {"type":"received","id":"…"}
                                                   {"type":"error","problem":"…"}

`accepted` comes once the log has the message. The client keeps its token, repeats under the same
id what was not accepted, and shows a message of the server once for each id.
"""

import asyncio
import contextlib
from collections.abc import Mapping

import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels.chat.farewells import Farewells
from channels.chat.hub import ChatHub, Connection
from channels.chat.visitor import new_visitor, token, visitor_of
from channels.chat.window import ChatInbox, Window, decoded
from channels.errors import Malformed, Refused
from channels.http import peer_of
from channels.inbox import Clock, Count, Publish

ANY_ORIGIN = "*"
_MAX_NAME_CHARACTERS = 100
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
_log = structlog.get_logger(__name__)


class ChatSource:
    """Takes what visitors write; what is written to them goes through the hub.

    `farewells` tells who has left; it runs beside the listener.
    """

    def __init__(
        self,
        accounts: Mapping[str, ChatInbox],
        hub: ChatHub,
        publish: Publish,
        *,
        clock: Clock,
        count: Count,
    ) -> None:
        self._accounts = accounts
        self._hub = hub
        self._publish = publish
        self._clock = clock
        self._count = count
        self.farewells = Farewells(publish=publish, clock=clock, count=count)

    def routes(self) -> list[WebSocketRoute]:
        """What the HTTP listener serves."""
        return [WebSocketRoute("/chat/{account}", self._serve)]

    async def _serve(self, websocket: WebSocket) -> None:
        account = websocket.path_params["account"]
        inbox = self._accounts.get(account)
        if inbox is None or not _welcome(websocket, inbox):
            self._count("chat.refused.origin" if inbox else "chat.refused.account")
            _log.warning("chat_refused", account=account, peer=peer_of(websocket))
            # Closed before it is accepted: the client sees 403.
            await websocket.close(_POLICY_VIOLATION)
            return
        if self._hub.full:
            self._count("chat.refused.connections")
            await websocket.close(_TRY_AGAIN_LATER)
            return
        async with self._hub.admitted():
            await websocket.accept()
            try:
                await self._converse(websocket, account, inbox)
            except Refused as error:
                self._count("chat.refused.protocol")
                # starlette says RuntimeError of a client that has gone meanwhile.
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await websocket.close(_POLICY_VIOLATION, str(error))
            except WebSocketDisconnect:
                return

    async def _converse(self, websocket: WebSocket, account: str, inbox: ChatInbox) -> None:
        connection = Connection(websocket)
        visitor, name = await self._hello(websocket, account, inbox)
        here = (account, visitor)
        if not self._hub.join(here, connection):
            raise Refused("too many windows of one visitor")
        self.farewells.arrived(here)
        try:
            known = token(account, visitor, inbox.secrets)
            await connection.send({"type": "welcome", "visitor": visitor, "token": known})
            window = Window(
                hub=self._hub,
                farewells=self.farewells,
                publish=self._publish,
                clock=self._clock,
                count=self._count,
                connection=connection,
                inbox=inbox,
                account=account,
                visitor=visitor,
                name=name,
            )
            while True:
                await window.take(await _frame(websocket))
        finally:
            if self._hub.leave(here, connection):
                self.farewells.closed(here, inbox.left_after_seconds)

    async def _hello(
        self, websocket: WebSocket, account: str, inbox: ChatInbox
    ) -> tuple[str, str | None]:
        try:
            async with asyncio.timeout(inbox.hello_seconds):
                hello = decoded(await _frame(websocket))
        except (TimeoutError, Malformed):
            raise Refused("expected a hello") from None
        given, name = hello.get("token"), hello.get("name")
        if hello.get("type") != "hello":
            raise Refused("expected a hello")
        name = name[:_MAX_NAME_CHARACTERS] if isinstance(name, str) else None
        if given is None:
            return new_visitor(), name
        visitor = visitor_of(given, account, inbox.secrets) if isinstance(given, str) else None
        if visitor is None:
            raise Refused("the token is not ours: say hello without it")
        return visitor, name


def _welcome(websocket: WebSocket, inbox: ChatInbox) -> bool:
    """Whether the page that opens the socket may: browsers state their origin truthfully."""
    origin = websocket.headers.get("origin")
    return ANY_ORIGIN in inbox.origins or origin in inbox.origins


async def _frame(websocket: WebSocket) -> str | None:
    """The next text frame; None when it is a binary one."""
    event = await websocket.receive()
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1005))
    text: str | None = event.get("text")
    return text
