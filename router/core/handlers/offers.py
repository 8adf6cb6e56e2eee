"""How an agent gets a ticket: accepts what is offered, declines it, or takes one."""

from collections.abc import Iterable

from router.core import assign, escalation, moves
from router.core.agents import unable
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.handlers.checks import offered_ticket, ticket_of
from router.core.lifecycle import TicketState, Trigger
from router.core.turn import Turn


def accept(turn: Turn, command: Command) -> None:
    """The agent takes what was offered; exactly at the expiry is in time."""
    ticket, _ = offered_ticket(turn, command)
    moves.assign(turn, ticket, command.agent)


def decline(turn: Turn, command: Command) -> None:
    """The agent does not want it; it is offered to others, and to this agent not for a while."""
    ticket, offer = offered_ticket(turn, command)
    moves.end_offer(turn, ticket, offer, Trigger.OFFER_DECLINED, command.reason)
    turn.desk.change_agent(command.agent, missed=0)


def take(turn: Turn, command: Command) -> None:
    """The agent takes a chosen ticket, or the next of a queue, or the next of all theirs."""
    spec = turn.desk.roster.agents[command.agent]
    state = turn.desk.agent(command.agent)
    if state.presence != "available":
        raise Rejected(Rejection.NOT_AVAILABLE)
    if command.ticket is None:
        queues = [command.queue] if command.queue else list(spec.queues)
        if not set(queues) <= set(spec.queues):
            raise Rejected(Rejection.UNKNOWN_QUEUE)
        ticket = _next(turn, command.agent, queues)
    else:
        ticket = ticket_of(turn, command)
        if ticket.state not in {TicketState.QUEUED, TicketState.PARKED}:
            raise Rejected(Rejection.WRONG_STATE)
    reason = unable(spec, state, turn.desk.loads.load(state.id), turn.desk.need(ticket), ticket)
    if reason == "capacity":
        raise Rejected(Rejection.NO_CAPACITY)
    if reason not in {None, "refused"}:
        raise Rejected(Rejection.NOT_ELIGIBLE)
    moves.assign(turn, ticket, command.agent)


def _next(turn: Turn, agent: str, queues: Iterable[str]) -> Ticket:
    """The ticket that the agent should have next, once what has lapsed for it is told."""
    while (first := assign.next_for(turn, agent, queues, pushed_only=False)) is not None:
        ticket = turn.desk.tickets.rows[first.ticket]
        turn.at = turn.instant(ticket)
        if escalation.lapsed(turn, ticket, turn.at) is ticket:
            return ticket
    raise Rejected(Rejection.NOTHING_WAITS)
