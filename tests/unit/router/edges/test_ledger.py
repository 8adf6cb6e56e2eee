"""The sent-ledger: pure, restored from what it said was to be stored."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.outbound import OutboundMessage
from channels.sending import Delivery
from router.edges import ledger as module
from router.edges.ledger import KEPT, Ledger, Phase, receipt_of
from tests.recording import outbound

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SENT = Delivery("sent", reason="250 OK")


def test_message_is_accepted_once() -> None:
    """Whoever publishes it again, also after it was sent."""
    ledger = Ledger()
    assert ledger.accept(outbound(1), NOON)
    assert ledger.accept(outbound(1), NOON) is None
    ledger.begin(outbound(1), NOON)
    ledger.finish(outbound(1), SENT, NOON)
    assert ledger.accept(outbound(1), NOON) is None
    assert ledger.waiting.total() == 0


def test_receipt_follows_from_message_and_result() -> None:
    """The same message has the same receipt's id, whatever came of it."""
    ledger = Ledger()
    message = outbound(1)
    ledger.accept(message, NOON)
    changes, receipt = ledger.finish(message, SENT, NOON)
    assert set(changes) == {message.id}
    assert receipt == receipt_of(message, SENT, NOON)
    failed = receipt_of(message, Delivery("failed", permanent=True), NOON + KEPT)
    assert failed.id == receipt.id
    assert receipt_of(outbound(2), SENT, NOON).id != receipt.id


def test_done_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time it is kept, and the oldest when there are too many."""
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    ledger = Ledger()
    for number in range(5):
        ledger.accept(outbound(number), NOON)
        ledger.finish(outbound(number), SENT, NOON + timedelta(minutes=number))
    ledger.accept(outbound(5), NOON)
    assert ledger.forget(NOON + timedelta(minutes=4)) == {"m-0": None, "m-1": None}
    assert ledger.forget(NOON + KEPT + timedelta(minutes=3)) == {"m-2": None, "m-3": None}
    assert ledger.waiting.total() == 1
    assert ledger.accept(outbound(5), NOON) is None


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from(["accept", "begin", "postpone", "finish", "forget"])
        ),
        max_size=60,
    )
)
def test_restored_ledger_goes_on_as_the_one_that_was_lost(steps: list[tuple[int, str]]) -> None:
    """What was said to be stored is all there is: nothing is lost, done twice, or out of order."""
    ledger = Ledger()
    state: dict[str, bytes] = {}
    now = NOON
    phases: dict[str, Phase] = {}
    for number, verb in steps:
        now += timedelta(hours=30)
        changes = _step(ledger, phases, outbound(number, created_at=NOON), verb, now)
        for key, value in changes.items():
            if value is None:
                del state[key]
            else:
                state[key] = value
    again = Ledger(reversed(state.items()))
    assert list(again.unfinished()) == list(ledger.unfinished())
    assert again.waiting == ledger.waiting
    assert again.forget(now + KEPT) == ledger.forget(now + KEPT)


def _step(
    ledger: Ledger, phases: dict[str, Phase], message: OutboundMessage, verb: str, now: datetime
) -> dict[str, bytes | None]:
    name = message.id
    phase = phases.get(name)
    if verb == "accept" and phase is None:
        phases[name] = Phase.ACCEPTED
        return dict(ledger.accept(message, now) or {})
    if verb == "begin" and phase is Phase.ACCEPTED:
        phases[name] = Phase.BEGUN
        return dict(ledger.begin(message, now))
    if verb == "postpone" and phase is Phase.BEGUN:
        phases[name] = Phase.ACCEPTED
        return dict(ledger.postpone(message, now))
    if verb == "finish" and phase in {Phase.ACCEPTED, Phase.BEGUN}:
        phases[name] = Phase.DONE
        return dict(ledger.finish(message, SENT, now)[0])
    if verb == "forget":
        return _forgotten(ledger, phases, now)
    return {}


def _forgotten(ledger: Ledger, phases: dict[str, Phase], now: datetime) -> dict[str, bytes | None]:
    found = dict(ledger.forget(now))
    for key in found:
        assert phases.pop(key) is Phase.DONE
    return found
