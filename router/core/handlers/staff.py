"""What a supervisor changes about the agents of their pool, while they work."""

from router.core import moves, overlays
from router.core.commands import Command, Rejected, Rejection
from router.core.events import AgentChanged
from router.core.handlers.checks import supervised
from router.core.handlers.presence import renew
from router.core.turn import Turn
from router.topics import TICKETS_EVENTS


def agent_set(turn: Turn, command: Command) -> None:
    """Lay fields over the rulebook's agent; null takes one of them back."""
    if command.target is None or not command.changes:
        raise Rejected(Rejection.FIELD_MISSING)
    agent = supervised(turn, command, of_themselves=False)
    refusal = overlays.refused(turn.desk.compiled.rulebook, agent, command.changes)
    if refusal is not None:
        raise Rejected(refusal)
    fields = turn.desk.agent(agent).overlay | command.changes
    overlay = {name: fields[name] for name in sorted(fields) if fields[name] is not None}
    _put(turn, agent, overlay, command.agent)


def under_new_rules(turn: Turn, agent: str) -> None:
    """The rulebook in force is another one: what it does not allow of what was set is gone."""
    overlay = turn.desk.agents.rows[agent].overlay
    kept = overlays.allowed(turn.desk.compiled.rulebook, agent, overlay)
    if kept != overlay:
        _put(turn, agent, kept, None)
    else:
        renew(turn, agent)
        moves.withdraw(turn, agent, "agent_changed")


def _put(turn: Turn, agent: str, overlay: dict[str, object], by: str | None) -> None:
    """The roster follows what is stored; offers of what the agent no longer does go back."""
    state = turn.desk.agent(agent)
    if state.overlay == overlay:
        return
    if agent not in turn.desk.agents.rows:
        turn.desk.put_agent(state)
    turn.desk.change_agent(agent, overlay=overlay)
    spec = turn.desk.roster.agents[agent]
    data = AgentChanged(agent=agent, pool=spec.pool, by=by, changes=overlay, at=turn.at)
    turn.out.add(TICKETS_EVENTS, agent, AgentChanged.TYPE, data)
    renew(turn, agent)
    moves.withdraw(turn, agent, "agent_changed")
