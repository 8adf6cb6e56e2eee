"""A ticket's aftercare (`router.core.entities.aftercare`), read and saved."""

from typing import Any

import msgspec

from router.core.entities.aftercare import NOTHING, Aftercare
from router.core.entities.ticket import Ticket
from router.core.turn import Turn


def care_of(ticket: Ticket) -> Aftercare:
    """The ticket's aftercare, nothing where it has none."""
    return NOTHING if ticket.aftercare is None else ticket.aftercare


def tended(turn: Turn, ticket: Ticket, **changes: Any) -> Ticket:
    """Save what has changed of the ticket's aftercare."""
    return turn.save(ticket, aftercare=msgspec.structs.replace(care_of(ticket), **changes))
