"""What a command must be before it changes anything: whose ticket, on offer to whom."""

from collections.abc import Container, Iterator

from channels import phone
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Offer, Ticket
from router.core.lifecycle import TicketState, Trigger, may
from router.core.turn import Turn
from rules.people import Agent


def concerned(turn: Turn, command: Command) -> Iterator[Ticket]:
    """The tickets that a command is about: what has lapsed of them comes before it."""
    tickets = turn.desk.tickets
    if (ticket := tickets.get(command.ticket or "")) is not None:
        yield ticket
    if command.into or command.tickets:
        others = (tickets.get(name) for name in (command.into or "", *command.tickets))
        yield from (one for one in others if one is not None)
    if command.from_queue:
        waiting = waiting_in(turn, command)
        yield from (
            one for one in waiting if one.wake_at is not None and one.wake_at < turn.instant(one)
        )


def waiting_in(turn: Turn, command: Command) -> list[Ticket]:
    """The tickets of `from_queue` that nobody has yet, of the command's type and with its tags."""
    found = [
        ticket
        for ticket in turn.desk.tickets.rows.values()
        if ticket.queue == command.from_queue
        and (ticket.waits or ticket.state is TicketState.OFFERED)
        and command.type in {None, ticket.type}
        and set(command.tags or ()) <= set(ticket.tags)
    ]
    return sorted(found, key=turn.desk.waiting.place)


def known(name: str | None, names: Container[str], rejection: Rejection) -> None:
    """What the command names, if it does, must be one of `names`."""
    if name is not None and name not in names:
        raise Rejected(rejection)


def supervised(turn: Turn, command: Command, *, of_themselves: bool = True) -> str:
    """The agent whom the command is about: the sender, or one whom the sender supervises."""
    target = command.target or command.agent
    if target == command.agent and of_themselves:
        return target
    agents = turn.desk.roster.agents
    if target not in agents:
        raise Rejected(Rejection.UNKNOWN_AGENT)
    if not supervises(turn, command, agents[target].pool):
        raise Rejected(Rejection.NOT_ALLOWED)
    return target


def ticket_of(turn: Turn, command: Command) -> Ticket:
    """The command's ticket."""
    return ticket_named(turn, command.ticket)


def ticket_named(turn: Turn, name: str | None) -> Ticket:
    """The ticket of this id, if it is here."""
    ticket = turn.desk.tickets.get(name or "")
    if ticket is None:
        stub = turn.desk.stubs.get(name or "")
        merged = stub is not None and stub.into is not None
        raise Rejected(Rejection.MERGED if merged else Rejection.UNKNOWN_TICKET)
    return ticket


def supervises(turn: Turn, command: Command, pool: str) -> bool:
    """Whether who sends the command is a supervisor of `pool`."""
    spec = turn.desk.roster.agents[command.agent]
    return spec.role == "supervisor" and spec.pool == pool


def supervised_ticket(turn: Turn, command: Command) -> Ticket:
    """The command's ticket, which must be open, in the pool of a supervisor, who sends it."""
    ticket = ticket_of(turn, command)
    if not supervises(turn, command, ticket.pool):
        raise Rejected(Rejection.NOT_ALLOWED)
    if not ticket.open:
        raise Rejected(Rejection.WRONG_STATE)
    return ticket


def charge_of(turn: Turn, command: Command) -> Ticket:
    """The command's ticket, which must be open, and the agent's own or in a supervisor's pool."""
    ticket = ticket_of(turn, command)
    if supervises(turn, command, ticket.pool):
        return supervised_ticket(turn, command)
    return own_ticket(turn, command)


def colleague(turn: Turn, command: Command, ticket: Ticket) -> Agent:
    """The agent whom the command names (`to`), of the ticket's pool."""
    if command.to is None:
        raise Rejected(Rejection.FIELD_MISSING)
    spec = turn.desk.roster.agents.get(command.to)
    if spec is None:
        raise Rejected(Rejection.UNKNOWN_AGENT)
    if spec.pool != ticket.pool:
        raise Rejected(Rejection.OTHER_POOL)
    return spec


def own_ticket(turn: Turn, command: Command, trigger: Trigger | None = None) -> Ticket:
    """The command's ticket, which must be the agent's own and in a state that allows `trigger`."""
    ticket = ticket_of(turn, command)
    if ticket.agent != command.agent or not ticket.open:
        raise Rejected(Rejection.NOT_YOURS if ticket.open else Rejection.WRONG_STATE)
    if trigger is not None and not may(ticket.state, trigger):
        raise Rejected(Rejection.WRONG_STATE)
    return ticket


def offered_ticket(turn: Turn, command: Command) -> tuple[Ticket, Offer]:
    """The command's ticket, which must be on offer to the agent, and that offer."""
    ticket = ticket_of(turn, command)
    offer = ticket.offer
    if offer is None or offer.agent != command.agent or command.offer not in {None, offer.id}:
        raise Rejected(Rejection.NO_OFFER)
    if turn.at > offer.expires_at:
        raise Rejected(Rejection.OFFER_EXPIRED)
    return ticket, offer


def phone_given(command: Command) -> str | None:
    """The command's phone number as the stages write it, if it has one."""
    if command.phone is None:
        return None
    number = phone.normalize(command.phone, None)
    if number is None:
        raise Rejected(Rejection.FIELD_INVALID)
    return number


def at_most(characters: int, *texts: str | None) -> None:
    """What is kept with the ticket, or sent by SMS, has a bound."""
    if any(text is not None and len(text) > characters for text in texts):
        raise Rejected(Rejection.FIELD_INVALID)
