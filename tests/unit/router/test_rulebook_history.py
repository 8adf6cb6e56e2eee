"""The rulebook's history, and the one activation that a word names."""

from datetime import UTC, datetime

import msgspec
import pytest

from channels.errors import Malformed, Unavailable
from router import records, rulebook_history
from router.core.events import RulebookActivated
from router.core.packing import unpacked
from router.log.memory import MemoryLog
from router.log.protocol import Message
from router.rulebook_history import Entry, before, find, history, in_force

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def log() -> MemoryLog:
    """A log to which nothing was ever written."""
    return MemoryLog(lambda: NOON)


def changed(message: Message, key: str | None = None, **fields: object) -> Message:
    """The message with other fields in its value; None takes one away."""
    data = msgspec.json.decode(message.value or b"") | fields
    kept = {name: value for name, value in data.items() if value is not None}
    return msgspec.structs.replace(message, key=key or message.key, value=msgspec.json.encode(kept))


async def test_the_history_is_in_order_and_the_last_is_in_force() -> None:
    """Also when the records are not."""
    memory = log()
    for number in (1, 3, 2):
        await memory.publish([records.activation({"a.yaml": f"{number}"}, number, NOON)])
    entries = await history(memory)
    assert [(one.activation, one.files["a.yaml"]) for one in entries] == [
        (1, "1"), (2, "2"), (3, "3"),
    ]  # fmt: skip
    assert (await in_force(memory)).activation == 3
    assert str(entries[0]) == f"activation 1 (version {entries[0].version})"


async def test_before_the_first_nothing_is_in_force() -> None:
    """Whoever asks is told what to do."""
    assert await history(log()) == []
    with pytest.raises(Unavailable, match="start `switchboard serve`"):
        await in_force(log())


async def test_of_two_records_with_one_number_the_first_counts() -> None:
    """The shards do so: what two programs publish at once must not differ between them and us."""
    memory = log()
    for text in ("first", "second"):
        await memory.publish([records.activation({"a.yaml": text}, 1, NOON)])
    (entry,) = await history(memory)
    assert entry.files == {"a.yaml": "first"}


async def test_what_an_older_program_has_written_is_read() -> None:
    """Its records had the key `current`, and said no more than number, version and files."""
    memory = log()
    new = records.activation({"a.yaml": "x"}, 4, NOON)
    old = changed(new, key="current", by=None, note=None, origin=None, rollback_of=None)
    await memory.publish([old])
    (entry,) = await history(memory)
    assert entry == Entry(4, entry.version, {"a.yaml": "x"}, NOON)
    assert (entry.by, entry.note, entry.origin, entry.rollback_of) == ("", "", "folder", None)


async def test_a_record_that_is_no_activation_is_passed_over() -> None:
    """The shards refuse it too; the others are still to be had."""
    memory = log()
    good = records.activation({"a.yaml": "x"}, 1, NOON)
    await memory.publish([changed(good, files=7), good])
    assert [one.activation for one in await history(memory)] == [1]


@pytest.fixture
def unpackings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The activations whose files were unpacked, in order."""
    found: list[int] = []

    def counted(event: RulebookActivated) -> dict[str, str]:
        found.append(event.activation)
        return unpacked(event)

    monkeypatch.setattr(rulebook_history, "unpacked", counted)
    return found


async def test_only_the_files_that_are_looked_at_are_unpacked(unpackings: list[int]) -> None:
    """A history may have hundreds of large versions; the newest is looked at: is it in force?"""
    memory = log()
    for number in (1, 2, 3, 4):
        await memory.publish([records.activation({"a.yaml": f"{number}"}, number, NOON)])
    entries = await history(memory)
    assert unpackings == [4]
    assert dict(entries[1].files) == dict(entries[1].files) == {"a.yaml": "2"}
    assert unpackings == [4, 2]


def broken(number: int, files: dict[str, str]) -> Message:
    """An activation whose packed files nobody can unpack."""
    return changed(records.activation(files, number, NOON), files={}, packed="eJxx")


async def test_what_cannot_be_unpacked_is_not_in_force() -> None:
    """The shards refuse it: the one before stays, and of two with one number the other counts."""
    memory = log()
    good = {"a.yaml": "x"}
    await memory.publish([records.activation(good, 1, NOON), broken(2, {"a.yaml": "y"})])
    await memory.publish([broken(3, {"a.yaml": "z"})])
    assert [one.activation for one in await history(memory)] == [1]
    await memory.publish([records.activation(good, 3, NOON)])
    entries = await history(memory)
    assert [one.activation for one in entries] == [1, 2, 3]
    assert entries[-1].files == good
    with pytest.raises(Malformed, match=r"^activation 2: packed: "):
        dict(entries[1].files)


async def test_the_number_of_routes_is_the_records() -> None:
    """Of an older program's record it is 0: nobody has counted."""
    memory = log()
    counted = records.activation({"a.yaml": "x"}, 2, NOON, routes=7)
    old = changed(records.activation({"a.yaml": "x"}, 1, NOON), routes=None)
    await memory.publish([old, counted])
    assert [one.routes for one in await history(memory)] == [0, 7]


def entry(activation: int, version: str) -> Entry:
    """An activation of that version."""
    return Entry(activation, version, {}, NOON)


ENTRIES = [
    entry(1, "aaaa00000000"),
    entry(2, "aaab00000000"),
    entry(3, "123400000000"),
    entry(4, "aaaa00000000"),
    entry(123456, "ffff00000000"),
    entry(123457, "123456000000"),
]


@pytest.mark.parametrize(
    ("wanted", "activation"),
    [
        ("1", 1),
        ("#1", 1),
        ("#123456", 123456),
        ("current", 123457),
        ("aaab", 2),
        ("AAAB", 2),
        ("aaab00000000", 2),
        ("aaaa", 4),  # in force twice: the newest
        ("12340", 3),
        ("123400000000", 3),
    ],
)
def test_a_version_is_named_by_its_beginning_or_its_number(wanted: str, activation: int) -> None:
    """A hash, at least 4 digits of it, `7`, or `#7`."""
    assert find(ENTRIES, wanted).activation == activation


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("9", r"no activation '9' in the log: there are #1 to #123457"),
        ("#9", r"no activation '#9' in the log: there are #1 to #123457"),
        ("aaac00000000", r"no version 'aaac00000000' in the log; did you mean 'aa"),
        ("eeee", r"no version 'eeee' in the log: `switchboard rulebook list` shows all"),
        ("1234", r"'1234' may be activation 3 \(version 123400000000\) or activation 123457 \("),
        ("123456", r"'123456' may be activation 123456 \(version ffff00000000\) or activation 12"),
        ("aaa", r"'aaa' names no version: expected one such as 123456000000, at least 4 digits"),
        ("", r"'' names no version"),
        ("latest", r"'latest' names no version"),
    ],
)
def test_what_names_none_or_several_is_refused(wanted: str, said: str) -> None:
    """With what there is."""
    with pytest.raises(Malformed, match=said):
        find(ENTRIES, wanted)


def test_where_nothing_was_ever_in_force_nothing_can_be_named() -> None:
    """And it is said so."""
    with pytest.raises(Malformed, match="no rulebook was ever in force here"):
        find([], "1")
    with pytest.raises(Malformed, match=r"there are #1$"):
        find(ENTRIES[:1], "2")


# -- what a rollback goes back to


def story(*words: str) -> list[Entry]:
    """A history: `a` activates version a, `a<1` is the rollback of activation 1 to it."""
    return [
        Entry(number, word[0], {}, NOON, rollback_of=int(word[2:]) if "<" in word else None)
        for number, word in enumerate(words, 1)
    ]


@pytest.mark.parametrize(
    ("words", "activation"),
    [
        (("a", "b"), 1),
        (("a", "b", "c"), 2),
        (("a", "b", "c", "b<2"), 1),  # not c, which was left
        (("a", "b", "a<1", "c"), 3),
        (("a", "b", "c", "d", "b<2", "e"), 5),
        (("a", "b", "c", "d", "c<3", "b<2"), 1),
        (("a", "b", "b"), 1),
        (("a", "b", "a"), 2),  # published again: no rollback
        (("a", "b<7"), 1),  # of what compaction of old records has taken
        (("a", "b<2"), 1),  # of itself: nobody writes this
    ],
)
def test_a_rollback_goes_back_and_never_to_what_a_rollback_has_left(
    words: tuple[str, ...], activation: int
) -> None:
    """Twice goes back twice."""
    assert before(story(*words)).activation == activation


@pytest.mark.parametrize("words", [(), ("a",), ("a", "b", "a<1"), ("a", "a")])
def test_where_there_is_nothing_before_it_is_said(words: tuple[str, ...]) -> None:
    """And that a version can be named."""
    with pytest.raises(Malformed, match="there is nothing to go back to"):
        before(story(*words))
