"""Follow-ups: what we still owe a customer at a set time (call-back 回拨, revisit 回访).

A follow-up that is due becomes a request of kind `follow_up`, which goes the way of every request:
the rules decide its queue, type and SLA, and it opens a ticket of its own. Its id follows from the
ticket and the follow-up's number, so that it is one request however often it is written; no visitor
can take it first, for what they name begins with their own id.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from channels.identity import conversation_key, request_id
from channels.request import CustomerRequest, Recipient, Sender
from router.core.entities.aftercare import Aftercare, FollowUp
from router.core.entities.ticket import Ticket
from router.core.events import FollowUpCancelled, FollowUpDue, FollowUpScheduled
from router.core.lifecycle import TicketState
from router.core.tending import care_of, tended
from router.core.turn import Turn
from router.topics import REQUESTS_INBOUND
from rules.aftercare import FollowUpRule
from rules.calendar import NeverOpen

MOST_OPEN = 10
"""So many follow-ups of one ticket may be still to come."""

LONGEST_NAME = 200
"""Characters of an `external_id` that a follow-up's is made from; else the ticket's id is."""


def schedule(turn: Turn, ticket: Ticket, wanted: FollowUp) -> Ticket:
    """Remember a follow-up; it gets the ticket's next number."""
    care = care_of(ticket)
    one = msgspec.structs.replace(wanted, number=care.numbered + 1)
    ticket = tended(turn, ticket, follow_ups=(*care.follow_ups, one), numbered=care.numbered + 1)
    turn.emit(
        FollowUpScheduled, ticket, number=one.number, kind=one.kind, due_at=one.due_at,
        reason=one.reason, agent=one.agent, prefers=one.prefers,
    )  # fmt: skip
    return ticket


def resolved(turn: Turn, ticket: Ticket) -> Ticket:
    """The ticket is settled: its type may say that the customer is asked again.

    Not twice for one ticket, and not for one that is such a follow-up itself.
    """
    found = turn.desk.compiled.rulebook.types.get(ticket.type) if ticket.type else None
    if found is None or found.follow_up is None or not _has_to_come(care_of(ticket)):
        return ticket
    wanted = FollowUp(
        number=0, kind=found.follow_up.kind, due_at=_due_at(turn, found.follow_up),
        reason="rule", note=found.follow_up.note, prefers=ticket.last_agent,
    )  # fmt: skip
    return schedule(turn, ticket, wanted)


def _has_to_come(care: Aftercare) -> bool:
    is_set = any(one.agent is None for one in care.follow_ups)
    return care.asked is None and not care.followed and not is_set


def _due_at(turn: Turn, rule: FollowUpRule) -> datetime:
    due_at = turn.at + rule.after
    if rule.calendar is None:
        return due_at
    try:
        return turn.desk.compiled.calendars[rule.calendar].next_open(due_at)
    except NeverOpen:
        return due_at


def reopened(turn: Turn, ticket: Ticket) -> Ticket:
    """The matter is not settled after all: what the type's rule has set is taken back."""
    return cancel(turn, ticket, lambda one: one.agent is None, None, "reopened")


def cancel(
    turn: Turn, ticket: Ticket, which: Callable[[FollowUp], bool], agent: str | None, reason: str
) -> Ticket:
    """Take back the follow-ups that are still to come and of which `which` holds."""
    care = care_of(ticket)
    gone = [one for one in care.follow_ups if which(one)]
    if not gone:
        return ticket
    left = tuple(one for one in care.follow_ups if one not in gone)
    ticket = tended(turn, ticket, follow_ups=left)
    for one in gone:
        turn.emit(
            FollowUpCancelled, ticket, number=one.number, kind=one.kind, due_at=one.due_at,
            agent=agent, reason=reason,
        )  # fmt: skip
    return _kept(turn, ticket)


def due(turn: Turn, ticket: Ticket, before: datetime) -> Ticket:
    """What is due strictly before `before` becomes requests."""
    care = care_of(ticket)
    now = [one for one in care.follow_ups if one.due_at < before]
    if not now:
        return ticket
    ticket = tended(
        turn, ticket, follow_ups=tuple(one for one in care.follow_ups if one not in now),
        followed=care.followed or any(one.agent is None for one in now),
    )  # fmt: skip
    for one in sorted(now, key=lambda one: (one.due_at, one.number)):
        request = request_of(ticket, one)
        key = conversation_key(request.channel, request.account, request.sender.address)
        turn.out.add(REQUESTS_INBOUND, key, "request.received", request, id=request.id)
        turn.emit(
            FollowUpDue, ticket, number=one.number, kind=one.kind, due_at=one.due_at,
            request=request.id,
        )  # fmt: skip
    return _kept(turn, ticket)


def request_of(ticket: Ticket, one: FollowUp) -> CustomerRequest:
    """The request that a follow-up becomes; its clocks start when it was due."""
    name = ticket.external_id if len(ticket.external_id) <= LONGEST_NAME else ticket.id
    external_id = f"follow-up:{name}:{one.number}"
    answered = (ticket.last_message_id,) if ticket.last_message_id else ()
    asked: dict[str, Any] = {
        "follow_up": one.kind, "of": ticket.id, "of_type": ticket.type, "of_queue": ticket.queue,
        "reason": one.reason, "agent": one.prefers, "phone": one.phone,
    }  # fmt: skip
    return CustomerRequest(
        id=request_id(ticket.channel, ticket.account, external_id),
        channel=ticket.channel,  # type: ignore[arg-type] # it was a request's
        account=ticket.account,
        external_id=external_id,
        kind="follow_up",
        sender=Sender(address=ticket.sender, name=ticket.sender_name, customer=ticket.customer),
        recipients=_reply_to(ticket),
        subject=ticket.subject,
        text=one.note or ticket.text,
        language=ticket.language,
        received_at=one.due_at,
        references=tuple(dict.fromkeys((*ticket.references, *answered)))[-20:],
        attributes={name: value for name, value in asked.items() if value is not None},
    )


def _reply_to(ticket: Ticket) -> tuple[Recipient, ...]:
    """Who asked to be answered elsewhere still is."""
    if ticket.answer_to in {"", ticket.sender}:
        return ()
    return (Recipient(address=ticket.answer_to, name=ticket.answer_name, role="reply_to"),)


def closed(turn: Turn, ticket: Ticket) -> None:
    """The ticket is history; it is forgotten once nothing of it is still to come."""
    _kept(turn, ticket)


def _kept(turn: Turn, ticket: Ticket) -> Ticket:
    if ticket.state is TicketState.CLOSED and not care_of(ticket).follow_ups:
        turn.desk.tickets.delete(ticket.id)
    return ticket
