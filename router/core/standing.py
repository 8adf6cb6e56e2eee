"""What time does to an agent: shifts begin and end, a ramp rises, a reserve lends, a rest is over.

An agent's state says what holds, and at which instant that will be different. So fitness depends
on the state alone: a timer changes the state, and the matching looks at who was freed. Each
function yields the fields of a state that change.
"""

from datetime import datetime
from typing import Any

import msgspec

from router.core.desk import Desk
from router.core.entities.agent import AgentState
from router.core.entities.ticket import Ticket
from router.core.lifecycle import TicketState
from rules.calendar import NeverOpen

Changes = dict[str, Any]


def began(desk: Desk, state: AgentState, now: datetime) -> Changes:
    """The agent's presence has just become what it is in `state`."""
    changes = shift(desk, state, now) | lending(desk, state, now)
    ramp = desk.compiled.rulebook.presence.ramp
    agent = desk.roster.agents.get(state.id) if state.presence == "available" else None
    if agent is not None and ramp is not None and ramp.start < agent.capacity:
        return changes | {"room": ramp.start, "ramp_at": now + ramp.every}
    return changes | {"room": None, "ramp_at": None}


def renewed(desk: Desk, state: AgentState, now: datetime) -> Changes:
    """The rulebook, or what a supervisor has set, is another one now."""
    rulebook = desk.compiled.rulebook
    agent = desk.roster.agents.get(state.id)
    changes = shift(desk, state, now) | rested(desk, state, now)
    if agent is None or agent.reserve is None or agent.reserve.lend_after is None:
        changes |= {"lends": False, "lend_at": None}
    elif not state.lends and state.lend_at is None:
        changes |= lending(desk, state, now)
    if rulebook.presence.ramp is None:
        changes |= {"room": None, "ramp_at": None}
    return changes


def passed(desk: Desk, state: AgentState, before: datetime, now: datetime) -> Changes:
    """Everything but presence itself that was due before `before`."""
    changes: Changes = {}
    if state.shift_at is not None and state.shift_at < before:
        changes |= shift(desk, state, max(now, state.shift_at))
    if state.ramp_at is not None and state.ramp_at < before:
        changes |= _filled_further(desk, state, state.ramp_at)
    if state.lend_at is not None and state.lend_at < before:
        idle = not desk.loads.held(state.id)
        changes |= {"lends": True, "lend_at": None} if idle else lending(desk, state, now)
    if state.rest_at is not None and state.rest_at < before:
        row = {} if _hard_in_hands(desk, state.id) else _row(desk, state, 0)
        changes |= {"rest_at": None, **row}
    if state.pause_until is not None and state.pause_until < before:
        changes["pause_until"] = None
    return changes


def shift(desk: Desk, state: AgentState, at: datetime) -> Changes:
    """Whether `at` is outside of the agent's shift, and when that changes."""
    agent = desk.roster.agents.get(state.id)
    if state.presence == "offline" or agent is None or agent.calendar is None:
        return {"off_shift": False, "shift_at": None}
    calendar = desk.compiled.calendars[agent.calendar]
    try:
        if calendar.is_open(at):
            return {"off_shift": False, "shift_at": next(calendar.periods(at)).end}
        return {"off_shift": True, "shift_at": calendar.next_open(at)}
    except (NeverOpen, OverflowError):
        return {"off_shift": True, "shift_at": None}


def lending(desk: Desk, state: AgentState, now: datetime) -> Changes:
    """A reserved agent has work, or has just become idle: the time until they lend starts anew."""
    agent = desk.roster.agents.get(state.id)
    if agent is None or agent.reserve is None:
        return {}
    after = agent.reserve.lend_after
    waits = after is not None and state.presence == "available"
    return {"lends": False, "lend_at": now + after if waits and after is not None else None}


def took(desk: Desk, state: AgentState, ticket: Ticket) -> Changes:
    """The agent has got the ticket: hard ones are counted, any other one ends the row."""
    if not desk.kinds.protects:
        return {}
    row = state.hard + 1 if desk.kinds.hard(ticket) else 0
    return {"rest_at": None, **_row(desk, state, row)}


def put_down(
    desk: Desk, state: AgentState, ticket: Ticket, now: datetime, *, done: bool
) -> Changes:
    """The ticket has left the agent's hands: the rest from hard ones begins; a pause if `done`."""
    if not desk.kinds.protects:
        return {}
    protection, hard = desk.compiled.rulebook.protection, desk.kinds.hard(ticket)
    changes: Changes = {}
    if state.hard and (hard or state.rest_at is None):
        changes["rest_at"] = now + protection.rest
    if hard and done and protection.pause:
        changes["pause_until"] = now + protection.pause
    return changes


def rested(desk: Desk, state: AgentState, now: datetime) -> Changes:
    """What is a hard ticket is another question now: whoever has none in hands begins to rest."""
    changes: Changes = {"rests": desk.rests(state)}
    if state.hard and state.rest_at is None and not _hard_in_hands(desk, state.id):
        changes["rest_at"] = now + desk.compiled.rulebook.protection.rest
    return changes


def _row(desk: Desk, state: AgentState, hard: int) -> Changes:
    return {"hard": hard, "rests": desk.rests(msgspec.structs.replace(state, hard=hard))}


def _filled_further(desk: Desk, state: AgentState, at: datetime) -> Changes:
    agent, ramp = desk.roster.agents.get(state.id), desk.compiled.rulebook.presence.ramp
    room = (state.room or 0) + (ramp.step if ramp is not None else 0)
    if agent is None or ramp is None or room >= agent.capacity:
        return {"room": None, "ramp_at": None}
    return {"room": room, "ramp_at": at + ramp.every}


def _hard_in_hands(desk: Desk, agent: str) -> bool:
    held = (desk.tickets.rows[key] for key in desk.loads.held(agent))
    return any(one.state is TicketState.ASSIGNED and desk.kinds.hard(one) for one in held)
