"""Who has left the web chat: told to the router, for somebody may be waiting for an answer.

A visitor has left when the last window has been closed for a while: a page that is loaded anew
closes its window too. Only who has written is missed; who comes back after we have told so is
told of as well, unless they write, which says the same.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import structlog

from channels.chat.hub import Visitor
from channels.errors import Unavailable
from channels.identity import request_id
from channels.inbox import Clock, Count, Publish
from channels.parsed import Parsed
from channels.request import CustomerRequest, Sender

MOST_GONE = 10_000
"""So many of those who have left are remembered, in case they come back."""
_LOOK_SECONDS = 0.5
_log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class Farewells:
    """Told of what visitors do; `run` publishes what is to be told."""

    publish: Publish
    clock: Clock
    count: Count
    _talking: set[Visitor] = field(default_factory=set, init=False)
    _leaving: dict[Visitor, tuple[float, datetime]] = field(default_factory=dict, init=False)
    _gone: dict[Visitor, None] = field(default_factory=dict, init=False)
    _back: dict[Visitor, datetime] = field(default_factory=dict, init=False)

    def arrived(self, visitor: Visitor) -> None:
        """A window of the visitor is open."""
        self._leaving.pop(visitor, None)
        if visitor in self._gone:
            del self._gone[visitor]
            self._talking.add(visitor)
            self._back[visitor] = self.clock()

    def wrote(self, visitor: Visitor) -> None:
        """The visitor's message has been accepted."""
        self._talking.add(visitor)
        self._back.pop(visitor, None)

    def closed(self, visitor: Visitor, after_seconds: float) -> None:
        """The visitor's last window has been closed; they have left if it stays so this long."""
        if visitor in self._talking:
            due = asyncio.get_running_loop().time() + after_seconds
            self._leaving[visitor] = due, self.clock()

    async def run(self) -> None:
        """Tell for ever; what the log does not take now it is told later."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self._tell()
            except Unavailable as error:
                _log.warning("farewells_wait", reason=str(error))

    async def _tell(self) -> None:
        for visitor, at in list(self._back.items()):
            await self._publish("returned", visitor, at)
            self._back.pop(visitor, None)
        now = asyncio.get_running_loop().time()
        for visitor, (due, at) in list(self._leaving.items()):
            if due <= now and self._leaving.get(visitor) == (due, at) and visitor not in self._back:
                await self._leave(visitor, (due, at))

    async def _leave(self, visitor: Visitor, since: tuple[float, datetime]) -> None:
        del self._leaving[visitor]
        self._talking.discard(visitor)
        self._gone[visitor] = None
        try:
            await self._publish("left", visitor, since[1])
        except Unavailable:
            # Nobody knows of it yet; who is back meanwhile has never been away.
            self._back.pop(visitor, None)
            if visitor in self._gone:
                del self._gone[visitor]
                self._talking.add(visitor)
                self._leaving[visitor] = since
            raise
        while len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    async def _publish(
        self, kind: Literal["left", "returned"], visitor: Visitor, at: datetime
    ) -> None:
        account, address = visitor
        external_id = f"{address}/{kind}/{at.isoformat()}"
        request = CustomerRequest(
            id=request_id("chat", account, external_id),
            channel="chat",
            account=account,
            external_id=external_id,
            kind=kind,
            sender=Sender(address=address),
            received_at=at,
        )
        await self.publish([Parsed(request, {})])
        self.count(f"chat.{kind}")
