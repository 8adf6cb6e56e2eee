"""What leaves: `OutboundMessage` to a customer or a contact, `Receipt` of what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Way = Literal["email", "sms", "chat", "hotline", "webhook"]
"""A channel, or a program's URL, by which a message leaves."""

OutboundKind = Literal["ack", "reply", "survey", "notice"]
Outcome = Literal["delivered", "sent", "failed", "bounced", "uncertain"]


@dataclass(frozen=True, kw_only=True)
class OutboundMessage:
    """One message that a sender delivers; `id` is deterministic and the sent-ledger's key.

    `number` counts within the conversation. For mail `message_id`, `in_reply_to` and `references`
    are RFC 5322 message ids with their angle brackets, and `headers` are sent as they stand
    (an acknowledgement carries `Auto-Submitted: auto-replied`, RFC 3834). For a webhook `account`
    is the URL, and `attributes` have the event's `type` and `data`, and its `secrets` by name.
    """

    id: str
    kind: OutboundKind
    channel: Way
    account: str
    to: str
    to_name: str | None = None
    subject: str | None = None
    text: str
    language: str | None = None
    conversation: str | None = None
    ticket: str | None = None
    pool: str | None = None
    number: int = 0
    message_id: str | None = None
    reply_to: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    created_at: datetime
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of an `OutboundMessage`; `reason` is the peer's own words, for the agent."""

    id: str
    message: str
    kind: OutboundKind
    outcome: Outcome
    ticket: str | None = None
    conversation: str | None = None
    pool: str | None = None
    permanent: bool = False
    reason: str | None = None
    at: datetime
