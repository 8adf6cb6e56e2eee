"""An agent as dispatch remembers them, and whom a customer knows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from router.core.entities.entity import Entity

NEVER = datetime.min.replace(tzinfo=UTC)


class AgentState(Entity, frozen=True, kw_only=True):
    """What dispatch knows of an agent besides the rulebook.

    With a `lease`, presence holds until `lease_until` unless renewed. `idle_since` is when the
    agent last got or ended work: the longest idle is asked first. `missed` counts the offers that
    lapsed one after another; `asked_at` is when a queue that asks in turn last did;
    `reason` is why they are in their presence, overdue at `overdue_at`.

    What holds only for a time is a field too, with the instant at which a timer changes it, so
    that fitness is a function of the state alone: `off_shift` until `shift_at`; at most `room` in
    hands until `ramp_at`; a reserve that `lends` from `lend_at` on; `hard` tickets in a row, of
    which the agent `rests` until `rest_at`; nothing at all until `pause_until`.

    `overlay` is what a supervisor has set over the rulebook's fields.
    """

    id: str
    presence: str = "offline"
    since: datetime
    idle_since: datetime
    lease: timedelta | None = None
    lease_until: datetime | None = None
    missed: int = 0
    asked_at: datetime = NEVER
    reason: str | None = None
    overdue_at: datetime | None = None
    off_shift: bool = False
    shift_at: datetime | None = None
    room: int | None = None
    ramp_at: datetime | None = None
    lends: bool = False
    lend_at: datetime | None = None
    hard: int = 0
    rests: bool = False
    rest_at: datetime | None = None
    pause_until: datetime | None = None
    overlay: dict[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """A lease that an older program has stored ends when that wanted to be woken."""
        if self.lease is not None and self.lease_until is None:
            msgspec.structs.force_setattr(self, "lease_until", self.wake_at)

    def next_wake(self) -> datetime | None:
        """The earliest instant at which something about this agent is due."""
        wake = self.lease_until
        for at in (
            self.overdue_at, self.shift_at, self.ramp_at, self.lend_at, self.rest_at,
            self.pause_until,
        ):  # fmt: skip
            if at is not None and (wake is None or at < wake):
                wake = at
        return wake


class Acquaintance(Entity, frozen=True, kw_only=True):
    """The agent whom a customer knows, since the last ticket; forgotten at `wake_at`."""

    agent: str
    since: datetime
