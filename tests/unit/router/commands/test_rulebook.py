"""How `rulebook list` comes to the number of routes, and how errors come to a program."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from router.commands import rulebook
from router.rulebook_history import Entry

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"


class Shut(Mapping[str, str]):
    """Files that nobody may look at."""

    def __getitem__(self, name: str) -> str:
        raise AssertionError(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("they were looked at")

    def __len__(self) -> int:
        raise AssertionError("they were looked at")


def test_what_was_counted_when_it_came_into_force_is_not_read_again() -> None:
    """Only what an older program has put in force is; what cannot be read has no number."""
    entries = [
        Entry(1, "old", {"a.yaml": RULES}, NOON),
        Entry(2, "wrong", {"a.yaml": RULES.replace("queue: q}", "queue: x}")}, NOON),
        Entry(3, "counted", Shut(), NOON, routes=10_000),
        Entry(4, "same", Shut(), NOON, routes=7),
        Entry(5, "same", Shut(), NOON),
    ]
    assert rulebook._routes(entries) == {"old": 1, "wrong": None, "counted": 10_000, "same": 7}
