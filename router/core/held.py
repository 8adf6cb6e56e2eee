"""Notices that wait, for their contacts are left in peace; an index over them by contact."""

from datetime import datetime

import msgspec

from router.core.state import Entity, Journal, Table


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


class Held:
    """The notices that wait, which of them are whose, and when who was last written to."""

    def __init__(self, journal: Journal) -> None:
        self.table = Table("notice", HeldNotice, journal)
        self.table.watch(self._changed)
        self.told = Table("contact", Told, journal)
        self._of: dict[str, set[str]] = {}

    def _changed(self, key: str, old: HeldNotice | None, new: HeldNotice | None) -> None:
        if old is not None:
            self._of[old.contact].discard(key)
        if new is not None:
            self._of.setdefault(new.contact, set()).add(key)

    def of(self, contact: str) -> list[tuple[str, HeldNotice]]:
        """The notices that wait for `contact`, in the order in which their alarms were raised."""
        rows = self.table.rows
        found = ((key, rows[key]) for key in self._of.get(contact, ()))
        return sorted(found, key=lambda one: (one[1].alarm.lapsed_at, one[0]))
