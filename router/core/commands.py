"""What desktops ask of dispatch: commands in the imperative, each answered by an event."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

import msgspec

from rules.people import PresenceState

Name = Literal[
    "presence", "take", "accept", "decline", "reply", "note", "transfer", "pending", "resume",
    "step_done", "resolve", "reopen", "wrap_up", "agent_set", "assign", "merge", "split", "update",
    "hold", "consult", "escalation_acknowledge", "flag_decision", "follow_up", "follow_up_cancel",
    "order", "order_update",
]  # fmt: skip

OrderState = Literal["accepted", "arrived", "done", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command. `id` makes it idempotent for 24 hours; its instant is when the log took it.

    `state` goes with presence (and `lease_seconds`, within which a live connection renews it),
    `offer` with accept and decline, `text` with reply and note, `queue` with transfer and take,
    `step` with step_done. `to` is the agent to whom assign gives the ticket (`force`: beyond
    their limits) or whom consult asks, `into` the ticket that merge keeps, `until` when what is
    pending or held goes on by itself. `target` is the clock of escalation_acknowledge, and the
    other agent whose presence, or whose fields (agent_set: `changes`), a supervisor sets. A
    transfer of many has `tickets`, or `from_queue` with `type` and `tags` to choose among those
    that wait there. update has what is to change.

    A follow_up comes at `due_at` or `after` a duration (`3d`), `kind` says what it is, `phone` whom
    to call, `prefer` whether the same agent should get it; follow_up_cancel takes its number
    (`follow_up`). An order is for a `worker` at an `address`, `appointment` an instant or free
    words; order_update takes its number (`order`) and `state`. docs/commands.md has all of it.
    """

    id: str
    command: Name
    agent: str
    pool: str | None = None
    ticket: str | None = None
    offer: str | None = None
    state: PresenceState | OrderState | None = None
    lease_seconds: float | None = None
    text: str | None = None
    subject: str | None = None
    queue: str | None = None
    step: str | None = None
    to: str | None = None
    force: bool = False
    into: str | None = None
    tickets: tuple[str, ...] = ()
    from_queue: str | None = None
    until: datetime | None = None
    target: str | None = None
    priority: int | None = None
    type: str | None = None
    tier: str | None = None
    sla: str | None = None
    tags: tuple[str, ...] | None = None
    skills: dict[str, int] | None = None
    language: str | None = None
    reason: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    kind: Literal["callback", "revisit"] | None = None
    due_at: datetime | None = None
    after: str | None = None
    prefer: Literal["same", "anyone"] | None = None
    phone: str | None = None
    follow_up: int | None = None
    worker: str | None = None
    address: str | None = None
    appointment: str | None = None
    order: int | None = None


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
    UNKNOWN_CALENDAR = "unknown_calendar"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_TIER = "unknown_tier"
    UNKNOWN_SLA = "unknown_sla"
    UNKNOWN_TARGET = "unknown_target"
    UNFINISHED = "unfinished"
    NO_OFFER = "no_offer"
    OFFER_EXPIRED = "offer_expired"
    NOT_YOURS = "not_yours"
    NOT_ALLOWED = "not_allowed"
    OTHER_POOL = "other_pool"
    OTHER_CUSTOMER = "other_customer"
    MERGED = "merged"
    NOTHING_LAPSED = "nothing_lapsed"
    TOO_MANY = "too_many"
    WRONG_STATE = "wrong_state"
    NOT_ELIGIBLE = "not_eligible"
    NO_CAPACITY = "no_capacity"
    NOT_AVAILABLE = "not_available"
    NOTHING_WAITS = "nothing_waits"
    FIELD_MISSING = "field_missing"
    FIELD_INVALID = "field_invalid"
    IN_THE_PAST = "in_the_past"
    TOO_FAR_AHEAD = "too_far_ahead"
    NO_PHONE = "no_phone"
    UNKNOWN_FOLLOW_UP = "unknown_follow_up"
    TOO_MANY_FOLLOW_UPS = "too_many_follow_ups"
    UNKNOWN_WORKER = "unknown_worker"
    UNKNOWN_ORDER = "unknown_order"
    TOO_MANY_ORDERS = "too_many_orders"
    ID_REUSED = "id_reused"
    MALFORMED = "malformed"


class Rejected(Exception):
    """Carries the reason out of a handler; the step turns it into a `command.rejected`."""

    def __init__(self, reason: Rejection) -> None:
        super().__init__(reason.value)
        self.reason = reason
