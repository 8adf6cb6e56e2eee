"""What is written: the reply to the customer, the note to colleagues, the question to one."""

from router.core import clocks
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.events import TicketConsulted, TicketNoted, TicketReplied
from router.core.handlers.checks import charge_of, colleague, own_ticket, ticket_of
from router.core.letters import Letterhead, Thread, letter
from router.core.turn import Turn
from router.topics import MESSAGES_OUTBOUND, queue_topic


def reply(turn: Turn, command: Command, head: Letterhead) -> None:
    """The agent answers the customer: first and next response are met."""
    ticket = own_ticket(turn, command)
    if not command.text:
        raise Rejected(Rejection.FIELD_MISSING)
    message = f"{turn.out.cause}/reply"
    ticket = turn.save(
        ticket, sent=ticket.sent + 1, answered=True, waiting_since=None, replied_at=turn.at
    )
    if ticket.channel != "hotline":
        data = letter(
            head, _thread(ticket), "reply", command.text, id=message, label=f"r{ticket.sent}",
            number=ticket.sent, at=turn.now, subject=command.subject,
        )  # fmt: skip
        key = ticket.conversation.partition("-")[0]
        turn.out.add(MESSAGES_OUTBOUND, key, "message.outbound", data, id=message)
    turn.emit(TicketReplied, ticket, agent=command.agent, message=message, text=command.text)
    clocks.replied(turn, ticket)


def _thread(ticket: Ticket) -> Thread:
    return Thread(
        conversation=ticket.conversation,
        ticket=ticket.id,
        pool=ticket.pool,
        channel=ticket.channel,
        account=ticket.account,
        to=ticket.answer_to,
        to_name=ticket.answer_name,
        subject=ticket.subject,
        language=ticket.language,
        in_reply_to=ticket.last_message_id,
        references=ticket.references,
    )


def note(turn: Turn, command: Command) -> None:
    """A note for colleagues; the customer does not see it and no clock is met."""
    ticket = ticket_of(turn, command)
    if not command.text:
        raise Rejected(Rejection.FIELD_MISSING)
    turn.emit(TicketNoted, ticket, agent=command.agent, text=command.text)


def consult(turn: Turn, command: Command) -> None:
    """Ask a colleague, who sees it on their desktop; the ticket stays where it is."""
    ticket = charge_of(turn, command)
    asked = colleague(turn, command, ticket)
    if not command.text:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.to == command.agent:
        raise Rejected(Rejection.FIELD_INVALID)
    queues = dict.fromkeys((*turn.desk.places(ticket), *asked.queues))
    turn.emit(
        TicketConsulted, ticket, *(queue_topic(queue) for queue in queues), agent=command.agent,
        to=command.to, text=command.text, subject=ticket.subject, sender=ticket.sender,
    )  # fmt: skip
