"""`CustomerRequest`: what every channel yields, and all that the router knows of a message."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Channel = Literal["email", "sms", "chat", "hotline"]
Kind = Literal["message", "call", "receipt", "command", "follow_up", "left", "returned"]
"""`follow_up`: we owe the customer a call, or a visit (the router's own); `left`, `returned`: the
customer has closed the chat's window, is back."""
Outcome = Literal["answered", "abandoned", "timeout", "transferred", "voicemail", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who wrote. `address` is normalized: mail lower-case with IDNA, phones E.164."""

    address: str
    name: str | None = None
    customer: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipient:
    """Whom it was written to; `role` is `to`, `cc`, `bcc` or `reply_to`."""

    address: str
    name: str | None = None
    role: str = "to"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that came with the message; `size` in octets, the bytes lie in the blob at `ref`."""

    name: str | None
    media_type: str
    size: int
    sha256: str
    ref: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """What the telephone system says of a call."""

    id: str
    queue: str | None = None
    agent: str | None = None
    outcome: Outcome
    wait_seconds: float | None = None
    talk_seconds: float | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Defect:
    """Something in the input that is not as its format says: where it stands and what is wrong."""

    where: str
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerRequest:
    """One normalized inbound message: the contract between channels and router.

    `text` is what the customer wrote, quoted history cut off; `full_text` is all of it. Instants
    are UTC. `received_at` is when *we* got it and starts the SLA clocks; `sent_at` is the sender's
    claim. `automatic` names the reason why this is a machine's message (`dsn`, `auto-reply`,
    `daemon`, `list`, `bulk`, `loop`, `no-reply`, `short-code`), or is null. `conversation` is set
    only when an HMAC proved it.
    """

    id: str
    channel: Channel
    account: str
    external_id: str
    kind: Kind = "message"
    sender: Sender
    recipients: tuple[Recipient, ...] = ()
    subject: str | None = None
    text: str = ""
    full_text: str | None = None
    language: str | None = None
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None
    received_at: datetime
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    conversation: str | None = None
    automatic: str | None = None
    call: Call | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    raw_ref: str | None = None
    defects: tuple[Defect, ...] = ()
