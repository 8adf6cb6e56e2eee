"""What a supervisor does: gives a ticket to somebody, and takes note of an alarm."""

from router.core import clocks, moves
from router.core.agents import full, unsuited
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.handlers.checks import colleague, supervised_ticket
from router.core.lifecycle import TicketState
from router.core.turn import Turn


def assign(turn: Turn, command: Command) -> None:
    """Give the ticket to an agent (`to`), whoever has it now; beyond their limits by `force`."""
    ticket = supervised_ticket(turn, command)
    colleague(turn, command, ticket)
    agent = command.to or ""
    if turn.desk.agent(agent).presence == "offline":
        raise Rejected(Rejection.NOT_AVAILABLE)
    if ticket.state is TicketState.ASSIGNED and ticket.agent == agent:
        raise Rejected(Rejection.WRONG_STATE)
    excess = _excess(turn, agent, ticket)
    if excess is not None and not command.force:
        raise Rejected(excess)
    if ticket.offer is not None and ticket.offer.agent != agent:
        ticket = moves.release(turn, ticket, "assigned")
    elif ticket.agent is not None:
        ticket = moves.requeue(turn, ticket, "assigned")
    moves.assign(turn, ticket, agent, by=command.agent, forced=excess is not None)
    moves.withdraw(turn, agent, "capacity")


def _excess(turn: Turn, agent: str, ticket: Ticket) -> Rejection | None:
    """Why the agent should not have the ticket; what they hold of it already does not count."""
    spec, need = turn.desk.roster.agents[agent], turn.desk.need(ticket)
    load = turn.desk.loads.load(agent) - (ticket.weight if ticket.holder == agent else 0)
    if unsuited(spec, need) is not None:
        return Rejection.NOT_ELIGIBLE
    return Rejection.NO_CAPACITY if full(spec, load, need.channel) is not None else None


def escalation_acknowledge(turn: Turn, command: Command) -> None:
    """Somebody has seen that this target lapses or has lapsed: its ladder goes on in silence."""
    ticket = supervised_ticket(turn, command)
    if command.target is None:
        raise Rejected(Rejection.FIELD_MISSING)
    found = [clock for clock in ticket.clocks if clock.target == command.target]
    if not found:
        raise Rejected(Rejection.UNKNOWN_TARGET)
    if not any(clock.alarmed for clock in found):
        raise Rejected(Rejection.NOTHING_LAPSED)
    clocks.acknowledged(turn, ticket, (command.target,), command.agent)
