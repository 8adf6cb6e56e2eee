"""The states of a ticket, and of an offer, and the one table of legal transitions of each."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class TicketState(StrEnum):
    """Where a ticket stands; `new` exists only inside the step that opens it."""

    NEW = "new"
    QUEUED = "queued"
    OFFERED = "offered"
    ASSIGNED = "assigned"
    PENDING = "pending"
    PARKED = "parked"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Trigger(StrEnum):
    """What moves a ticket; the value is the event type's last part."""

    QUEUED = "queued"
    OFFERED = "offered"
    OFFER_DECLINED = "offer_declined"
    OFFER_EXPIRED = "offer_expired"
    OFFER_RESCINDED = "offer_rescinded"
    ASSIGNED = "assigned"
    REQUEUED = "requeued"
    TRANSFERRED = "transferred"
    PARKED = "parked"
    PENDING = "pending"
    RESUMED = "resumed"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"


class OfferState(StrEnum):
    """Where an offer stands (TaskRouter's reservation); all but the first are its end."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    RESCINDED = "rescinded"


State = TypeVar("State", TicketState, OfferState)

S, T, E = TicketState, Trigger, OfferState

TRANSITIONS: dict[tuple[TicketState, Trigger], TicketState] = {
    (S.NEW, T.QUEUED): S.QUEUED,
    (S.NEW, T.PARKED): S.PARKED,
    (S.QUEUED, T.OFFERED): S.OFFERED,
    (S.QUEUED, T.ASSIGNED): S.ASSIGNED,
    (S.QUEUED, T.TRANSFERRED): S.QUEUED,
    (S.QUEUED, T.REQUEUED): S.QUEUED,
    (S.QUEUED, T.PARKED): S.PARKED,
    (S.QUEUED, T.RESOLVED): S.RESOLVED,
    (S.OFFERED, T.ASSIGNED): S.ASSIGNED,
    (S.OFFERED, T.OFFER_DECLINED): S.QUEUED,
    (S.OFFERED, T.OFFER_EXPIRED): S.QUEUED,
    (S.OFFERED, T.OFFER_RESCINDED): S.QUEUED,
    (S.ASSIGNED, T.PENDING): S.PENDING,
    (S.ASSIGNED, T.REQUEUED): S.QUEUED,
    (S.ASSIGNED, T.TRANSFERRED): S.QUEUED,
    (S.ASSIGNED, T.RESOLVED): S.RESOLVED,
    (S.PENDING, T.RESUMED): S.ASSIGNED,
    (S.PENDING, T.REQUEUED): S.QUEUED,
    (S.PENDING, T.TRANSFERRED): S.QUEUED,
    (S.PENDING, T.RESOLVED): S.RESOLVED,
    (S.PARKED, T.OFFERED): S.OFFERED,
    (S.PARKED, T.ASSIGNED): S.ASSIGNED,
    (S.PARKED, T.REQUEUED): S.QUEUED,
    (S.PARKED, T.TRANSFERRED): S.QUEUED,
    (S.PARKED, T.RESOLVED): S.RESOLVED,
    (S.RESOLVED, T.REOPENED): S.QUEUED,
    (S.RESOLVED, T.CLOSED): S.CLOSED,
}
"""(state, trigger) -> next state; what is not here is illegal."""

OFFER_TRANSITIONS: dict[tuple[OfferState, Trigger], OfferState] = {
    (E.PENDING, T.ASSIGNED): E.ACCEPTED,
    (E.PENDING, T.OFFER_DECLINED): E.DECLINED,
    (E.PENDING, T.OFFER_EXPIRED): E.EXPIRED,
    (E.PENDING, T.OFFER_RESCINDED): E.RESCINDED,
}
"""The same of an offer: it is made once, and comes to one end, with which it is gone."""

REFUSED = frozenset({E.DECLINED, E.EXPIRED})
"""Ends after which the agent is not asked again for a while."""

OPEN = frozenset({S.QUEUED, S.OFFERED, S.ASSIGNED, S.PENDING, S.PARKED})
"""States in which somebody still owes the customer something."""

WAITING = frozenset({S.QUEUED, S.PARKED})
"""States in which a ticket seeks an agent."""


class IllegalTransition(Exception):
    """A programmer's error: commands are checked before they move a ticket."""


def move(state: TicketState, trigger: Trigger) -> TicketState:
    """The state after `trigger`. Raises `IllegalTransition`."""
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(f"{trigger.value} is not possible while {state.value}") from None


def end(trigger: Trigger) -> OfferState:
    """What a pending offer comes to by `trigger`. Raises `IllegalTransition`."""
    try:
        return OFFER_TRANSITIONS[E.PENDING, trigger]
    except KeyError:
        raise IllegalTransition(f"{trigger.value} is no end of an offer") from None


def may(state: TicketState, trigger: Trigger) -> bool:
    """Whether `trigger` is legal in `state`."""
    return (state, trigger) in TRANSITIONS


def diagram(table: Mapping[tuple[State, Trigger], State]) -> str:
    """A table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {s.value} --> {to.value}: {t.value}" for (s, t), to in table.items()]
    return "\n".join(lines) + "\n"
