"""What follows from a ticket: its place in a queue, its deadline, its form of today."""

from datetime import datetime, timedelta

import msgspec

from router.core.entities.clock import Clock
from router.core.entities.ticket import Ticket
from router.core.sla import QUEUE_TIME, modern


def modernized(ticket: Ticket) -> Ticket:
    """A ticket that an older version may have stored, as this one has it."""
    if not any([_is_old(one, ticket) for one in ticket.clocks]):
        return ticket
    clocks, pauses = modern(ticket.clocks)
    opened = max((one.cycle for one in clocks if one.target == "resolution"), default=0)
    return msgspec.structs.replace(
        ticket, clocks=clocks, pauses=ticket.pauses or pauses, opened=max(opened, ticket.opened)
    )


def _is_old(clock: Clock, ticket: Ticket) -> bool:
    """Whether an older version has stored this clock of the ticket, or what its cycle follows."""
    if clock.running_since is not None or clock.paused_at is not None:
        return True
    return clock.target == "resolution" and clock.cycle > ticket.opened


def order_key(ticket: Ticket, aging: timedelta, bonus: timedelta) -> datetime:
    """The ticket's place in its queue: earlier is served first.

    One linear key, the enqueue time less `aging` for each step of priority less the tier's bonus:
    every ticket overtakes every later one in bounded time, so nothing starves.
    """
    return ticket.enqueued_at - ticket.priority * aging - bonus


def deadline(ticket: Ticket) -> datetime | None:
    """The nearest due instant of the clocks that run for the customer."""
    nearest: datetime | None = None
    for clock in ticket.clocks:
        due = clock.due_at
        if due is None or clock.target == QUEUE_TIME:
            continue
        if nearest is None or due < nearest:
            nearest = due
    return nearest
