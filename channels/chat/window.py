"""One visitor's open window, after the hello: what is made of each frame."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import msgspec
import structlog

from channels.chat.farewells import Farewells
from channels.chat.hub import ChatHub, Connection, Payload
from channels.chat.parse import parse
from channels.errors import Malformed, Refused, Unavailable
from channels.http import RETRY_AFTER_SECONDS
from channels.inbox import Clock, Count, Publish, check_secrets, read
from channels.parsed import Unreadable
from channels.rate import Rate

MAX_ID_CHARACTERS = 200
# What a visitor's browser must not say of itself; the rest of the format is the parser's.
_OURS = frozenset({"type", "id", "from", "account", "conversation"})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ChatInbox:
    """One account's web chat. `origins` are the pages that may open it (`https://shop.example`).

    Who has had no window open for `left_after_seconds` has left. `secrets` sign the visitors'
    tokens: the first signs, all verify.
    """

    secrets: tuple[bytes, ...] = field(repr=False)
    origins: tuple[str, ...]
    max_text_characters: int = 4000
    messages_per_second: float = 2.0
    burst: int = 20
    hello_seconds: float = 10
    left_after_seconds: float = 30
    max_errors: int = 20

    def __post_init__(self) -> None:
        check_secrets(self.secrets)


@dataclass(kw_only=True)
class Window:
    """Publishes what the visitor writes, and passes confirmations on to the hub."""

    hub: ChatHub
    farewells: Farewells
    publish: Publish
    clock: Clock
    count: Count
    connection: Connection
    inbox: ChatInbox
    account: str
    visitor: str
    name: str | None
    _errors: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._rate = Rate(self.inbox.messages_per_second, self.inbox.burst)

    async def take(self, text: str | None) -> None:
        """Handle one frame. Raises `Refused` when there were too many wrong ones."""
        try:
            await self._handle(decoded(text))
        except Malformed as error:
            self.count("chat.refused.frame")
            self._errors += 1
            if self._errors > self.inbox.max_errors:
                raise Refused("too many errors") from error
            await self.connection.send({"type": "error", "problem": str(error)})

    async def _handle(self, frame: Payload) -> None:
        message_id = frame.get("id")
        if not isinstance(message_id, str) or not 0 < len(message_id) <= MAX_ID_CHARACTERS:
            raise Malformed(f"id: expected a text of 1 to {MAX_ID_CHARACTERS} characters")
        match frame.get("type"):
            case "received":
                self.hub.confirm((self.account, self.visitor), message_id)
            case "message":
                await self._message(message_id, frame)
            case _:
                raise Malformed("type: expected message or received")

    async def _message(self, message_id: str, frame: Payload) -> None:
        text = frame.get("text", "")
        if not isinstance(text, str) or len(text) > self.inbox.max_text_characters:
            raise Malformed(f"text: at most {self.inbox.max_text_characters} characters")
        # Who writes too fast is read more slowly; the socket's own flow control does the rest.
        await asyncio.sleep(self._rate.reserve(asyncio.get_running_loop().time()))
        raw = self._document(message_id, frame)
        parser = partial(
            parse,
            raw,
            account=self.account,
            received_at=self.clock(),
            trusted=False,
        )
        found = read(parser, raw, f"chat/{self.account}")
        if isinstance(found, Unreadable):
            # Its author is here and is told, so that it need not be kept.
            raise Malformed(f"{found.where}: {found.problem}")
        answer: Payload = {"type": "accepted", "id": message_id}
        try:
            await self.publish([found])
            self.farewells.wrote((self.account, self.visitor))
            self.count("chat.accepted")
        except Unavailable as error:
            self.count("chat.deferred")
            _log.warning("chat_deferred", account=self.account, reason=str(error))
            answer = {"type": "retry", "id": message_id, "after_seconds": RETRY_AFTER_SECONDS}
        await self.connection.send(answer)

    def _document(self, message_id: str, frame: Payload) -> bytes:
        """The frame in the parser's format, under the identity that we know."""
        said = {name: value for name, value in frame.items() if name not in _OURS}
        who = {"id": self.visitor, "name": self.name}
        # Two visitors may number their messages alike.
        return msgspec.json.encode({**said, "id": f"{self.visitor}/{message_id}", "from": who})


def decoded(text: str | None) -> Payload:
    """A frame's JSON object. Raises `Malformed`."""
    try:
        return msgspec.json.decode(text or "", type=dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed("expected a JSON object in a text frame") from error
