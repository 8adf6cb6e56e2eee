"""Notices that wait, for their contacts are left in peace; an index over them by contact."""

from router.core.entities.notice import HeldNotice, Told
from router.core.state import Journal, Table


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
