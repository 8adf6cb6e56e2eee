"""Since when a route is in force as it is."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from router import records
from router.log.memory import MemoryLog
from router.rule_stats.standing import standing
from router.rulebook_history import Entry
from router.rulebook_history import history as all_of
from rules.load import load, version

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
HEAD = "pools: {p: {queues: [q, r]}}\nqueues: {q: {}, r: {}}\nroutes:\n"
OLD = "  - {id: old, when: {text: {keywords: old}}, then: {queue: q}}\n"
NEW = "  - {id: new, when: {text: {keywords: new}}, then: {queue: q}}\n"
CHANGED = OLD.replace("queue: q", "queue: r")
DEFAULT = "  - {id: default, then: {queue: q}}\n"
BROKEN = HEAD + OLD


def history(*texts: str) -> list[Entry]:
    """An activation an hour."""
    files = [{"a.yaml": text} for text in texts]
    return [
        Entry(number, version(one), one, NOON + timedelta(hours=number))
        for number, one in enumerate(files, 1)
    ]


PLAIN = HEAD + OLD + DEFAULT


@pytest.mark.parametrize(
    ("texts", "old", "new"),
    [
        ((PLAIN,), 1, None),
        ((PLAIN, HEAD + OLD + NEW + DEFAULT), 1, 2),
        ((PLAIN, HEAD + CHANGED + DEFAULT, HEAD + CHANGED + NEW + DEFAULT), 2, 3),
        ((PLAIN, HEAD + CHANGED + DEFAULT, PLAIN), 3, None),
        ((PLAIN, BROKEN, HEAD + NEW + OLD + DEFAULT), 3, 3),
    ],
)
def test_since_the_activation_from_which_on_it_is_the_same(
    texts: tuple[str, ...], old: int, new: int | None
) -> None:
    """A change begins it anew, another place does not; what cannot be read interrupts it."""
    entries = history(*texts)
    found = standing(entries, load(entries[-1].files).routes, {})
    numbers = {name: one.since - NOON for name, one in found.items()}
    assert numbers["old"] == timedelta(hours=old)
    assert numbers.get("new") == (None if new is None else timedelta(hours=new))


def test_decisions_with_it() -> None:
    """Those of all versions that have it as it is, also from before it was away; others unknown."""
    changed = HEAD + CHANGED + DEFAULT
    entries = history(PLAIN, changed, PLAIN + "lists: {}\n")
    made = {entries[0].version: 5, entries[1].version: 7, entries[2].version: 11, "gone": 13}
    found = standing(entries, load(entries[-1].files).routes, made)
    assert {name: one.decisions for name, one in found.items()} == {"old": 16, "default": 23}


async def test_files_that_cannot_be_unpacked_have_no_routes() -> None:
    """Such a version interrupts as one that cannot be read."""
    log = MemoryLog(lambda: NOON)
    texts = (PLAIN, PLAIN + "# 2\n", PLAIN + "# 3\n")
    for number, text in enumerate(texts, 1):
        message = records.activation({"a.yaml": text}, number, NOON + timedelta(hours=number))
        if number == 2:
            data = msgspec.json.decode(message.value or b"") | {"files": {}, "packed": "eJxx"}
            message = msgspec.structs.replace(message, value=msgspec.json.encode(data))
        await log.publish([message])
    entries = await all_of(log)
    found = standing(entries, load(entries[-1].files).routes, {})
    assert {one.since for one in found.values()} == {NOON + timedelta(hours=3)}
