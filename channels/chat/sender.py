"""Outgoing web chat: to the visitor's open window, or as soon as the visitor is back."""

from datetime import timedelta

from channels.chat.hub import ChatHub
from channels.inbox import Clock
from channels.outbound import OutboundMessage
from channels.sending import Deferred, Delivery


class ChatSender:
    """Keeps a message for a visitor who is away until `hold` after it was written.

    The client confirms each message by its id and shows an id once, so that what was not
    confirmed can be sent again without harm: it is never left uncertain.
    """

    def __init__(
        self,
        hub: ChatHub,
        *,
        clock: Clock,
        hold: timedelta = timedelta(hours=24),
        confirm_seconds: float = 10,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._hold = hold
        self._confirm_seconds = confirm_seconds

    async def ready(self, message: OutboundMessage) -> None:
        """Wait for the visitor, as long as the message is held."""
        left = message.created_at + self._hold - self._clock()
        await self._hub.arrival((message.account, message.to), left.total_seconds())

    async def send(self, message: OutboundMessage) -> Delivery:
        """Write to the visitor's windows and wait for the client's confirmation."""
        visitor = (message.account, message.to)
        if not await self._hub.arrival(visitor, 0):
            if self._clock() >= message.created_at + self._hold:
                held = f"the visitor did not come back within {self._hold}"
                return Delivery("failed", permanent=True, reason=held)
            raise Deferred("the visitor has just left")
        payload = {
            "type": "message",
            "id": message.id,
            "kind": message.kind,
            "text": message.text,
            "ticket": message.ticket,
            "created_at": message.created_at.isoformat(),
        }
        if await self._hub.deliver(visitor, message.id, payload, self._confirm_seconds):
            return Delivery("delivered")
        raise Deferred("the visitor's client did not confirm")
