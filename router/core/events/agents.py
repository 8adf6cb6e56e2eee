"""Agents, and the commands of their desktops."""

from datetime import datetime
from typing import Any, ClassVar

from router.core.events.base import Event


class AgentPresence(Event, frozen=True, kw_only=True):
    """An agent's presence has changed; `reason`: command, lease, missed_offers, activation.

    `presence_reason` is why the agent is in that state, `by` the supervisor who has set it.
    """

    TYPE: ClassVar[str] = "agent.presence"
    agent: str
    pool: str
    state: str
    reason: str
    presence_reason: str | None = None
    by: str | None = None
    at: datetime


class AgentOverdue(Event, frozen=True, kw_only=True):
    """An agent has been in a state, since `since`, for longer than its reason allows."""

    TYPE: ClassVar[str] = "agent.overdue"
    agent: str
    pool: str
    state: str
    presence_reason: str
    since: datetime
    due_at: datetime
    at: datetime


class AgentChanged(Event, frozen=True, kw_only=True):
    """What is set of an agent over the rulebook: all of it, in `changes`; empty: nothing any more.

    `by` is the supervisor; nobody where a new rulebook no longer allows what was set.
    """

    TYPE: ClassVar[str] = "agent.changed"
    agent: str
    pool: str
    by: str | None
    changes: dict[str, Any]
    at: datetime


class CommandAccepted(Event, frozen=True, kw_only=True):
    """A desktop's command has taken effect."""

    TYPE: ClassVar[str] = "command.accepted"
    command: str
    id: str
    agent: str
    ticket: str | None
    at: datetime


class CommandRejected(Event, frozen=True, kw_only=True):
    """A desktop's command has changed nothing; `reason` is one of `commands.Rejection`.

    `problem` says of a malformed one which field is wrong.
    """

    TYPE: ClassVar[str] = "command.rejected"
    command: str
    id: str
    agent: str
    ticket: str | None
    reason: str
    problem: str | None = None
    at: datetime
