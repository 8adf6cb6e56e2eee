"""How full queues are, for the conditions that ask: told to triage, at most every ten seconds.

Only the queues that a condition of the rulebook names are counted.
"""

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from router.core.entities.queue import Gauge
from router.core.entities.ticket import Ticket
from router.core.events import QueueStatistics
from router.core.state import Journal, Table
from router.topics import QUEUES_STATISTICS

if TYPE_CHECKING:
    from router.core.turn import Turn

EVERY = timedelta(seconds=10)
SPARE = 64
"""More instants than twice those of the tickets that wait, and these, are never kept of a queue."""


class Gauges:
    """The queues that are asked for: what waits in each, and what was told of it."""

    def __init__(self, journal: Journal) -> None:
        self.table = Table("gauge", Gauge, journal)
        self._waiting: dict[str, dict[str, datetime]] = {}
        self._ages: dict[str, list[tuple[datetime, str]]] = {}
        self._touched: set[str] = set()

    def ask(self, queues: Iterable[str], tickets: Iterable[Ticket]) -> None:
        """Count these queues from now on, beginning with these tickets."""
        self._touched.update(self.table)
        self._waiting = {queue: {} for queue in queues}
        self._ages = {queue: [] for queue in self._waiting}
        if self._waiting:
            for ticket in tickets:
                self.changed(ticket.id, None, ticket)

    def changed(self, key: str, old: Ticket | None, new: Ticket | None) -> None:
        """Follow one ticket's change."""
        if not self._waiting:
            return
        if old is not None and old.queue in self._waiting:
            self._waiting[old.queue].pop(key, None)
            self._touched.add(old.queue)
            self._forget(old.queue)
        if new is not None and new.waits and new.queue in self._waiting:
            self._waiting[new.queue][key] = new.enqueued_at
            heapq.heappush(self._ages[new.queue], (new.enqueued_at, key))
            self._touched.add(new.queue)
            self._forget(new.queue)

    def _forget(self, queue: str) -> None:
        """Forget the instants of tickets that are gone, before they are most of what is kept."""
        waiting = self._waiting[queue]
        if len(self._ages[queue]) > 2 * len(waiting) + SPARE:
            self._ages[queue] = [(at, key) for key, at in waiting.items()]
            heapq.heapify(self._ages[queue])

    def tell(self, turn: "Turn") -> None:
        """Tell what has changed; of a queue that was told of lately, when it is time again."""
        for queue in sorted(self._touched):
            known = self.table.get(queue) or Gauge()
            if self._now(queue) == (known.waiting, known.oldest):
                continue
            if known.told_at is None or known.told_at + EVERY <= turn.now:
                self._tell(turn, queue)
            elif known.wake_at is None:
                again = msgspec.structs.replace(known, wake_at=known.told_at + EVERY)
                self.table.put(queue, again)
        self._touched.clear()

    def due(self, turn: "Turn", queue: str) -> None:
        """It is time again: tell what differs from what was told."""
        known = self.table.rows[queue]
        if self._now(queue) == (known.waiting, known.oldest):
            self.table.put(queue, msgspec.structs.replace(known, wake_at=None))
        else:
            self._tell(turn, queue)

    def _tell(self, turn: "Turn", queue: str) -> None:
        waiting, oldest = self._now(queue)
        self.table.put(queue, Gauge(waiting=waiting, oldest=oldest, told_at=turn.now))
        data = QueueStatistics(queue=queue, waiting=waiting, oldest=oldest, at=turn.now)
        turn.out.add(QUEUES_STATISTICS, queue, data.TYPE, data)

    def _now(self, queue: str) -> tuple[int, datetime | None]:
        """How many tickets wait in the queue, and since when the oldest of them does."""
        waiting, ages = self._waiting.get(queue, {}), self._ages.get(queue, [])
        while ages and waiting.get(ages[0][1]) != ages[0][0]:
            heapq.heappop(ages)
        return len(waiting), ages[0][0] if ages else None
