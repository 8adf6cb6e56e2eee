"""What a ticket owes: since when a clock of a target would be running, and in which cycle.

It is a function of the ticket, so that a target which a change of rulebook, priority or type adds
runs as if it had been there before.
"""

from datetime import datetime

from router.core.entities.aftercare import SENT, Aftercare
from router.core.entities.ticket import Ticket
from router.core.lifecycle import TicketState
from router.core.sla import ACCEPT, QUEUE_TIME

FIRST, NEXT, PERIODIC, RESOLUTION = "first_response", "next_response", "periodic", "resolution"
SETTLED = (RESOLUTION, "requester_wait", "agent_work")
"""The targets that run from a ticket's opening, or reopening, until it is resolved."""
LATER = frozenset({NEXT, PERIODIC})
"""The targets that do not run from a ticket's opening."""


def cycle_of(ticket: Ticket, target: str) -> int:
    """The cycle in which a clock of `target` would run now."""
    if target == QUEUE_TIME:
        return ticket.comings + 1
    if target == PERIODIC:
        return ticket.sent
    return ticket.cycle if target == NEXT else ticket.opened


def owed_since(ticket: Ticket, target: str) -> datetime | None:
    """Since when a clock of `target` would be running, if its SLA had named it all along."""
    since = _owed_reply(ticket, target)
    if target in SETTLED:
        since = ticket.opened_at or ticket.created_at
    elif target == QUEUE_TIME and (ticket.waits or ticket.state is TicketState.OFFERED):
        since = ticket.queued_at if ticket.comings else ticket.enqueued_at
    elif target.startswith("step:") and ticket.opened == ticket.first:
        done = target[5:] in ticket.steps_done
        since = None if done else ticket.opened_at or ticket.created_at
    elif target.startswith(ACCEPT) and ticket.aftercare is not None:
        since = _owed_acceptance(ticket, ticket.aftercare, target)
    return since


def _owed_acceptance(ticket: Ticket, care: Aftercare, target: str) -> datetime | None:
    """Since when a worker has had the order without a word, if the ticket is still open for it."""
    asked = (one for one in care.orders if f"{ACCEPT}{one.number}" == target)
    order = next((one for one in asked if one.state == SENT), None)
    opened_at = ticket.opened_at or ticket.created_at
    return None if order is None or order.ordered_at < opened_at else order.ordered_at


def _owed_reply(ticket: Ticket, target: str) -> datetime | None:
    if target == FIRST:
        return (ticket.opened_at or ticket.created_at) if owes_first(ticket) else None
    if target == NEXT:
        return None if owes_first(ticket) else ticket.waiting_since
    return ticket.replied_at if target == PERIODIC else None


def owes_first(ticket: Ticket) -> bool:
    """Whether the first response is still awaited: until then there is no next one."""
    return not ticket.answered and ticket.cycle == ticket.first
