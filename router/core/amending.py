"""A ticket is changed after triage: its place, its need and its clocks are as if it had been so.

A type or tier that changes chooses the SLA anew, as triage would, unless a route or a person has
named it. A target that is measured for the first time counts from when it would have begun.
"""

from collections.abc import Iterator
from typing import Any

from router.core import clocks, moves
from router.core.agents import unsuited
from router.core.desk import Turn
from router.core.events import TicketUpdated
from router.core.sla import Policy
from router.core.tickets import Ticket, deadline
from rules.decide import service_level

BY_COMMAND = "command"
"""Who named the SLA, where it was an update."""


def amend(turn: Turn, ticket: Ticket, by: str, given: dict[str, Any]) -> Ticket:
    """Change the ticket's fields to what is `given`."""
    wanted = given | _service_level(turn, ticket, given)
    changes = {name: value for name, value in wanted.items() if getattr(ticket, name) != value}
    if not changes:
        return ticket
    before, policies = ticket, clocks.policies(turn, ticket)
    ticket = turn.save(ticket, **changes)
    if ticket.offer is not None:
        spec = turn.desk.roster.agents[ticket.offer.agent]
        if unsuited(spec, turn.desk.need(ticket)) is not None:
            ticket = moves.release(turn, ticket, "updated")
    if {"sla", "type"} & changes.keys():
        ticket = _clocks_follow(turn, before, policies, ticket)
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


def _clocks_follow(
    turn: Turn, before: Ticket, policies: dict[str, Policy | None], ticket: Ticket
) -> Ticket:
    ticket = clocks.remeasure(turn, policies, ticket)
    running = {clock.target for clock in ticket.clocks}
    gone = {clock.target for clock in before.clocks} - running
    if gone:
        ticket = turn.save(ticket, dropped=tuple(sorted({*ticket.dropped, *gone})))
    steps = before.type != ticket.type or before.sla is None
    for target, since in list(_awaited(turn, ticket, steps=steps)):
        if target not in running and turn.desk.policy(ticket, target) is not None:
            if target in ticket.dropped:  # what it told before must not be told again
                ticket = turn.save(ticket, cycle=ticket.cycle + 1)
            ticket = clocks.start(turn, ticket, (target,), since)
    if not ticket.set_aside:
        return ticket
    paused = turn.desk.pauses(ticket)
    return clocks.paused(turn, ticket) if paused else clocks.resumed(turn, ticket)


def _awaited(turn: Turn, ticket: Ticket, *, steps: bool) -> Iterator[tuple[str, Any]]:
    """What the ticket still waits for, and since when: its opening, or its last reopening."""
    if not ticket.answered and ticket.cycle == 0:
        yield clocks.FIRST, ticket.created_at
    elif ticket.waiting_since is not None:
        yield clocks.NEXT, ticket.waiting_since
    yield clocks.RESOLUTION, ticket.enqueued_at
    reopened = ticket.enqueued_at != ticket.created_at
    if steps and not reopened:
        for step in turn.desk.steps(ticket.type):
            if step not in ticket.steps_done:
                yield f"step:{step}", ticket.created_at
