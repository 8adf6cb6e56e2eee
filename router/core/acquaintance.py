"""Whom a customer knows: the agent who last had one of their tickets is asked first for the next.

By customer where reference data says who writes, else by the customer's address on the channel.
"""

from datetime import datetime, timedelta

from router.core.entities.agent import Acquaintance
from router.core.entities.ticket import Ticket
from router.core.state import Journal, Table


class Acquaintances:
    """The agents whom customers know."""

    def __init__(self, journal: Journal) -> None:
        self.table = Table("acquaintance", Acquaintance, journal)

    def met(self, ticket: Ticket, agent: str, at: datetime, sticky: timedelta) -> None:
        """The agent has got the customer's ticket."""
        if sticky:
            known = Acquaintance(agent=agent, since=at, wake_at=at + sticky)
            self.table.put(_customer(ticket), known)

    def of(self, ticket: Ticket) -> Acquaintance | None:
        """Whom the ticket's customer knows."""
        return self.table.get(_customer(ticket))


def _customer(ticket: Ticket) -> str:
    return ticket.customer or ticket.conversation.partition("-")[0]
