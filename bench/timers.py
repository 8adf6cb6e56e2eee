"""Timers: armed, moved, cancelled, fired, against a heap and a sorted list in the same run."""

import heapq
import os
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sortedcontainers import SortedList

from bench.memory import resident_mib
from router.collector import resting_collector
from router.core.entities.entity import Entity
from router.core.state import Journal, Table, Timers

COUNT = int(os.environ.get("SWITCHBOARD_BENCH_TIMERS", "1000000"))
TARGET = 200_000
SPREAD = {"over a day": 86_400.0, "in one minute": 60.0}
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
END = NOON + timedelta(days=2)
NAME = "thing"

Due = tuple[str, str, datetime]


class Index(Protocol):
    """What is measured: it follows a table, and says what is due."""

    def watch(self, table: Table[Entity]) -> None:
        """Follow the `wake_at` of every entity."""
        ...

    def due(self, before: datetime) -> Due | None:
        """The earliest that is due before an instant."""
        ...


class Heap:
    """As it is mostly done: a heap, in which what was moved or cancelled is skipped later."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []

    def watch(self, table: Table[Entity]) -> None:
        """See `Index.watch`."""
        self._table = table
        table.watch(self._changed)

    def _changed(self, key: str, old: Entity | None, new: Entity | None) -> None:
        at = None if new is None else new.wake_at
        if at is not None and (old is None or old.wake_at != at):
            heapq.heappush(self._heap, (at, key))

    def due(self, before: datetime) -> Due | None:
        """See `Index.due`."""
        while self._heap:
            at, key = self._heap[0]
            entity = self._table.get(key)
            if entity is not None and entity.wake_at == at:
                return (NAME, key, at) if at < before else None
            heapq.heappop(self._heap)
        return None


class Sorted:
    """Exact: `sortedcontainers`, from which what was moved or cancelled is taken out."""

    def __init__(self) -> None:
        self._timers = SortedList()

    def watch(self, table: Table[Entity]) -> None:
        """See `Index.watch`."""
        table.watch(self._changed)

    def _changed(self, key: str, old: Entity | None, new: Entity | None) -> None:
        was = None if old is None else old.wake_at
        at = None if new is None else new.wake_at
        if was == at:
            return
        if was is not None:
            self._timers.remove((was, key))
        if at is not None:
            self._timers.add((at, key))

    def due(self, before: datetime) -> Due | None:
        """See `Index.due`."""
        if not self._timers:
            return None
        at, key = self._timers[0]
        return (NAME, key, at) if at < before else None


class Run:
    """One index over a table, through all that happens to timers."""

    def __init__(self, make: Callable[[], Index], seconds: float) -> None:
        dice = random.Random(7)  # noqa: S311 - no secret
        self.journal = Journal()
        self.table = Table(NAME, Entity, self.journal)
        self.index = make()
        self.index.watch(self.table)
        keys = [f"{number:032x}" for number in range(COUNT)]
        first, second = ([_entity(dice, seconds) for _ in keys] for _ in range(2))
        self.rates: dict[str, float] = {}
        with resting_collector():
            start = resident_mib()
            self._timed("armed", COUNT, lambda: self._put(zip(keys, first, strict=True)))
            self.armed_mib = resident_mib() - start
            self._timed("moved", COUNT, lambda: self._put(zip(keys, second, strict=True)))
            self.moved_mib = resident_mib() - start
            cancelled = keys[::4]
            self._timed("cancelled", len(cancelled), lambda: self._delete(cancelled))
            self._timed("fired", COUNT - len(cancelled), self._fire)
        assert not len(self.table)

    def _timed(self, what: str, count: int, work: Callable[[], None]) -> None:
        began = time.process_time()
        work()
        self.rates[what] = count / (time.process_time() - began)
        self.journal.committed()

    def _put(self, entities: Iterable[tuple[str, Entity]]) -> None:
        for number, (key, entity) in enumerate(entities):
            self.table.put(key, entity)
            self._commit(number)

    def _delete(self, keys: Iterable[str]) -> None:
        for number, key in enumerate(keys):
            self.table.delete(key)
            self._commit(number)

    def _fire(self) -> None:
        number = 0
        while (due := self.index.due(END)) is not None:
            self.table.delete(due[1])
            number += 1
            self._commit(number)

    def _commit(self, number: int) -> None:
        if number % 1_000 == 0:
            self.journal.committed()

    @property
    def overall(self) -> float:
        """Operations a second of all of it."""
        counts = {"armed": 1.0, "moved": 1.0, "cancelled": 0.25, "fired": 0.75}
        return 3 / sum(count / self.rates[what] for what, count in counts.items())

    def row(self, title: str) -> str:
        """What was found, with what it holds for each timer besides the entities."""
        rates = ", ".join(f"{what} {rate:,.0f}/s" for what, rate in self.rates.items())
        share = 1024**2 / COUNT
        return (
            f"{title}: {rates}; {self.armed_mib * share:.0f} bytes a timer when armed, "
            f"{self.moved_mib * share:.0f} after each was moved once"
        )


def _entity(dice: random.Random, seconds: float) -> Entity:
    return Entity(wake_at=NOON + timedelta(seconds=dice.random() * seconds))


def measure() -> list[str]:
    """The rows of the page."""
    rows = []
    for name, seconds in SPREAD.items():
        ours = Run(Timers, seconds)
        rows.append(ours.row(f"{COUNT:,} timers {name}, changes of their table included"))
        rows.append(f"{name}, all of it: {ours.overall:,.0f} operations/s (target {TARGET:,})")
        for title, make in (("a heap with lazy deletion", Heap), ("SortedList", Sorted)):
            theirs = Run(make, seconds)
            ratio = ours.overall / theirs.overall
            rows.append(theirs.row(f"{name}, {title}") + f"; ours is {ratio:.1f} times faster")
    return rows


def main() -> None:
    """Print the rows."""
    print(*measure(), sep="\n")


if __name__ == "__main__":
    main()
