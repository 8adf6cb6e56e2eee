"""A shard's state: tables of frozen entities behind a recorder.

A step changes the state only by `put` and `delete`; each is written to one journal. The journal
undoes a step that raised (`rollback`) and yields what a commit has to store (`changes`). Indexes
(queues, timers, loads) are functions of the tables: they are told of every change, also of the
undone ones, and so are never restored on their own.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from router.core.entities.entity import Entity

E = TypeVar("E", bound=Entity)

Watcher = Callable[[str, E | None, E | None], None]
"""Told of a change: key, the entity before, the entity after."""

_Due = tuple[datetime, str, str]
"""An instant, and the table and key of the entity that is woken at it."""

SPARE = 64
"""So many entries of a minute's heap may be of timers that were moved, beside half of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_encode = msgspec.json.Encoder().encode


class _Rows(Protocol):
    name: str

    def restore(self, key: str, old: Any) -> None: ...

    def load(self, key: str, data: bytes) -> None: ...

    def stored(self, key: str) -> bytes | None: ...


class Journal:
    """Every change since the last commit, in order, with what was there before."""

    def __init__(self) -> None:
        self._entries: list[tuple[_Rows, str, Any]] = []
        self._tables: dict[str, _Rows] = {}

    def register(self, table: _Rows) -> None:
        """Make `table` known by its name, under which its entities are stored."""
        self._tables[table.name] = table

    def note(self, table: _Rows, key: str, old: Entity | None) -> None:
        """Write down that `key` of `table` was `old` until now."""
        self._entries.append((table, key, old))

    def mark(self) -> int:
        """A point to which `rollback` returns."""
        return len(self._entries)

    def rollback(self, mark: int = 0) -> None:
        """Undo every change since `mark`."""
        while len(self._entries) > mark:
            table, key, old = self._entries.pop()
            table.restore(key, old)

    def changes(self) -> dict[str, bytes | None]:
        """What a commit has to store: `table:key` to the entity's JSON, None when deleted."""
        touched = {(table.name, key): table for table, key, _ in self._entries}
        return {f"{name}:{key}": table.stored(key) for (name, key), table in touched.items()}

    def committed(self) -> None:
        """The changes are stored: forget them."""
        self._entries.clear()

    def load(self, state_key: str, data: bytes) -> None:
        """Take one stored entity back, when a shard is restored."""
        name, _, key = state_key.partition(":")
        self._tables[name].load(key, data)


class Table(Generic[E]):
    """The entities of one kind by key."""

    __slots__ = ("_decoder", "_journal", "_modernized", "_watchers", "name", "rows")

    def __init__(
        self,
        name: str,
        entity: type[E],
        journal: Journal,
        modernized: Callable[[E], E] | None = None,
    ) -> None:
        """`modernized` makes of what an older version stored what this one would have."""
        self.name = name
        self._modernized = modernized
        self.rows: dict[str, E] = {}
        self._journal = journal
        self._watchers: list[Watcher[E]] = []
        self._decoder = msgspec.json.Decoder(entity)
        journal.register(self)

    def watch(self, watcher: Watcher[E]) -> None:
        """Have `watcher` told of every change from now on."""
        self._watchers.append(watcher)

    def get(self, key: str) -> E | None:
        """The entity under `key`, or None."""
        return self.rows.get(key)

    def put(self, key: str, entity: E) -> E:
        """Store `entity` under `key`; returns it."""
        old = self.rows.get(key)
        if old is not entity:
            self._journal.note(self, key, old)
            self._set(key, old, entity)
        return entity

    def delete(self, key: str) -> None:
        """Remove what is under `key`, if anything is."""
        old = self.rows.get(key)
        if old is not None:
            self._journal.note(self, key, old)
            self._set(key, old, None)

    def restore(self, key: str, old: E | None) -> None:
        """Undo: `key` is `old` again."""
        self._set(key, self.rows.get(key), old)

    def load(self, key: str, data: bytes) -> None:
        """Take a stored entity in; it is not a change."""
        entity = self._decoder.decode(data)
        if self._modernized is not None:
            entity = self._modernized(entity)
        self._set(key, self.rows.get(key), entity)

    def stored(self, key: str) -> bytes | None:
        """The entity's JSON, None when there is none."""
        entity = self.rows.get(key)
        return None if entity is None else _encode(entity)

    def _set(self, key: str, old: E | None, new: E | None) -> None:
        if new is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = new
        for watcher in self._watchers:
            watcher(key, old, new)

    def sorted(self) -> list[E]:
        """All entities by their keys: in the same order, whatever order they were restored in."""
        return [self.rows[key] for key in sorted(self.rows)]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)


def _minute(at: datetime) -> int:
    """The number of the minute in which `at` is."""
    since = at - _EPOCH
    return since.days * 1440 + since.seconds // 60


class _Minute:
    """The timers of one minute: keys by table; a heap too, once the minute is the earliest."""

    __slots__ = ("heap", "keys")

    def __init__(self) -> None:
        self.keys: dict[str, set[str]] = {}
        self.heap: list[_Due] | None = None

    def arm(self, at: datetime, name: str, key: str) -> None:
        """The entity wants to be woken at `at`, which is in this minute."""
        self.keys.setdefault(name, set()).add(key)
        if self.heap is not None:
            heapq.heappush(self.heap, (at, name, key))
            if len(self.heap) > 2 * sum(map(len, self.keys.values())) + SPARE:
                self.heap = None  # mostly of what was moved away: to be made anew

    def cancel(self, name: str, key: str) -> None:
        """The entity no longer wants to be woken in this minute."""
        self.keys[name].discard(key)

    def first(self, tables: Mapping[str, Table[Any]]) -> _Due | None:
        """The earliest of them, None when there is none left."""
        if not any(self.keys.values()):
            return None
        if self.heap is None:
            self.heap = [
                (tables[name].rows[key].wake_at, name, key)
                for name, keys in self.keys.items()
                for key in keys
            ]
            heapq.heapify(self.heap)
        while True:
            at, name, key = first = self.heap[0]
            entity = tables[name].get(key)
            if entity is not None and entity.wake_at == at:
                return first
            heapq.heappop(self.heap)


class Timers:
    """The instants at which entities want to be woken, each in one place: its minute.

    Arming, moving and cancelling a timer is a set's work, however many there are; only the timers
    of the earliest minute are put in order.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, _Minute] = {}
        self._order: list[int] = []
        self._tables: dict[str, Table[Any]] = {}

    def watch(self, table: Table[Any]) -> None:
        """Follow the `wake_at` of every entity of `table`."""
        name = table.name
        self._tables[name] = table
        minutes = self._minutes

        def changed(key: str, old: Entity | None, new: Entity | None) -> None:
            was = None if old is None else old.wake_at
            at = None if new is None else new.wake_at
            if was == at:
                return
            if was is not None:
                minutes[_minute(was)].cancel(name, key)
            if at is not None:
                number = _minute(at)
                minute = minutes.get(number)
                if minute is None:
                    minute = minutes[number] = _Minute()
                    heapq.heappush(self._order, number)
                minute.arm(at, name, key)

        table.watch(changed)

    def next_at(self) -> datetime | None:
        """The earliest instant at which something wants to be woken."""
        first = self._first()
        return None if first is None else first[0]

    def _first(self) -> _Due | None:
        while self._order:
            first = self._minutes[self._order[0]].first(self._tables)
            if first is not None:
                return first
            del self._minutes[heapq.heappop(self._order)]
        return None

    def due(self, before: datetime) -> tuple[str, str, datetime] | None:
        """The earliest (table, key, instant) that is due strictly before `before`, or None.

        It stays due until its entity is changed: whoever handles it must move its `wake_at`.
        """
        first = self._first()
        if first is None or first[0] >= before:
            return None
        at, name, key = first
        return name, key, at

    def postpone(self, until: datetime) -> None:
        """Put the earliest of what is due before `until` off to it: its handling raised."""
        due = self.due(until)
        if due is not None:
            name, key, _ = due
            table = self._tables[name]
            table.put(key, msgspec.structs.replace(table.rows[key], wake_at=until))
