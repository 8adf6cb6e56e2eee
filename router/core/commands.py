"""What desktops ask of dispatch: commands in the imperative, each answered by an event."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

import msgspec

from rules.people import PresenceState

Name = Literal[
    "presence", "take", "accept", "decline", "reply", "note", "transfer", "pending", "resume",
    "step_done", "resolve", "reopen", "wrap_up", "agent_set",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. `id` makes it idempotent for 24 hours; its instant is when the log took it.

    `state` goes with presence (and `lease_seconds`, within which a live connection renews it),
    `offer` with accept and decline, `text` with reply and note, `queue` with transfer and take,
    `step` with step_done. A supervisor names another agent as `target` with presence, and with
    agent_set, whose `changes` are the agent's fields (null: as the rulebook has it).
    """

    id: str
    command: Name
    agent: str
    pool: str | None = None
    ticket: str | None = None
    offer: str | None = None
    state: PresenceState | None = None
    lease_seconds: float | None = None
    text: str | None = None
    subject: str | None = None
    queue: str | None = None
    step: str | None = None
    reason: str | None = None
    target: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


class Address(msgspec.Struct, frozen=True):
    """Who sent a command that is not understood.

    It has no ticket: that field may be the one that is wrong.
    """

    id: str
    agent: str
    command: str = ""
    ticket: ClassVar[str | None] = None


def fingerprint(command: Command) -> str:
    """A short hash of all that a command says."""
    return hashlib.sha256(msgspec.json.encode(command, order="sorted")).hexdigest()[:16]


class Rejection(StrEnum):
    """Why a command changed nothing."""

    UNKNOWN_AGENT = "unknown_agent"
    UNKNOWN_TICKET = "unknown_ticket"
    UNKNOWN_QUEUE = "unknown_queue"
    UNKNOWN_STEP = "unknown_step"
    UNKNOWN_REASON = "unknown_reason"
    UNKNOWN_STAGE = "unknown_stage"
    NOT_A_SUPERVISOR = "not_a_supervisor"
    NO_OFFER = "no_offer"
    OFFER_EXPIRED = "offer_expired"
    NOT_YOURS = "not_yours"
    WRONG_STATE = "wrong_state"
    NOT_ELIGIBLE = "not_eligible"
    NO_CAPACITY = "no_capacity"
    NOT_AVAILABLE = "not_available"
    NOTHING_WAITS = "nothing_waits"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    ID_REUSED = "id_reused"
    MALFORMED = "malformed"


class Rejected(Exception):
    """Carries the reason out of a handler; the step turns it into a `command.rejected`."""

    def __init__(self, reason: Rejection) -> None:
        super().__init__(reason.value)
        self.reason = reason
