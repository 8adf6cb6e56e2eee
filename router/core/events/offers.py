"""A ticket is offered to an agent, and what comes of it."""

from datetime import datetime
from typing import Any, ClassVar

from router.core.events.base import TicketEvent


class TicketOffered(TicketEvent, frozen=True, kw_only=True):
    """A ticket is reserved for one agent until they accept, decline or `expires_at`."""

    TYPE: ClassVar[str] = "ticket.offered"
    agent: str
    offer: str
    expires_at: datetime
    explanation: dict[str, Any]


class OfferEnded(TicketEvent, frozen=True, kw_only=True):
    """The root of the three ways in which an offer comes to nothing."""

    agent: str
    offer: str
    reason: str | None = None


class TicketOfferDeclined(OfferEnded, frozen=True, kw_only=True):
    """The agent has declined."""

    TYPE: ClassVar[str] = "ticket.offer_declined"


class TicketOfferExpired(OfferEnded, frozen=True, kw_only=True):
    """The agent has not answered in time."""

    TYPE: ClassVar[str] = "ticket.offer_expired"


class TicketOfferRescinded(OfferEnded, frozen=True, kw_only=True):
    """The offer was taken back; `reason`: transferred, escalated, disconnected, offline, …."""

    TYPE: ClassVar[str] = "ticket.offer_rescinded"


class TicketAssigned(TicketEvent, frozen=True, kw_only=True):
    """An agent has the ticket: by an accepted offer, taken from the queue, or given by `by`.

    `forced`: it was more than the agent's capacity, or not of their skills or queues.
    """

    TYPE: ClassVar[str] = "ticket.assigned"
    agent: str
    offer: str | None
    by: str | None = None
    forced: bool = False
