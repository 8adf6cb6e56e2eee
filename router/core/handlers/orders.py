"""The agent sends a worker to the customer, and says how it goes."""

from typing import get_args

from router.core import orders
from router.core.commands import Command, OrderState, Rejected, Rejection
from router.core.entities.aftercare import ENDED, MOST_ORDERS, SENT, Order
from router.core.entities.ticket import Ticket
from router.core.handlers.checks import at_most, own_ticket, phone_given, ticket_of
from router.core.lifecycle import TicketState
from router.core.tending import care_of
from router.core.turn import Turn

LONGEST_WORDS = 500
"""Characters of an order's address, appointment, note: an SMS tells them."""

_STATES = get_args(OrderState)


def order(turn: Turn, command: Command) -> None:
    """A worker is to go to the customer's `address`, and is told by SMS."""
    ticket = own_ticket(turn, command)
    address = (command.address or "").strip()
    if not (command.worker and address):
        raise Rejected(Rejection.FIELD_MISSING)
    at_most(LONGEST_WORDS, command.address, command.appointment, command.text)
    if command.worker not in turn.desk.compiled.rulebook.workers:
        raise Rejected(Rejection.UNKNOWN_WORKER)
    made = care_of(ticket).orders
    if len(made) >= MOST_ORDERS:
        raise Rejected(Rejection.TOO_MANY_ORDERS)
    wanted = Order(
        number=len(made) + 1, worker=command.worker, state=SENT, address=address,
        appointment=command.appointment or "", ordered_at=turn.at, note=command.text,
        phone=_number(ticket, command),
    )  # fmt: skip
    orders.create(turn, ticket, wanted, command.agent)


def _number(ticket: Ticket, command: Command) -> str | None:
    """Whom the worker calls: the number that is given, else the customer's own."""
    own = ticket.sender if ticket.sender.startswith("+") else None
    return phone_given(command) or own


def order_update(turn: Turn, command: Command) -> None:
    """The order with this number is accepted, …; without one, the newest that is not done."""
    ticket = ticket_of(turn, command)
    if command.state is None:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.state not in _STATES:
        raise Rejected(Rejection.FIELD_INVALID)
    if ticket.state is TicketState.CLOSED:
        raise Rejected(Rejection.WRONG_STATE)
    found = _chosen(ticket, command.order)
    if command.state not in orders.MOVES.get(found.state, ()):
        raise Rejected(Rejection.WRONG_STATE)
    orders.update(
        turn, ticket, found, command.state, agent=command.agent,
        note=command.text or command.reason,
    )  # fmt: skip


def _chosen(ticket: Ticket, number: int | None) -> Order:
    made = care_of(ticket).orders
    if number is None:
        made = tuple(one for one in made if one.state not in ENDED)
    else:
        made = tuple(one for one in made if one.number == number)
    if not made:
        raise Rejected(Rejection.UNKNOWN_ORDER)
    return made[-1]
