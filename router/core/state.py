"""A shard's state: tables of frozen entities behind a recorder.

A step changes the state only by `put` and `delete`; each is written to one journal. The journal
undoes a step that raised (`rollback`) and yields what a commit has to store (`changes`). Indexes
(queues, timers, loads) are functions of the tables: they are told of every change, also of the
undone ones, and so are never restored on their own.
"""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec


class Entity(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a table holds: immutable, JSON when stored, and it may ask to be woken.

    It holds no cycle, so the garbage collector need not look at it (`gc`): there are millions.
    """

    wake_at: datetime | None = None


E = TypeVar("E", bound=Entity)

Watcher = Callable[[str, E | None, E | None], None]
"""Told of a change: key, the entity before, the entity after."""

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

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.rows)


class Timers:
    """The instants at which entities want to be woken: one live heap entry an entity.

    Entries that an entity has left behind by changing its `wake_at` are skipped when they come up.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str, str]] = []
        self._tables: dict[str, Table[Any]] = {}

    def watch(self, table: Table[Any]) -> None:
        """Follow the `wake_at` of every entity of `table`."""
        name = table.name
        self._tables[name] = table

        heap = self._heap

        def changed(key: str, old: Entity | None, new: Entity | None) -> None:
            at = None if new is None else new.wake_at
            if at is not None and (old is None or old.wake_at != at):
                heapq.heappush(heap, (at, name, key))

        table.watch(changed)

    def next_at(self) -> datetime | None:
        """The earliest instant at which something wants to be woken."""
        while self._heap:
            at, name, key = self._heap[0]
            entity = self._tables[name].get(key)
            if entity is not None and entity.wake_at == at:
                return at
            heapq.heappop(self._heap)
        return None

    def due(self, before: datetime) -> tuple[str, str, datetime] | None:
        """The earliest (table, key, instant) that is due strictly before `before`, or None.

        It stays due until its entity is changed: whoever handles it must move its `wake_at`.
        """
        at = self.next_at()
        if at is None or at >= before:
            return None
        _, name, key = self._heap[0]
        return name, key, at

    def postpone(self, until: datetime) -> None:
        """Put the earliest of what is due before `until` off to it: its handling raised."""
        due = self.due(until)
        if due is not None:
            name, key, _ = due
            table = self._tables[name]
            table.put(key, msgspec.structs.replace(table.rows[key], wake_at=until))
