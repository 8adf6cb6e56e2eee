"""The agent sets a time at which the customer is called or visited again, or takes it back."""

from datetime import UTC, datetime

from router.core import follow_ups
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.aftercare import FollowUp
from router.core.entities.ticket import Ticket
from router.core.handlers.checks import at_most, phone_given, ticket_of
from router.core.lifecycle import TicketState
from router.core.tending import care_of
from router.core.turn import Turn
from rules.aftercare import LONGEST_FOLLOW_UP
from rules.scalars import parse_duration

LONGEST_NOTE = 2_000
"""Characters of a follow-up's note, and of its reason."""


def follow_up(turn: Turn, command: Command) -> None:
    """At `due_at`, or `after` so long, a ticket of its own is opened for the same customer."""
    ticket = ticket_of(turn, command)
    if ticket.state is TicketState.CLOSED:
        raise Rejected(Rejection.WRONG_STATE)
    if command.kind is None:
        raise Rejected(Rejection.FIELD_MISSING)
    at_most(LONGEST_NOTE, command.text, command.reason)
    if len(care_of(ticket).follow_ups) >= follow_ups.MOST_OPEN:
        raise Rejected(Rejection.TOO_MANY_FOLLOW_UPS)
    anyone = command.prefer == "anyone"
    wanted = FollowUp(
        number=0, kind=command.kind, due_at=_due_at(turn, command), reason=command.reason,
        note=command.text, phone=_number(ticket, command), agent=command.agent,
        prefers=None if anyone else ticket.last_agent or command.agent,
    )  # fmt: skip
    follow_ups.schedule(turn, ticket, wanted)


def _due_at(turn: Turn, command: Command) -> datetime:
    if command.due_at is None and command.after is None:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.due_at is not None and command.after is not None:
        raise Rejected(Rejection.FIELD_INVALID)
    due_at, asked = command.due_at, turn.asked or turn.at
    if due_at is None:
        try:
            due_at = asked + parse_duration(command.after)
        except ValueError:
            raise Rejected(Rejection.FIELD_INVALID) from None
    if due_at.tzinfo is None:
        raise Rejected(Rejection.FIELD_INVALID)
    if due_at <= asked:
        raise Rejected(Rejection.IN_THE_PAST)
    if due_at - asked > LONGEST_FOLLOW_UP:
        raise Rejected(Rejection.TOO_FAR_AHEAD)
    return due_at.astimezone(UTC)


def _number(ticket: Ticket, command: Command) -> str | None:
    """The number to call where it is not the customer's address; a caller needs one of them."""
    number = phone_given(command)
    if number is not None:
        return number
    by_phone = ticket.channel in {"hotline", "sms"}
    if command.kind == "callback" and by_phone and not ticket.sender.startswith("+"):
        raise Rejected(Rejection.NO_PHONE)
    return None


def follow_up_cancel(turn: Turn, command: Command) -> None:
    """The follow-up with this number does not come; without one, none of the ticket's does."""
    ticket = ticket_of(turn, command)
    wanted = command.follow_up
    open_ones = [one.number for one in care_of(ticket).follow_ups]
    if not open_ones or (wanted is not None and wanted not in open_ones):
        raise Rejected(Rejection.UNKNOWN_FOLLOW_UP)
    follow_ups.cancel(
        turn, ticket, lambda one: wanted is None or one.number == wanted, command.agent,
        command.reason or "command",
    )  # fmt: skip
