"""Merging: one matter that came as two tickets goes on as one.

The merged ticket ends. What still comes for it, or in its conversation, is the surviving ticket's:
a stub leads there until triage knows, and each conversation keeps the numbers of its own messages.
"""

from typing import Any

import msgspec

from router.core import clocks, moves
from router.core.entities.ticket import Joined, Ticket, missing_after
from router.core.events import TicketMerged, TicketMergedIn, TicketMessage
from router.core.lifecycle import Trigger
from router.core.pools import leave_stub
from router.core.turn import Turn

MOST_JOINED = 100
"""So many tickets can be merged into one."""


def merge(turn: Turn, ticket: Ticket, into: Ticket, by: str) -> Ticket:
    """End `ticket`, whose matter is that of `into`; returns the surviving ticket."""
    ticket = moves.leave(turn, clocks.ended(turn, ticket, "merged"), "merged")
    ticket = turn.save(ticket, Trigger.MERGED, weight=0, return_at=None, relax_at=None)
    turn.emit(TicketMerged, ticket, into=into.id, by=by)
    moves.feedback(turn, ticket, "merged", into.id)
    turn.desk.tickets.delete(ticket.id)
    leave_stub(turn, ticket.id, ticket.conversation, into.pool, into.id)
    joined = Joined(ticket.id, ticket.conversation, ticket.number, ticket.missing)
    into = turn.save(into, joined=(*into.joined, *ticket.joined, joined))
    turn.emit_queue(
        TicketMergedIn, into, merged=ticket.id, merged_external_id=ticket.external_id,
        subject=ticket.subject, text=ticket.text, waiting_since=ticket.waiting_since,
        agent=into.agent, by=by,
    )  # fmt: skip
    return into


def same_customer(one: Ticket, other: Ticket) -> bool:
    """Whether reference data, or the same address, shows two tickets to be of one customer."""
    if one.customer is not None and one.customer == other.customer:
        return True
    return bool(one.sender) and (one.channel, one.sender) == (other.channel, other.sender)


def joined_by(ticket: Ticket, conversation: str) -> str | None:
    """The merged ticket whose conversation this is; None: it is the ticket's own."""
    if conversation == ticket.conversation:
        return None
    return next((one.ticket for one in ticket.joined if one.conversation == conversation), None)


def counted(ticket: Ticket, event: TicketMessage) -> dict[str, Any] | None:
    """What a further message changes in its ticket's books; None: it has come before.

    An answer goes to the ticket's own conversation, so only a message there can be answered.
    """
    if event.conversation == ticket.conversation:
        if not ticket.lacks(event.number):
            return None
        answered = None
        if event.automatic is None:
            answered = event.request.attributes.get("message_id")
        return {
            "number": max(event.number, ticket.number),
            "missing": ticket.missing_after(event.number),
            "last_message_id": answered or ticket.last_message_id,
        }
    others = tuple(one for one in ticket.joined if one.conversation != event.conversation)
    known = next((one for one in ticket.joined if one not in others), None)
    # A conversation that nobody told us of is counted from here on: nothing written is lost.
    one = known or Joined(event.ticket, event.conversation, event.number - 1)
    if event.number <= one.number and event.number not in one.missing:
        return None
    changed = msgspec.structs.replace(
        one,
        number=max(event.number, one.number),
        missing=missing_after(one.number, one.missing, event.number),
    )
    return {"joined": (*others, changed)}
