"""What is done with one's own ticket: work goes on, a step is done, it is settled, reopened."""

from datetime import datetime

from router.core import agents, clocks, follow_ups, moves, pools
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.ticket import Ticket
from router.core.events import TicketReopened, TicketResolved, TicketResumed, TicketStepDone
from router.core.handlers import wrap_up
from router.core.handlers.checks import own_ticket, ticket_of
from router.core.lifecycle import Trigger, may
from router.core.owed import SETTLED
from router.core.turn import Turn


def resume(turn: Turn, command: Command) -> None:
    """The agent goes on with what was set aside, if there is capacity for it."""
    ticket = own_ticket(turn, command, Trigger.RESUMED)
    if turn.desk.agent(command.agent).presence == "offline":
        raise Rejected(Rejection.NOT_AVAILABLE)
    if not has_room(turn, ticket):
        raise Rejected(Rejection.NO_CAPACITY)
    resumed(turn, ticket, "command", turn.at)


def has_room(turn: Turn, ticket: Ticket) -> bool:
    """Whether the agent of a ticket that was set aside has the capacity to go on with it."""
    agent = ticket.agent or ""
    load = turn.desk.loads.load(agent)
    return agents.has_room(turn.desk.roster.agents[agent], load, ticket.weight)


def resumed(turn: Turn, ticket: Ticket, reason: str, at: datetime) -> Ticket:
    """Work on a ticket that was set aside goes on with the same agent, since `at`."""
    ticket = turn.save(ticket, Trigger.RESUMED, until=None)
    turn.emit(TicketResumed, ticket, agent=ticket.agent, reason=reason)
    return clocks.resumed(turn, ticket, at)


def step_done(turn: Turn, command: Command) -> None:
    """A step of the procedure is done: its clock is met."""
    ticket = own_ticket(turn, command)
    if command.step not in turn.desk.steps(ticket.type):
        raise Rejected(Rejection.UNKNOWN_STEP if command.step else Rejection.FIELD_MISSING)
    turn.emit(TicketStepDone, ticket, agent=command.agent, step=command.step)
    clocks.step_done(turn, ticket, command.step)


def resolve(turn: Turn, command: Command) -> None:
    """The matter is settled: resolution is met, the other clocks end, triage is told."""
    ticket = own_ticket(turn, command, Trigger.RESOLVED)
    wrapping = wrap_up.began(turn, ticket)
    ticket = moves.leave(turn, clocks.resumed(turn, ticket), "resolved")
    ticket = turn.save(
        ticket, Trigger.RESOLVED, resolved_at=turn.at, return_at=None, waiting_since=None,
        **wrapping,
    )  # fmt: skip
    turn.emit(
        TicketResolved, ticket, agent=command.agent, reason=command.reason,
        wrapping_until=ticket.wrapping_until,
    )  # fmt: skip
    ticket = clocks.met(turn, ticket, SETTLED)
    ticket = clocks.ended(turn, ticket, "resolved")
    moves.feedback(turn, ticket, "resolved")
    follow_ups.resolved(turn, ticket)


def reopen(turn: Turn, command: Command) -> None:
    """The agent takes a resolved ticket up again."""
    ticket = ticket_of(turn, command)
    if not may(ticket.state, Trigger.REOPENED):
        raise Rejected(Rejection.WRONG_STATE)
    pools.settle(turn, reopened(turn, ticket, command.agent, turn.at))


def reopened(turn: Turn, ticket: Ticket, by: str, at: datetime) -> Ticket:
    """A resolved ticket is open again: it waits anew, and its clocks' new cycle begins at `at`.

    Its queue may be gone, or another pool's, by now: that is for the caller to settle.
    """
    if ticket.wrapping_until is not None:
        ticket = wrap_up.over(turn, ticket, "reopened")
    queue = turn.desk.home(ticket.queue, ticket.pool)
    ticket = moves.chained(
        turn, ticket, Trigger.REOPENED, queue=queue, agent=None, weight=0, resolved_at=None,
        place=0, chain_since=turn.at, enqueued_at=at, cycle=ticket.cycle + 1, refusals=(), offers=0,
        opened=ticket.cycle + 1, opened_at=at, replied_at=None, **clocks.coming(ticket, at),
    )  # fmt: skip
    turn.emit_queue(TicketReopened, ticket, by=by)
    moves.announce_queued(turn, ticket)
    moves.feedback(turn, ticket, "reopened")
    ticket = follow_ups.reopened(turn, ticket)
    return clocks.reopened(turn, ticket, at)
