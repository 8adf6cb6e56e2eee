"""What people say of the router's own decisions."""

from router.core.commands import Command, Rejected, Rejection
from router.core.events import DecisionFlagged
from router.core.handlers.checks import known, ticket_of
from router.core.turn import Turn


def flag_decision(turn: Turn, command: Command) -> None:
    """An agent of the ticket's pool holds triage's decision to be wrong; nothing else changes."""
    ticket = ticket_of(turn, command)
    if turn.desk.roster.agents[command.agent].pool != ticket.pool:
        raise Rejected(Rejection.NOT_ALLOWED)
    if not (command.reason or command.queue or command.type):
        raise Rejected(Rejection.FIELD_MISSING)
    rulebook = turn.desk.compiled.rulebook
    known(command.queue, rulebook.queues, Rejection.UNKNOWN_QUEUE)
    known(command.type, rulebook.types, Rejection.UNKNOWN_TYPE)
    turn.emit(
        DecisionFlagged, ticket, agent=command.agent, rule=ticket.rule, reason=command.reason,
        expected_queue=command.queue, expected_type=command.type, type=ticket.type,
    )  # fmt: skip
