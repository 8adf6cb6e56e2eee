"""The recorder: what a step changes can be undone, stored, and indexed."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.state import Entity, Journal, Table, Timers

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
