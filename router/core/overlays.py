"""What a supervisor sets of an agent, laid over the rulebook: field by field, until it is reset.

The rulebook's stage limits whatever capacity is set.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from router.core.commands import Rejection
from rules.model import Rulebook
from rules.people import STAGES, Agent

SETTABLE = ("calendar", "capacity", "queues", "skills", "stage", "weights")
"""The fields of an agent that a supervisor may set."""


def effective(rulebook: Rulebook, name: str, overlay: Mapping[str, Any]) -> Agent:
    """The agent as dispatch takes them: the rulebook's, what was set over it, its stage's bounds.

    What the rulebook does not allow (any more) of the overlay counts as not set.
    """
    agent = rulebook.agents[name]
    if overlay:
        agent = _laid_over(agent, allowed(rulebook, name, overlay))
    stage = rulebook.stages.get(agent.stage)
    if stage is None or stage.capacity is None or stage.capacity >= agent.capacity:
        return agent
    return agent.model_copy(update={"capacity": stage.capacity})


def allowed(rulebook: Rulebook, name: str, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an overlay that the rulebook allows."""
    return {
        field: value
        for field, value in overlay.items()
        if refused(rulebook, name, {field: value}) is None
    }


def refused(rulebook: Rulebook, name: str, changes: Mapping[str, Any]) -> Rejection | None:
    """Why these fields cannot be set of the agent, or None when they can; null takes one back."""
    if not set(changes) <= set(SETTABLE):
        return Rejection.FIELD_INVALID
    fields = {field: value for field, value in changes.items() if value is not None}
    try:
        agent = _laid_over(rulebook.agents[name], fields)
    except ValidationError:
        return Rejection.FIELD_INVALID
    pool = rulebook.pools.get(agent.pool)
    if pool is None or not set(agent.queues) <= set(pool.queues):
        return Rejection.UNKNOWN_QUEUE
    if agent.stage not in {*rulebook.stages, *STAGES}:
        return Rejection.UNKNOWN_STAGE
    if agent.calendar is not None and agent.calendar not in rulebook.calendars:
        return Rejection.UNKNOWN_CALENDAR
    return None


def _laid_over(agent: Agent, fields: Mapping[str, Any]) -> Agent:
    written = agent.model_dump(include=set(Agent.model_fields))
    return Agent.model_validate({**written, **fields})
