"""A new topic in an old conversation becomes a ticket of its own, by way of triage."""

from typing import Any

from channels.identity import key_of, request_id, ticket_id
from channels.request import CustomerRequest, Recipient, Sender
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.events import TicketSplit
from router.core.handlers.checks import charge_of, known
from router.core.opening import EXCERPT_CHARACTERS
from router.core.turn import Turn
from router.topics import REQUESTS_INBOUND


def split(turn: Turn, command: Command) -> None:
    """Write the topic as a request of the customer's: the rules decide where it goes."""
    ticket = charge_of(turn, command)
    if not (command.subject or command.text):
        raise Rejected(Rejection.FIELD_MISSING)
    rulebook = turn.desk.compiled.rulebook
    known(command.queue, rulebook.queues, Rejection.UNKNOWN_QUEUE)
    known(command.type, rulebook.types, Rejection.UNKNOWN_TYPE)
    request = _request(turn, command, ticket)
    key = key_of(ticket.conversation)
    turn.out.add(REQUESTS_INBOUND, key, "request.received", request, id=request.id)
    turn.emit(
        TicketSplit, ticket, agent=command.agent, request=request.id, opens=ticket_id(request.id),
        subject=request.subject, text=request.text[:EXCERPT_CHARACTERS],
    )  # fmt: skip


def split_name(command: str) -> str:
    """The `external_id` of the request that a command makes: sent twice, it is the same."""
    return f"split/{command}"


def _request(turn: Turn, command: Command, ticket: Ticket) -> CustomerRequest:
    """The topic as if the customer had written it by itself, when what is unanswered came."""
    external_id = split_name(command.id)
    asked = {"split_queue": command.queue, "split_type": command.type}
    attributes: dict[str, Any] = {name: value for name, value in asked.items() if value}
    answered = (ticket.last_message_id,) if ticket.last_message_id else ()
    recipients: tuple[Recipient, ...] = ()
    if ticket.answer_to not in {"", ticket.sender}:
        recipients = (
            Recipient(address=ticket.answer_to, name=ticket.answer_name, role="reply_to"),
        )
    return CustomerRequest(
        id=request_id(ticket.channel, ticket.account, external_id),
        channel=ticket.channel,  # type: ignore[arg-type] # it was a request's
        account=ticket.account,
        external_id=external_id,
        sender=Sender(address=ticket.sender, name=ticket.sender_name, customer=ticket.customer),
        recipients=recipients,
        subject=command.subject or ticket.subject,
        text=command.text or "",
        language=ticket.language,
        received_at=ticket.waiting_since or turn.at,
        references=(*ticket.references, *answered),
        conversation=ticket.conversation,
        attributes={
            **attributes,
            "split_of": ticket.id,
            "split_by": command.agent,
            "split_from": ticket.queue,
        },
    )
