"""A ticket is changed after triage: its place, its need and its clocks are as if it had been so.

A type or tier that changes chooses the SLA anew, as triage would, unless a route or a person has
named it. A target that is measured for the first time counts from when it would have begun.
"""

from typing import Any

from router.core import clocks, moves, standing
from router.core.agents import unsuited
from router.core.entities.ticket import Ticket
from router.core.events import TicketUpdated
from router.core.lifecycle import TicketState
from router.core.tickets import deadline
from router.core.turn import Turn
from rules.decide import service_level

BY_COMMAND = "command"
"""Who named the SLA, where it was an update."""


def amend(turn: Turn, ticket: Ticket, by: str, given: dict[str, Any]) -> Ticket:
    """Change the ticket's fields to what is `given`."""
    wanted = given | _service_level(turn, ticket, given)
    changes = {name: value for name, value in wanted.items() if getattr(ticket, name) != value}
    if not changes:
        return ticket
    before, promised = ticket, turn.desk.promised(ticket)
    ticket = turn.save(ticket, **changes)
    if ticket.offer is not None:
        spec = turn.desk.roster.agents[ticket.offer.agent]
        if unsuited(spec, turn.desk.need(ticket)) is not None:
            ticket = moves.release(turn, ticket, "updated")
    if turn.desk.kinds.protects and ticket.state is TicketState.ASSIGNED:
        state = turn.desk.agents.rows[ticket.agent or ""]
        turn.desk.change_agent(state.id, **standing.rested(turn.desk, state, turn.now))
    ticket = clocks.remeasure(turn, promised, ticket)
    shown = [name for name in changes if name != "sla_from"]
    turn.emit_queue(
        TicketUpdated, ticket, agent=by,
        before={name: getattr(before, name) for name in shown},
        after={name: changes[name] for name in shown},
        order=turn.desk.order(ticket), due_at=deadline(ticket),
    )  # fmt: skip
    return ticket


def _service_level(turn: Turn, ticket: Ticket, given: dict[str, Any]) -> dict[str, Any]:
    """The SLA that follows from what is given, and who named it."""
    if "sla" in given:
        return {"sla_from": BY_COMMAND}
    named = ticket.sla is not None and ticket.sla_from not in {"tier", "type", "defaults"}
    if named or not {"type", "tier"} & given.keys():
        return {}
    tier, kind = given.get("tier", ticket.tier), given.get("type", ticket.type)
    sla, whose = service_level(turn.desk.compiled, tier, kind)
    return {"sla": sla, "sla_from": whose}
