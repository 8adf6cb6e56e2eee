"""The agent comes, goes, is busy, or lets offers lapse; offers and work follow."""

from datetime import timedelta
from typing import get_args

import msgspec

from router.core import moves
from router.core.agents import AgentState
from router.core.commands import Command, PresenceState, Rejected, Rejection
from router.core.desk import Turn
from router.core.events import (
    AgentPresence,
)
from router.core.lifecycle import TicketState
from router.topics import TICKETS_EVENTS

MOST_LEASE_SECONDS = 7 * 24 * 3600.0


def presence(turn: Turn, command: Command) -> None:
    """The agent comes, goes, or is busy. With `lease_seconds` it must be renewed in that time."""
    if command.state is None:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.state not in get_args(PresenceState):
        raise Rejected(Rejection.FIELD_INVALID)
    seconds = command.lease_seconds
    if seconds is not None and not 0 < seconds <= MOST_LEASE_SECONDS:
        raise Rejected(Rejection.FIELD_INVALID)
    lease = None if seconds is None or command.state == "offline" else timedelta(seconds=seconds)
    set_presence(turn, command.agent, command.state, "command", lease)


def set_presence(
    turn: Turn, agent: str, presence: str, reason: str, lease: timedelta | None = None
) -> None:
    """Put the agent's presence into the books; offers and work follow it."""
    old = turn.desk.agents.get(agent)
    if old is None or old.presence != presence:
        state = AgentState(id=agent, presence=presence, since=turn.now, idle_since=turn.now)
    else:
        state = old
    wake_at = None if lease is None else turn.now + lease
    turn.desk.agents.put(agent, msgspec.structs.replace(state, lease=lease, wake_at=wake_at))
    if state is old:
        return
    pool = turn.desk.roster.agents[agent].pool if agent in turn.desk.roster.agents else ""
    data = AgentPresence(agent=agent, pool=pool, state=presence, reason=reason, at=turn.at)
    turn.out.add(TICKETS_EVENTS, agent, AgentPresence.TYPE, data)
    _work_follows(turn, agent, presence, reason)


def _work_follows(turn: Turn, agent: str, presence: str, reason: str) -> None:
    grace = turn.now + turn.desk.compiled.rulebook.presence.grace
    for key in dict.fromkeys([*turn.desk.loads.held(agent), *turn.desk.loads.owned(agent)]):
        ticket = turn.desk.tickets.rows[key]
        if ticket.state is TicketState.OFFERED:
            moves.release(turn, ticket, reason)
        elif ticket.state is TicketState.ASSIGNED:
            turn.save(ticket, return_at=grace if presence == "offline" else None)
    turn.freed[agent] = None


def missed_offer(turn: Turn, agent: str) -> None:
    """The agent has let an offer lapse; who does so again and again is not there: `away`."""
    state = turn.desk.agents.rows[agent]
    turn.desk.change_agent(agent, missed=state.missed + 1)
    if state.missed + 1 >= turn.desk.compiled.rulebook.presence.missed_offers:
        set_presence(turn, agent, "away", "missed_offers", state.lease)
