"""A notice that waits, for its contact is left in peace."""

from datetime import datetime

import msgspec

from router.core.entities.entity import Entity


class Alarm(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What a notice says: a warning (`level` 0, with its `share`), or a level of the ladder.

    `id` is the identity of the warning or escalation. The ticket's own fields are as they were.
    """

    id: str
    ticket: str
    pool: str
    queue: str
    target: str
    cycle: int
    level: int = 0
    share: float | None = None
    due_at: datetime | None
    lapsed_at: datetime
    subject: str | None = None
    agent: str | None = None
    priority: int = 0
    tier: str | None = None
    type: str | None = None
    sla: str | None = None


class HeldNotice(Entity, frozen=True, kw_only=True):
    """A notice to `contact` that waits until `wake_at`; of each clock the latest one does."""

    contact: str
    alarm: Alarm


class Told(Entity, frozen=True, kw_only=True):
    """When a contact was last written to."""

    at: datetime
