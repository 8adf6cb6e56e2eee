"""The agent comes, goes, is busy, or lets offers lapse; offers and work follow."""

from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec

from router.core import moves, standing
from router.core.commands import Command, Rejected, Rejection
from router.core.entities.agent import AgentState
from router.core.events import AgentOverdue, AgentPresence
from router.core.handlers.checks import supervised
from router.core.lifecycle import TicketState
from router.core.turn import Turn
from router.topics import OPERATIONS, TICKETS_EVENTS
from rules.people import PresenceState

MOST_LEASE_SECONDS = 7 * 24 * 3600.0


def presence(turn: Turn, command: Command) -> None:
    """The agent comes, goes, or is busy. With `lease_seconds` it must be renewed in that time.

    A supervisor may say so of another agent, whose desk goes on to renew what lease there is.
    """
    if command.state is None:
        raise Rejected(Rejection.FIELD_MISSING)
    if command.state not in get_args(PresenceState):
        raise Rejected(Rejection.FIELD_INVALID)
    seconds = command.lease_seconds
    if seconds is not None and not 0 < seconds <= MOST_LEASE_SECONDS:
        raise Rejected(Rejection.FIELD_INVALID)
    lease = None if seconds is None else timedelta(seconds=seconds)
    agent = supervised(turn, command)
    _check_reason(turn, agent, command)
    by = None if agent == command.agent else command.agent
    if by is not None and lease is None:
        lease = turn.desk.agent(agent).lease
    set_presence(turn, agent, command.state, "command", lease, reason=command.reason, by=by)


def _check_reason(turn: Turn, agent: str, command: Command) -> None:
    """Who comes into a state that has reasons gives one of them; who is in it may stay."""
    reasons = turn.desk.compiled.rulebook.presence.reasons
    if not reasons:
        return
    known = reasons.get(command.reason) if command.reason is not None else None
    if command.reason is not None and (known is None or known.state != command.state):
        raise Rejected(Rejection.UNKNOWN_REASON)
    comes = turn.desk.agent(agent).presence != command.state
    if known is None and comes and any(one.state == command.state for one in reasons.values()):
        raise Rejected(Rejection.FIELD_MISSING)


def set_presence(
    turn: Turn,
    agent: str,
    presence: str,
    cause: str,
    lease: timedelta | None = None,
    *,
    reason: str | None = None,
    by: str | None = None,
) -> None:
    """Put the agent's presence into the books; offers and work follow it.

    Without a `reason` the stay of who is in that state already goes on.
    """
    old = turn.desk.agent(agent)
    if agent in turn.desk.agents.rows and old.presence == presence and reason in {None, old.reason}:
        turn.desk.put_agent(_leased(old, lease, turn.now))
        return
    turn.desk.put_agent(_leased(_begun(turn, old, presence, reason), lease, turn.now))
    data = AgentPresence(
        agent=agent, pool=_pool(turn, agent), state=presence, reason=cause,
        presence_reason=reason, by=by, at=turn.at,
    )  # fmt: skip
    turn.out.add(TICKETS_EVENTS, agent, AgentPresence.TYPE, data)
    if old.presence != presence:
        _work_follows(turn, agent, presence, cause)
    turn.freed[agent] = None


def _leased(state: AgentState, lease: timedelta | None, now: datetime) -> AgentState:
    if lease is None or state.presence == "offline":
        return msgspec.structs.replace(state, lease=None, lease_until=None)
    return msgspec.structs.replace(state, lease=lease, lease_until=now + lease)


def _begun(turn: Turn, old: AgentState, presence: str, reason: str | None) -> AgentState:
    """The state of an agent whose stay in `presence` begins now."""
    known = turn.desk.compiled.rulebook.presence.reasons.get(reason or "")
    at_most = known.at_most if known is not None else None
    state = msgspec.structs.replace(
        old, presence=presence, since=turn.now, idle_since=turn.now, missed=0, reason=reason,
        overdue_at=None if at_most is None else turn.now + at_most,
    )  # fmt: skip
    return msgspec.structs.replace(state, **standing.began(turn.desk, state, turn.now))


def _pool(turn: Turn, agent: str) -> str:
    spec = turn.desk.roster.agents.get(agent)
    return spec.pool if spec is not None else ""


def _work_follows(turn: Turn, agent: str, presence: str, cause: str) -> None:
    grace = turn.now + turn.desk.compiled.rulebook.presence.grace
    for key in dict.fromkeys([*turn.desk.loads.held(agent), *turn.desk.loads.owned(agent)]):
        ticket = turn.desk.tickets.rows[key]
        if ticket.state is TicketState.OFFERED:
            moves.release(turn, ticket, cause)
        elif ticket.state is TicketState.ASSIGNED:
            turn.save(ticket, return_at=grace if presence == "offline" else None)


def missed_offer(turn: Turn, agent: str) -> None:
    """The agent has let an offer lapse; who does so again and again is not there: `away`."""
    state = turn.desk.agents.rows[agent]
    turn.desk.change_agent(agent, missed=state.missed + 1)
    if state.missed + 1 >= turn.desk.compiled.rulebook.presence.missed_offers:
        set_presence(turn, agent, "away", "missed_offers", state.lease)


def due(turn: Turn, agent: str, before: datetime) -> None:
    """Something about the agent was due before `before`: all of that happens."""
    state = turn.desk.agents.rows[agent]
    if state.lease_until is not None and state.lease_until < before:
        set_presence(turn, agent, "offline", "lease")
        state = turn.desk.agents.rows[agent]
    changes = standing.passed(turn.desk, state, before, turn.now)
    if state.overdue_at is not None and state.overdue_at < before:
        _tell_overdue(turn, state, state.overdue_at)
        changes["overdue_at"] = None
    changed(turn, agent, changes)


def renew(turn: Turn, agent: str) -> None:
    """The rulebook, or what a supervisor has set, is new; or the shard is up again."""
    state = turn.desk.agents.rows[agent]
    changed(turn, agent, standing.renewed(turn.desk, state, turn.now))


def changed(turn: Turn, agent: str, changes: dict[str, Any]) -> None:
    """The agent's standing is another one: more may be offered, or offers have to go back."""
    state = turn.desk.change_agent(agent, **changes)
    turn.freed[agent] = None
    if state.off_shift:
        moves.rescind(turn, agent, "off_shift")


def _tell_overdue(turn: Turn, state: AgentState, due_at: datetime) -> None:
    data = AgentOverdue(
        agent=state.id, pool=_pool(turn, state.id), state=state.presence,
        presence_reason=state.reason or "", since=state.since, due_at=due_at, at=turn.at,
    )  # fmt: skip
    told = turn.out.add(TICKETS_EVENTS, state.id, AgentOverdue.TYPE, data)
    turn.out.add(OPERATIONS, state.id, AgentOverdue.TYPE, data, id=told)
