"""Doubles that record: what a source published, and what a sender was given."""

from collections.abc import Sequence
from datetime import UTC, datetime

from channels.errors import Unavailable
from channels.inbox import Inbound
from channels.outbound import OutboundMessage
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest
from channels.sending import Delivery

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class RecordingPublish:
    """Keeps what it is given; while `down` is set, it takes nothing and raises that."""

    def __init__(self) -> None:
        self.items: list[Inbound] = []
        self.down: Unavailable | None = None

    async def __call__(self, items: Sequence[Inbound]) -> None:
        """Take the items, or refuse all of them."""
        if self.down is not None:
            raise self.down
        self.items.extend(items)

    @property
    def requests(self) -> list[CustomerRequest]:
        """The requests among the items."""
        return [item.request for item in self.items if isinstance(item, Parsed)]

    @property
    def unreadable(self) -> list[Unreadable]:
        """The rest of the items."""
        return [item for item in self.items if isinstance(item, Unreadable)]


class ScriptedSender:
    """Does with each message what stands next in its script; then it delivers."""

    def __init__(self, *script: Delivery | Exception) -> None:
        self.script = list(script)
        self.sent: list[OutboundMessage] = []

    async def ready(self, message: OutboundMessage) -> None:
        """Always ready."""

    async def send(self, message: OutboundMessage) -> Delivery:
        """Play the next line of the script."""
        self.sent.append(message)
        outcome = self.script.pop(0) if self.script else Delivery("sent")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def outbound(number: int = 1, **fields: object) -> OutboundMessage:
    """A reply by mail, but for `fields`."""
    values: dict[str, object] = {
        "id": f"m-{number}",
        "kind": "reply",
        "channel": "email",
        "account": "support@shop.example",
        "to": "wang@example.org",
        "text": "您好，已收到。",
        "number": number,
        "conversation": "abcdefgh23456777-1",
        "pool": "service",
        "ticket": "t-1",
        "created_at": datetime.now(UTC),
    }
    return OutboundMessage(**{**values, **fields})  # type: ignore[arg-type]
