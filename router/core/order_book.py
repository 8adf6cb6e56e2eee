"""The orders that are not done, by worker: an index over the tickets, told of every change."""

from collections.abc import Iterator

from router.core.entities.aftercare import ENDED, Order
from router.core.entities.ticket import Ticket
from router.core.lifecycle import TicketState


class OrderBook:
    """Which tickets have an open order for which worker."""

    def __init__(self) -> None:
        self._tickets: dict[str, dict[str, Ticket]] = {}

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change; most have no orders."""
        if old is not None and old.aftercare is not None:
            for order in old.aftercare.orders:
                self._tickets.get(order.worker, {}).pop(key, None)
        if new is not None and new.aftercare is not None:
            for order in _open(new):
                self._tickets.setdefault(order.worker, {})[key] = new

    def of(self, worker: str) -> Iterator[tuple[Ticket, Order]]:
        """The worker's open orders, with their tickets."""
        for ticket in list(self._tickets.get(worker, {}).values()):
            for order in _open(ticket):
                if order.worker == worker:
                    yield ticket, order


def _open(ticket: Ticket) -> Iterator[Order]:
    if ticket.aftercare is not None and ticket.state is not TicketState.CLOSED:
        yield from (order for order in ticket.aftercare.orders if order.state not in ENDED)
