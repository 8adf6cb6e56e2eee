"""Threading: which conversation a message belongs to. Proved, not guessed.

1. A proof (an HMAC that our own Message-ID or reply address carried back) names it.
2. In-Reply-To or References name a message that the same sender wrote in it.
3. A conversation on the same address that is not closed, within the channel's window: of open ones
   one that the customer began before one that we began beside it (a topic split off, a follow-up).
4. Otherwise a new one begins.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from channels.identity import conversation_id
from channels.request import CustomerRequest
from router.core.entities.conversation import Conversation
from rules.model import Threading

MESSAGE_IDS_KEPT = 50
CONVERSATIONS_KEPT = 20

WINDOWS = {
    "email": timedelta(0),
    "sms": timedelta(days=1),
    "chat": timedelta(days=1),
    "hotline": timedelta(days=1),
}
"""How long an open conversation takes in what says nothing of its thread; a mail that does not
refer to an earlier one is a new matter (a new topic under an old subject is common)."""


class Proof(StrEnum):
    """How a conversation was found."""

    PROVED = "proved"
    REFERENCES = "references"
    WINDOW = "window"
    NEW = "new"


class Found(NamedTuple):
    """The conversation that a message belongs to, None for a new one, and how it was found."""

    conversation: Conversation | None
    by: Proof


def find(
    request: CustomerRequest, known: list[Conversation], proved: Conversation | None,
    threading: Threading,
) -> Found:  # fmt: skip
    """The conversation of `request` among those that the same address has (`known`)."""
    if request.conversation is not None and proved is not None:
        return Found(proved, Proof.PROVED)
    named = {*request.references, *((request.in_reply_to,) if request.in_reply_to else ())}
    if named:
        for conversation in reversed(known):
            if not named.isdisjoint(conversation.message_ids):
                return Found(conversation, Proof.REFERENCES)
    recent = _recent(request, known, threading)
    return Found(recent[0], Proof.WINDOW) if recent else Found(None, Proof.NEW)


def open_for(
    request: CustomerRequest, known: list[Conversation], threading: Threading
) -> Conversation | None:
    """The open conversation that a visitor who comes or goes is in: where they would write.

    If nothing is that recent, however long nobody has written in it.
    """
    likely = _recent(request, known, threading)[:1] or _likeliest(known)
    return next((one for one in likely if one.state == "open"), None)


def _recent(
    request: CustomerRequest, known: list[Conversation], threading: Threading
) -> list[Conversation]:
    """What is not closed, within the channel's window, the likeliest first."""
    window = _window(request, threading)
    return [
        one
        for one in _likeliest(known)
        if one.state != "closed" and abs(request.received_at - one.last_at) < window
    ]


def _likeliest(known: list[Conversation]) -> list[Conversation]:
    """Open ones first, and of these the customer's own; then the newest."""
    return sorted(reversed(known), key=_unlikely)


def _unlikely(one: Conversation) -> tuple[bool, bool]:
    is_open = one.state == "open"
    return not is_open, is_open and one.aside


def previous(
    request: CustomerRequest, known: list[Conversation], threading: Threading
) -> str | None:
    """The ticket that came before a new one on the same address.

    None where a message that names no earlier one is a new matter.
    """
    return known[-1].home if known and _window(request, threading) else None


def _window(request: CustomerRequest, threading: Threading) -> timedelta:
    return threading.window.get(request.channel, WINDOWS[request.channel])


def new_id(key: str, at: datetime, known: tuple[str, ...]) -> str:
    """A new conversation's id: the second of its beginning, or the next free number after it.

    The number grows for ever without a counter that would have to outlive the conversations.
    """
    newest = max([int(one.partition("-")[2]) for one in known], default=0)
    return conversation_id(key, max(newest + 1, int(at.timestamp())))


def opened_at(conversations: Iterable[str]) -> tuple[datetime, ...]:
    """When conversations began, as their ids say (to the second)."""
    seconds = (int(one.partition("-")[2]) for one in conversations)
    return tuple(datetime.fromtimestamp(one, UTC) for one in seconds)


def remembered(ids: tuple[str, ...], request: CustomerRequest) -> tuple[str, ...]:
    """`ids` with the request's own Message-ID added, bounded."""
    own = request.attributes.get("message_id")
    return (*ids, str(own))[-MESSAGE_IDS_KEPT:] if own and own not in ids else ids
