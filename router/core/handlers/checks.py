"""What a command must be before it changes anything: whose ticket, on offer to whom."""

from router.core.commands import Command, Rejected, Rejection
from router.core.desk import Turn
from router.core.lifecycle import Trigger, may
from router.core.tickets import Offer, Ticket


def supervised(turn: Turn, command: Command, *, of_themselves: bool = True) -> str:
    """The agent whom the command is about: the sender, or one whom the sender supervises."""
    target = command.target or command.agent
    if target == command.agent and of_themselves:
        return target
    agents = turn.desk.roster.agents
    if target not in agents:
        raise Rejected(Rejection.UNKNOWN_AGENT)
    sender = agents[command.agent]
    if sender.role != "supervisor" or sender.pool != agents[target].pool:
        raise Rejected(Rejection.NOT_A_SUPERVISOR)
    return target


def ticket_of(turn: Turn, command: Command) -> Ticket:
    """The command's ticket."""
    ticket = turn.desk.tickets.get(command.ticket or "")
    if ticket is None:
        raise Rejected(Rejection.UNKNOWN_TICKET)
    return ticket


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
