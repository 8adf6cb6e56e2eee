"""Hands the inputs over as the world does: by SMTP, a signed webhook, a WebSocket, a growing file.

What the receiver confirmed is noted with the identity under which it must be found again: the
same parsers say it, from the bytes that were handed over.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiosmtplib
import httpx
import websockets

from channels.chat.visitor import token, visitor_of
from channels.email.parse import parse as parse_mail
from channels.email.source import traced
from channels.errors import Unavailable
from channels.hotline.parse import Assembler
from channels.parsed import Parsed, Unreadable
from channels.sms.parse import form
from channels.sms.parse import parse as parse_sms
from channels.sms.signature import sign
from router.demo.traffic import Input
from router.demo.world import ACCOUNTS, ORIGIN, TOKEN

TRIES = 50
SENDER = "sender@outside.example"
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass
class Handed:
    """What was handed over: identities of requests, how many unreadable, how many refused."""

    requests: list[tuple[str, str]] = field(default_factory=list)
    unreadable: int = 0
    refused: int = 0

    def note(self, channel: str, found: Parsed | Unreadable) -> None:
        """One input was confirmed."""
        if isinstance(found, Parsed):
            self.requests.append((channel, found.request.external_id))
        else:
            self.unreadable += 1


class Feeders:
    """One way in a channel; `feed` hands one input over and returns once it is confirmed."""

    def __init__(self, smtp_port: int, http_port: int, queue_log: Path, proofs: tuple[bytes, ...]):
        self.handed = Handed()
        self._smtp_port = smtp_port
        self._http_port = http_port
        self._queue_log = queue_log
        self._proofs = proofs
        self._calls = Assembler(account=ACCOUNTS["hotline"], region="CN")
        self._offset = 0
        self._client = httpx.AsyncClient()
        self._windows: dict[str, Window] = {}
        self._ways: dict[str, Callable[[Input], object]] = {}

    async def feed(self, one: Input) -> None:
        """Hand `one` over; an outage is waited out, as any sender does."""
        way = {
            "email": self._mail,
            "sms": self._sms,
            "chat": self._chat,
            "hotline": self._line,
        }[one.channel]
        for attempt in range(TRIES):
            try:
                await way(one)
            except (Unavailable, OSError, aiosmtplib.SMTPException, httpx.HTTPError):
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def close(self) -> None:
        """Hang up."""
        for window in self._windows.values():
            await window.close()
        await self._client.aclose()

    async def _mail(self, one: Input) -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self._smtp_port, start_tls=False)
        async with client:
            await client.sendmail(SENDER, [ACCOUNTS["email"]], one.raw)
        # SMTP's line ends, and what a final delivery adds: so the listener's parser saw it.
        delivered = traced(_LINE_END.sub(b"\r\n", one.raw), SENDER, ACCOUNTS["email"])
        found = parse_mail(delivered, account=ACCOUNTS["email"], received_at=datetime.now(UTC))
        self.handed.note("email", found)

    async def _sms(self, one: Input) -> None:
        url = f"http://127.0.0.1:{self._http_port}/webhooks/twilio/{ACCOUNTS['sms']}"
        secret = "somebody else's token" if one.forged else TOKEN
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": sign(secret, url, form(one.raw)[0]),
        }
        response = await self._client.post(url, content=one.raw, headers=headers)
        if response.status_code == httpx.codes.FORBIDDEN:
            self.handed.refused += 1
        elif response.status_code == httpx.codes.OK:
            now = datetime.now(UTC)
            found = parse_sms(one.raw, account=ACCOUNTS["sms"], received_at=now, region="CN")
            self.handed.note("sms", found)
        else:
            raise Unavailable(f"SMS webhook: {response.status_code}")

    async def _chat(self, one: Input) -> None:
        window = self._windows.get(one.sender)
        if window is None or window.lost:
            window = self._windows[one.sender] = Window(one.sender, self._http_port, self._proofs)
            await window.open()
        data = json.loads(one.raw)
        frame = {name: value for name, value in data.items() if name not in {"from", "account"}}
        answer = await window.say({"type": "message", **frame})
        if answer["type"] == "accepted":
            identity = f"{window.visitor}/{answer['id']}"
            self.handed.requests.append(("chat", identity))
        elif answer["type"] == "error":
            self.handed.refused += 1
        else:
            raise Unavailable("chat: try again")

    async def _line(self, one: Input) -> None:
        """Append a line with the present time: what a telephone system does."""
        parts = one.raw.split(b"|", 1)
        now = str(int(time.time())).encode()
        line = b"|".join([now, parts[1]]) if len(parts) > 1 and parts[0].isdigit() else one.raw
        line = line.rstrip(b"\r\n") + b"\n"
        with self._queue_log.open("ab") as file:
            file.write(line)
        for found in self._calls.feed(line, self._offset):
            self.handed.note("hotline", found)
        self._offset += len(line)


class Window:
    """A visitor's browser: says hello with its token, confirms what it is shown."""

    def __init__(self, visitor: str, http_port: int, proofs: tuple[bytes, ...]) -> None:
        self.visitor = visitor
        self.shown: list[dict[str, object]] = []
        self._url = f"ws://127.0.0.1:{http_port}/chat/{ACCOUNTS['chat']}"
        self._token = token(ACCOUNTS["chat"], visitor, proofs)
        assert visitor_of(self._token, ACCOUNTS["chat"], proofs) == visitor  # noqa: S101
        self._answers: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self._socket: websockets.ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self._reading is None or self._reading.done()

    async def open(self) -> None:
        """Connect and say hello."""
        self._socket = await websockets.connect(self._url, origin=websockets.Origin(ORIGIN))
        await self._send({"type": "hello", "token": self._token, "name": self.visitor})
        await self._socket.recv()
        self._reading = asyncio.create_task(self._read())

    async def say(self, frame: dict[str, object]) -> dict[str, object]:
        """Send a message; returns the server's answer to it."""
        await self._send(frame)
        try:
            async with asyncio.timeout(10):
                return await self._answers.get()
        except TimeoutError:
            raise Unavailable("chat: no answer") from None

    async def close(self) -> None:
        """Close the window."""
        if self._reading is not None:
            self._reading.cancel()
        if self._socket is not None:
            await self._socket.close()

    async def _send(self, frame: dict[str, object]) -> None:
        assert self._socket is not None  # noqa: S101 - open() has connected
        try:
            await self._socket.send(json.dumps(frame, ensure_ascii=False))
        except websockets.ConnectionClosed as error:
            raise Unavailable("chat: the window was closed") from error

    async def _read(self) -> None:
        assert self._socket is not None  # noqa: S101 - as above
        with suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                frame = json.loads(text)
                if frame["type"] == "message":
                    self.shown.append(frame)
                    await self._send({"type": "received", "id": frame["id"]})
                else:
                    await self._answers.put(frame)
