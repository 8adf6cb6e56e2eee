"""The recorder: what a step changes can be undone, stored, and indexed."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from router.core.entities.entity import Entity
from router.core.state import SPARE, Journal, Table, Timers

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


class Thing(Entity, frozen=True, kw_only=True):
    """Something to be stored."""

    size: int


class Sum:
    """An index: the sum of all sizes."""

    def __init__(self) -> None:
        self.total = 0

    def changed(self, _: str, old: Thing | None, new: Thing | None) -> None:
        """Follow one change."""
        self.total += (new.size if new else 0) - (old.size if old else 0)


@pytest.fixture
def journal() -> Journal:
    """A fresh journal."""
    return Journal()


@pytest.fixture
def things(journal: Journal) -> Table[Thing]:
    """A table in it."""
    return Table("thing", Thing, journal)


def test_changes_are_the_final_values_of_what_was_touched(
    journal: Journal, things: Table[Thing]
) -> None:
    """Each key once, None for what is gone."""
    things.put("a", Thing(size=1))
    things.put("a", Thing(size=2))
    things.put("b", Thing(size=3))
    things.delete("b")
    assert journal.changes() == {"thing:a": b'{"size":2}', "thing:b": None}
    journal.committed()
    assert journal.changes() == {}


def test_putting_the_same_entity_or_deleting_nothing_is_no_change(
    journal: Journal, things: Table[Thing]
) -> None:
    """A commit without changes stores nothing."""
    thing = things.put("a", Thing(size=1))
    journal.committed()
    things.put("a", thing)
    things.delete("b")
    assert journal.changes() == {}


def test_what_was_stored_is_loaded_again(journal: Journal, things: Table[Thing]) -> None:
    """A restore yields the same entities, and is no change; keys may contain colons."""
    things.put("a:b", Thing(size=1, wake_at=NOON))
    stored = journal.changes()
    other = Journal()
    restored = Table("thing", Thing, other)
    for key, data in stored.items():
        assert data is not None
        other.load(key, data)
    assert restored.rows == things.rows
    assert other.changes() == {}
    assert len(restored) == 1
    assert list(restored) == ["a:b"]


_actions = st.lists(
    st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 9))), max_size=20
)


@given(before=_actions, after=_actions)
def test_a_rollback_restores_rows_and_indexes(
    before: list[tuple[str, int | None]], after: list[tuple[str, int | None]]
) -> None:
    """Whatever a step did, undoing it leaves no trace."""
    journal = Journal()
    things, index = Table("thing", Thing, journal), Sum()
    things.watch(index.changed)

    def act(actions: list[tuple[str, int | None]]) -> None:
        for key, size in actions:
            if size is None:
                things.delete(key)
            else:
                things.put(key, Thing(size=size))

    act(before)
    rows, total, mark = dict(things.rows), index.total, journal.mark()
    changes = journal.changes()
    act(after)
    journal.rollback(mark)
    assert things.rows == rows
    assert index.total == total == sum(thing.size for thing in rows.values())
    assert journal.changes() == changes


def test_timers_wake_the_earliest_strictly_before(things: Table[Thing]) -> None:
    """Nothing is due at its own instant, only after it."""
    timers = Timers()
    timers.watch(things)
    things.put("late", Thing(size=1, wake_at=NOON + timedelta(hours=1)))
    things.put("soon", Thing(size=1, wake_at=NOON))
    assert timers.next_at() == NOON
    assert timers.due(NOON) is None
    assert timers.due(NOON + timedelta(microseconds=1)) == ("thing", "soon", NOON)


def test_a_timer_that_was_moved_or_removed_does_not_fire(things: Table[Thing]) -> None:
    """Only the entity's present wish counts."""
    timers = Timers()
    timers.watch(things)
    thing = things.put("a", Thing(size=1, wake_at=NOON))
    things.put("a", msgspec.structs.replace(thing, wake_at=NOON + timedelta(hours=2)))
    things.put("b", Thing(size=1, wake_at=NOON))
    things.delete("b")
    assert timers.next_at() == NOON + timedelta(hours=2)
    things.delete("a")
    assert timers.next_at() is None


def test_timers_that_are_moved_again_and_again_leave_nothing_behind(
    journal: Journal, things: Table[Thing]
) -> None:
    """A timer is kept in one place; where it was, at most `SPARE` entries of a minute remain."""
    timers = Timers()
    timers.watch(things)
    things.put("a", Thing(size=0, wake_at=NOON))
    for size in range(1_000):
        moved = NOON + timedelta(seconds=size % 50)
        things.put("a", Thing(size=size, wake_at=moved))
        assert timers.next_at() == moved
    things.put("a", Thing(size=0, wake_at=NOON + timedelta(days=1)))
    journal.committed()
    (minute,) = [one for one in timers._minutes.values() if any(one.keys.values())]
    assert minute.keys == {"thing": {"a"}}
    assert sum(len(one.heap or ()) for one in timers._minutes.values()) <= SPARE + 2
    assert timers.next_at() == NOON + timedelta(days=1)
    assert len(timers._minutes) == 1, "a minute without timers is forgotten when it is the earliest"


_NAMES = st.sampled_from(["one", "two"])
_KEYS = st.sampled_from("abcd")
_INSTANTS = st.none() | st.sampled_from(
    [NOON + timedelta(seconds=seconds) for seconds in (-90_000, 0, 0.25, 1, 59.5, 60, 61, 3600)]
)


class TimersMachine(RuleBasedStateMachine):
    """The model: the `wake_at` of every entity, looked through one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.journal = Journal()
        self.tables = {name: Table(name, Thing, self.journal) for name in ("two", "one")}
        self.timers = Timers()
        for table in self.tables.values():
            self.timers.watch(table)
        self.marked: tuple[int, dict[tuple[str, str], datetime]] | None = None

    def wishes(self) -> dict[tuple[str, str], datetime]:
        """Who wants to be woken when."""
        return {
            (name, key): thing.wake_at
            for name, table in self.tables.items()
            for key, thing in table.rows.items()
            if thing.wake_at is not None
        }

    def earliest(self) -> tuple[datetime, str, str] | None:
        """The first of them."""
        return min(((at, name, key) for (name, key), at in self.wishes().items()), default=None)

    @rule(name=_NAMES, key=_KEYS, at=_INSTANTS, size=st.integers(0, 1))
    def put(self, name: str, key: str, at: datetime | None, size: int) -> None:
        """Arm, move, or cancel; or change something else."""
        self.tables[name].put(key, Thing(size=size, wake_at=at))

    @rule(name=_NAMES, key=_KEYS)
    def delete(self, name: str, key: str) -> None:
        """The entity is gone, and its timer with it."""
        self.tables[name].delete(key)

    @rule(name=_NAMES, key=_KEYS, at=_INSTANTS)
    def load(self, name: str, key: str, at: datetime | None) -> None:
        """The entity is read from what is stored; that is before any step."""
        self.journal.committed()
        self.marked = None
        self.tables[name].load(key, msgspec.json.encode(Thing(size=2, wake_at=at)))

    @rule()
    def mark(self) -> None:
        """A step begins."""
        self.marked = self.journal.mark(), self.wishes()

    @precondition(lambda self: self.marked is not None)
    @rule()
    def rollback(self) -> None:
        """The step raised: every timer is as it was."""
        assert self.marked is not None
        mark, wishes = self.marked
        self.journal.rollback(mark)
        self.marked = None
        assert self.wishes() == wishes

    @rule(before=_INSTANTS.filter(bool))
    def fire(self, before: datetime) -> None:
        """Everything due before an instant comes once, in order, and nothing early."""
        expected = sorted(
            (at, name, key) for (name, key), at in self.wishes().items() if at < before
        )
        fired = []
        while (due := self.timers.due(before)) is not None:
            name, key, at = due
            fired.append((at, name, key))
            self.tables[name].put(key, Thing(size=3))
        assert fired == expected

    @rule(until=_INSTANTS.filter(bool))
    def postpone(self, until: datetime) -> None:
        """The earliest of what is due is put off, and no other."""
        expected, first = self.wishes(), self.earliest()
        if first is not None and first[0] < until:
            expected[first[1], first[2]] = until
        self.timers.postpone(until)
        assert self.wishes() == expected

    @invariant()
    def equals_the_model(self) -> None:
        """The earliest is the earliest, by instant, table and key."""
        first = self.earliest()
        assert self.timers.next_at() == (None if first is None else first[0])
        due = self.timers.due(NOON + timedelta(days=1))
        assert due == (None if first is None else (first[1], first[2], first[0]))

    @invariant()
    def keeps_each_in_one_place(self) -> None:
        """As many places as timers, whatever was moved or undone."""
        kept = [
            (name, key)
            for minute in self.timers._minutes.values()
            for name, keys in minute.keys.items()
            for key in keys
        ]
        assert sorted(kept) == sorted(self.wishes())


TestTimersEqualANaiveModel = TimersMachine.TestCase
