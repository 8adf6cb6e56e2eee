"""Orders to workers in the field (派工单): sent by SMS, accepted, done, or taken back.

An order is a part of its ticket. Its acceptance has a clock of its own (`accept:<number>`), with
warnings, breach and ladder as every clock of the ticket's SLA.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from channels.identity import conversation_key
from channels.outbound import OutboundMessage, Receipt
from router.core import clocks
from router.core.entities.aftercare import SENT, Order
from router.core.entities.ticket import Ticket
from router.core.events import (
    OrderCreated,
    OrderNoticeFailed,
    OrderUpdated,
    TicketStepDone,
    WorkerAnswered,
)
from router.core.sla import ACCEPT
from router.core.tending import care_of, tended
from router.core.turn import Turn
from router.core.worker_answers import UNREACHABLE
from router.topics import MESSAGES_OUTBOUND, OPERATIONS, queue_topic
from rules.order_texts import order_text

MOVES: Mapping[str, frozenset[str]] = {
    SENT: frozenset({"accepted", "arrived", "done", "cancelled"}),
    "accepted": frozenset({"arrived", "done", "cancelled"}),
    "arrived": frozenset({"done", "cancelled"}),
}
"""State -> what an order can become; what is done or cancelled stays so."""

USUAL_STEP = "dispatch"
"""The step that an order meets where the type names none."""

_LOST = frozenset({"failed", "bounced", "uncertain"})


def label(ticket: Ticket, order: Order) -> str:
    """An order's number, fit to be read out."""
    return f"{ticket.id}-{order.number}"


def create(turn: Turn, ticket: Ticket, order: Order, agent: str) -> Ticket:
    """Send the worker out: the procedure's step is met, the worker is told, acceptance awaited."""
    care = care_of(ticket)
    ticket = tended(turn, ticket, orders=(*care.orders, order))
    message = _tell(turn, ticket, order, "notice")
    turn.emit_queue(
        OrderCreated, ticket, number=order.number, order=label(ticket, order),
        worker=order.worker, agent=agent, address=order.address, appointment=order.appointment,
        note=order.note, message=message,
    )  # fmt: skip
    if order.number == 1:
        ticket = _step_met(turn, ticket, agent)
    return clocks.start(turn, ticket, (f"{ACCEPT}{order.number}",), turn.at)


def _step_met(turn: Turn, ticket: Ticket, agent: str) -> Ticket:
    found = turn.desk.compiled.rulebook.types.get(ticket.type) if ticket.type else None
    step = (found.order_step if found else None) or USUAL_STEP
    if step not in turn.desk.steps(ticket.type):
        return ticket
    turn.emit(TicketStepDone, ticket, agent=agent, step=step)
    return clocks.step_done(turn, ticket, step)


def update(turn: Turn, ticket: Ticket, order: Order, state: str, **said: str | None) -> Ticket:
    """The order has become `state`; `said` is by which agent (none: the worker), and the note."""
    changed = msgspec.structs.replace(order, state=state)
    orders = tuple(changed if one is order else one for one in care_of(ticket).orders)
    ticket = tended(turn, ticket, orders=orders)
    message = _tell(turn, ticket, changed, "cancelled") if state == "cancelled" else None
    turn.emit_queue(
        OrderUpdated, ticket, number=order.number, order=label(ticket, order),
        worker=order.worker, state=state, agent=said.get("agent"), note=said.get("note"),
        message=message,
    )  # fmt: skip
    target = (f"{ACCEPT}{order.number}",)
    if state == "cancelled":
        return clocks.dropped(turn, ticket, target, "cancelled")
    return clocks.met(turn, ticket, target)


def answered(turn: Turn, event: WorkerAnswered) -> None:
    """The worker has answered by SMS: of their orders here, the named one or the newest moves."""
    is_lost = event.state == UNREACHABLE
    found = [
        (order.ordered_at, label(ticket, order), ticket, order)
        for ticket, order in turn.desk.orders.of(event.worker)
        if ticket.pool == event.pool
        and (order.state == SENT if is_lost else event.state in MOVES[order.state])
    ]
    if event.order is not None:
        found = [one for one in found if one[1] == event.order]
    if not found:
        return
    _, number, ticket, order = max(found, key=lambda one: one[:2])
    if is_lost:
        _notice_failed(turn, ticket, order, f"{number}/notice", "failed", event.reason)
    else:
        update(turn, ticket, order, event.state)


def receipt(turn: Turn, ticket: Ticket, event: Receipt) -> None:
    """A notice that did not arrive is a matter for operations: nobody is on the way."""
    if event.kind != "notice" or event.outcome not in _LOST:
        return
    for order in care_of(ticket).orders:
        if event.message.rpartition("/")[0] == label(ticket, order):
            _notice_failed(turn, ticket, order, event.message, event.outcome, event.reason)


def _notice_failed(
    turn: Turn, ticket: Ticket, order: Order, message: str, *how: str | None
) -> None:
    outcome, reason = how
    desks = map(queue_topic, turn.desk.places(ticket))
    turn.emit(
        OrderNoticeFailed, ticket, *desks, OPERATIONS, number=order.number,
        order=label(ticket, order), worker=order.worker, message=message, outcome=outcome,
        reason=reason,
    )  # fmt: skip


def _tell(turn: Turn, ticket: Ticket, order: Order, what: str) -> str | None:
    """Send the worker an SMS; returns its id, None where the rulebook has no way to them now."""
    rulebook = turn.desk.compiled.rulebook
    worker, account = rulebook.workers.get(order.worker), rulebook.orders.account
    if worker is None or account is None:
        return None
    text = order_text(
        turn.desk.compiled.order_texts, what, worker.language, _variables(turn, ticket, order)
    )
    message = OutboundMessage(
        id=f"{label(ticket, order)}/{what}", kind="notice", channel="sms", account=account,
        to=worker.phone, to_name=worker.name, text=text, language=worker.language,
        ticket=ticket.id, pool=ticket.pool, created_at=turn.now,
    )  # fmt: skip
    key = conversation_key("sms", account, worker.phone)
    turn.out.add(MESSAGES_OUTBOUND, key, "message.outbound", message, id=message.id)
    return message.id


def _variables(turn: Turn, ticket: Ticket, order: Order) -> dict[str, Any]:
    rulebook = turn.desk.compiled.rulebook
    kind = rulebook.types.get(ticket.type) if ticket.type else None
    worker = rulebook.workers[order.worker]
    return {
        "order": label(ticket, order),
        "worker": worker.name or order.worker,
        "customer": ticket.sender_name or "",
        "phone": order.phone or "",
        "address": order.address,
        "appointment": _shown(turn, ticket, order.appointment),
        "type": (kind.name if kind and kind.name else ticket.type) or "",
        "note": order.note or "",
    }


def _shown(turn: Turn, ticket: Ticket, appointment: str) -> str:
    """An instant in the time zone of the SLA's calendar; other words as they stand."""
    try:
        at = datetime.fromisoformat(appointment)
    except ValueError:
        return appointment
    rulebook = turn.desk.compiled.rulebook
    sla = rulebook.slas.get(ticket.sla) if ticket.sla else None
    if at.tzinfo is None or sla is None:
        return appointment
    zone = ZoneInfo(rulebook.calendars[sla.calendar].timezone)
    return at.astimezone(zone).strftime("%m-%d %H:%M")
