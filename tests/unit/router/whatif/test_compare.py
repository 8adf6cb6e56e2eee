"""Two runs' fates side by side, by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.defaults import fill
from channels.request import CustomerRequest
from router.whatif.compare import Change, decisions, place, shown
from router.whatif.fates import Fate

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def request(name: str, text: str = "") -> CustomerRequest:
    """A request."""
    return fill({"id": name, "external_id": name, "text": text}, at=NOON)


def ticket(queue: str, **fields: Any) -> Fate:
    """A ticket in that queue."""
    return Fate(kind="ticket", queue=queue, **fields)


FILED = Fate(kind="filed", reason="spam", rule="junk")
JOINED = Fate(kind="joined", ticket="t")


def test_what_moves_is_counted_from_and_to() -> None:
    """Between queues, to the file, into an open ticket; a request that is nowhere was lost."""
    old = {"a": ticket("q"), "b": ticket("q"), "c": ticket("q"), "d": JOINED, "e": FILED}
    new = {"a": ticket("p"), "b": ticket("p"), "c": FILED, "d": ticket("p"), "e": FILED}
    found = decisions([request(one) for one in "abcdef"], old, new | {"f": ticket("q")}, 0)
    assert found.moved == [
        Change("q", "p", 2),
        Change("(joined)", "p", 1),
        Change("(lost)", "q", 1),
        Change("q", "(filed: spam)", 1),
    ]
    assert (found.requests, found.changed) == (6, 5)


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ({"priority": 1}, {"priority": 2}, {"priority": [Change("1", "2", 1)]}),
        ({"sla": "a"}, {}, {"sla": [Change("a", "-", 1)]}),
        ({"type": "a"}, {"type": "b"}, {"type": [Change("a", "b", 1)]}),
        ({"skills": {"zh": 1}}, {"skills": {"zh": 2}}, {"skills": [Change("zh 1", "zh 2", 1)]}),
        ({"skills": {"b": 1, "a": 1}}, {"skills": {"a": 1, "b": 1}}, {}),
        ({"tags": ("a", "b")}, {"tags": ("b", "a")}, {}),
        ({"ack": "a"}, {"ack": "b"}, {"ack": [Change("a", "b", 1)]}),
        (
            {"ack": "a"},
            {"ack": "a", "withheld": "budget"},
            {"ack": [Change("a", "a (withheld: budget)", 1)]},
        ),
        ({"rule": "a", "words": ("x",)}, {"rule": "b", "words": ()}, {}),
    ],
)
def test_fields_are_compared_by_what_they_say(
    old: dict[str, Any], new: dict[str, Any], fields: dict[str, list[Change]]
) -> None:
    """Not by the order of what has none; the rule that decided is no field."""
    found = decisions([request("a")], {"a": ticket("q", **old)}, {"a": ticket("q", **new)}, 9)
    assert found.fields == fields
    assert found.changed == bool(fields)
    assert len(found.examples) == bool(fields)
    assert found.rules == ([Change("a", "b", 1)] if "rule" in old else [])


def test_examples_take_turns() -> None:
    """The most frequent move first, then the next, then changes that move nothing, then anew."""
    old = {name: ticket("q", priority=1) for name in "abcdef"}
    new = dict.fromkeys("abc", ticket("p", priority=1)) | {
        "d": ticket("r", priority=1),
        "e": ticket("q", priority=2),
        "f": ticket("q", priority=1),
    }
    found = decisions([request(one) for one in "abcdef"], old, new, 4)
    assert [one.request for one in found.examples] == ["a", "d", "e", "b"]


def test_an_example_shows_how_the_text_begins() -> None:
    """A hundred characters, in one line."""
    found = decisions([request("a", "x \n" * 100)], {"a": ticket("q")}, {"a": ticket("p")}, 1)
    assert found.examples[0].said == "x " * 49 + "x…"


def test_places_and_fields_in_words() -> None:
    """Brackets are no queue; nothing is a dash."""
    assert [place(one) for one in (ticket("q"), FILED, JOINED)] == [
        "q",
        "(filed: spam)",
        "(joined)",
    ]
    assert shown(ticket("q"), "sla") == shown(ticket("q"), "skills") == "-"
