"""The senders' caps: automatic messages to one address, and in all."""

from datetime import UTC, datetime, timedelta

import pytest

from router.edges.caps import Caps, address_key
from rules.model import Budget
from tests.recording import outbound

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ACK = outbound(kind="ack")
EACH = (Budget(limit=2, within=timedelta(minutes=10)), Budget(limit=3, within=timedelta(hours=1)))
OVERALL = (Budget(limit=4, within=timedelta(hours=1)),)


def test_each_address_has_its_budgets() -> None:
    """Two in ten minutes, three in an hour, over all accounts; then it begins again."""
    caps = Caps(OVERALL)
    taken = [
        caps.take(outbound(kind="survey", account=f"{minute}@shop.example"), EACH, at) is None
        for minute in (0, 1, 2, 10, 11, 30, 60, 61)
        for at in [NOON + timedelta(minutes=minute)]
    ]
    assert taken == [True, True, False, True, False, False, True, True]


def test_all_together_have_a_budget() -> None:
    """However many addresses a loop has."""
    caps = Caps(OVERALL)
    found = [caps.take(outbound(kind="ack", to=f"{n}@example.org"), EACH, NOON) for n in range(6)]
    assert [reason is None for reason in found] == [True] * 4 + [False] * 2
    assert "4 automatic messages in all within 1:00:00" in (found[-1] or "")


@pytest.mark.parametrize("kind", ["reply", "notice"])
def test_what_people_write_is_never_withheld(kind: str) -> None:
    """Nor does it count."""
    caps = Caps(OVERALL)
    assert [caps.take(outbound(kind=kind), EACH, NOON) for _ in range(10)] == [None] * 10
    assert caps.take(ACK, EACH, NOON) is None


def test_budget_of_nothing_lets_nothing_go() -> None:
    """A limit of 0 turns automatic messages off."""
    assert Caps(OVERALL).take(ACK, (Budget(limit=0, within=timedelta(hours=1)),), NOON)


def test_what_was_spent_before_counts() -> None:
    """A restart gives no new budget."""
    spent = [(address_key(ACK), NOON - timedelta(minutes=9))] * 2
    caps = Caps(OVERALL, spent)
    assert caps.take(ACK, EACH, NOON)
    assert caps.take(ACK, EACH, NOON + timedelta(minutes=1)) is None
