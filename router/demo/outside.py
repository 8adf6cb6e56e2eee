"""The world outside: a catch-all mailbox and an SMS provider, on free ports of loopback."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http import HttpSettings, HttpSource


@dataclass
class Mailbox:
    """Takes every mail for every address and keeps it."""

    mails: list[bytes] = field(default_factory=list)
    _server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=True, loop=loop, hostname="mailbox"), "127.0.0.1", 0
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a mail."""
        self.mails.append(envelope.original_content or b"")
        return "250 2.0.0 OK"


class SmsProvider:
    """Takes messages in the shape of Twilio's REST interface."""

    def __init__(self) -> None:
        self.messages: list[dict[str, str]] = []
        self._http = HttpSource(
            HttpSettings(port=0), [Route("/Messages.json", self._take, methods=["POST"])]
        )

    async def start(self) -> int:
        """Listen; returns the port."""
        await self._http.start()
        return self._http.port

    async def stop(self) -> None:
        """Stop listening."""
        await self._http.stop()

    async def _take(self, request: Request) -> Response:
        self.messages.append(dict(parse_qsl((await request.body()).decode())))
        sid = f"SM{len(self.messages):032d}"
        return JSONResponse({"sid": sid, "status": "queued"}, status_code=201)
