"""What is decided about a request by itself, and which requests are kept to measure with."""

from datetime import UTC, datetime
from typing import Any

import pytest

from channels.defaults import fill
from router.core.events import CustomerChanged
from router.rule_stats.sources import Desk, Sample
from rules.index import compile_rulebook

NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
BOOK = """
pools: {p: {queues: [q]}}
queues: {q: {}}
tiers: {vip: {}, standard: {}}
routes:
  - {id: junk, when: {text: {keywords: casino}}, then: {drop: spam}}
  - {id: best, when: {tier: vip}, then: {queue: q}}
  - {id: default, then: {queue: q}}
"""


@pytest.mark.parametrize(
    ("document", "rule", "queue", "filed"),
    [
        ({"text": "hello"}, "default", "q", None),
        ({"text": "casino"}, "junk", None, "spam"),
        ({"text": "hello", "sender": "wang"}, "best", "q", None),
        ({"channel": "sms", "kind": "receipt"}, "default", None, "receipt"),
        ({"channel": "sms", "kind": "receipt", "text": "casino"}, "junk", None, "spam"),
        ({"channel": "email", "kind": "receipt"}, "default", "q", None),
    ],
)
def test_what_becomes_of_a_request(
    document: dict[str, Any], rule: str, queue: str | None, filed: str | None
) -> None:
    """A ticket in a queue, or filed for a reason, as triage has it; customers are known."""
    wang = CustomerChanged(id="wang", tier="vip", addresses={"chat": ("wang",)})
    desk = Desk(compile_rulebook({"a.yaml": BOOK}), [wang])
    found = desk.decided(desk.facts(fill(document, at=NOON)), NOON)
    assert (found.rule, found.queue, found.filed, found.at) == (rule, queue, filed, NOON)


@pytest.mark.parametrize(
    ("most", "added", "kept"),
    [
        (0, 5, []),
        (3, 0, []),
        (3, 2, [0, 1]),
        (3, 3, [0, 1, 2]),
        (3, 5, [0, 1, 3]),
        (3, 6, [0, 2, 4]),
        (3, 24, [0, 8, 16]),
        (4, 100, [0, 16, 48, 80]),
    ],
)
def test_a_sample_is_spread_over_all(most: int, added: int, kept: list[int]) -> None:
    """At most so many, from the first to the last."""
    sample = Sample[int](most)
    for number in range(added):
        sample.add(number)
    assert sample.items == kept
