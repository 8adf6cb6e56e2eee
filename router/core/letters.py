"""Messages to customers as data: acknowledgements and replies, threaded by proof."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from channels.outbound import OutboundKind, OutboundMessage
from channels.proof import Secrets, message_id, reply_address, untagged
from channels.request import CustomerRequest, Sender
from router.core.acks import is_own


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What our messages are signed with: proof secrets (the first signs), Message-ID's domain."""

    secrets: Secrets
    domain: str


def answer_to(request: CustomerRequest, own: Collection[str]) -> Sender:
    """Whom to answer: the sender, or whom Reply-To names (RFC 5322, 3.6.2), unless that is us."""
    for one in request.recipients:
        if one.role != "reply_to" or "@" not in one.address:
            continue
        if not is_own(untagged(one.address), request.account, own):
            return Sender(address=one.address, name=one.name)
    return request.sender


class Thread(NamedTuple):
    """The customer's side of a conversation, as far as an answer needs it."""

    conversation: str
    ticket: str
    pool: str
    channel: str
    account: str
    to: str
    to_name: str | None
    subject: str | None
    language: str | None
    in_reply_to: str | None
    references: tuple[str, ...] = ()


AUTOMATIC = {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
"""What an acknowledgement by mail carries, so that no machine answers it (RFC 3834)."""


def letter(
    head: Letterhead,
    thread: Thread,
    kind: OutboundKind,
    text: str,
    *,
    id: str,
    label: str,
    number: int,
    at: datetime,
    subject: str | None = None,
) -> OutboundMessage:
    """The message that says `text` in `thread`; `label` is unique in the conversation."""
    message: dict[str, Any] = {
        "id": id, "kind": kind, "channel": thread.channel, "account": thread.account,
        "to": thread.to, "to_name": thread.to_name, "text": text, "language": thread.language,
        "conversation": thread.conversation, "ticket": thread.ticket, "pool": thread.pool,
        "number": number, "created_at": at,
    }  # fmt: skip
    if thread.channel == "email":
        message |= _mail(head, thread, label, subject)
        message["headers"] = AUTOMATIC if kind == "ack" else {}
    return OutboundMessage(**message)


def _mail(head: Letterhead, thread: Thread, label: str, subject: str | None) -> dict[str, object]:
    known = (*thread.references, *((thread.in_reply_to,) if thread.in_reply_to else ()))
    return {
        "subject": subject or _answer_to(thread.subject),
        "message_id": message_id(thread.conversation, label, head.secrets, head.domain),
        "reply_to": reply_address(thread.account, thread.conversation, head.secrets),
        "in_reply_to": thread.in_reply_to,
        "references": tuple(dict.fromkeys(known))[-20:],
    }


def _answer_to(subject: str | None) -> str:
    text = (subject or "").strip()
    return text if text[:3].casefold() == "re:" else f"Re: {text}".strip()
