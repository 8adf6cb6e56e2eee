"""Service-level clocks: what lapses when, and what a pause does to it."""

from datetime import UTC, datetime, timedelta

import pytest

from router.core.sla import (
    ALWAYS,
    Clock,
    LapseKind,
    Policy,
    Rung,
    advance,
    notifying,
    pause,
    reschedule,
    resume,
    start,
)

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


class Always:
    """A calendar that is always open."""

    def due(self, start: datetime, duration: timedelta) -> datetime:
        """Wall-clock time."""
        return start + duration

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Wall-clock time."""
        return end - start


def minutes(count: float) -> timedelta:
    """A duration in minutes."""
    return timedelta(minutes=count)


POLICY = Policy(
    Always(), minutes(60), (0.5, 0.75), (Rung(1, minutes(0)), Rung(2, minutes(30)))
)  # fmt: skip


def lapsed(clock: Clock, at: datetime, policy: Policy = POLICY) -> list[tuple[str, int, float]]:
    """What lapses before `at`, as (kind, level, minutes after noon)."""
    _, lapses = advance(clock, at, policy)
    return [(one.kind.value, one.level, (one.at - NOON).total_seconds() / 60) for one in lapses]


def test_a_clock_warns_breaches_and_climbs_the_ladder_in_order() -> None:
    """Shares of the target first, the target then, each rung after the breach."""
    assert lapsed(start("first_response", 0, NOON, POLICY), NOON + minutes(91)) == [
        ("warning", 1, 30),
        ("warning", 2, 45),
        ("breached", 0, 60),
        ("escalated", 1, 60),
        ("escalated", 2, 90),
    ]


@pytest.mark.parametrize(("after", "count"), [(30, 0), (30.001, 1), (60, 2), (60.001, 4)])
def test_an_action_exactly_at_the_due_instant_is_in_time(after: float, count: int) -> None:
    """Nothing lapses at its instant, only after it."""
    clock = start("first_response", 0, NOON, POLICY)
    assert len(lapsed(clock, NOON + minutes(after))) == count


def test_advancing_in_steps_lapses_the_same_as_at_once() -> None:
    """Each lapse exists once, however often the clock is looked at."""
    clock = start("resolution", 0, NOON, POLICY)
    stepped = []
    for minute in range(0, 120, 7):
        clock, lapses = advance(clock, NOON + minutes(minute), POLICY)
        stepped += lapses
    clock, lapses = advance(clock, NOON + minutes(120), POLICY)
    whole = advance(start("resolution", 0, NOON, POLICY), NOON + minutes(120), POLICY)
    assert [*stepped, *lapses] == whole[1]
    assert clock == whole[0]
    assert clock.next_at is None


def test_a_pause_puts_the_due_instant_off_by_its_length() -> None:
    """Twenty minutes are used up before the pause, forty remain after it."""
    clock = pause(start("resolution", 0, NOON, POLICY), NOON + minutes(20), POLICY)
    assert clock.due_at is None
    assert lapsed(clock, NOON + minutes(600)) == []
    clock = resume(clock, NOON + minutes(100), POLICY)
    assert clock.due_at == NOON + minutes(140)
    assert clock.next_at == NOON + minutes(110), "half of the target is used up"


def test_pausing_twice_and_resuming_twice_changes_nothing() -> None:
    """Both are idempotent."""
    clock = start("resolution", 0, NOON, POLICY)
    paused = pause(clock, NOON + minutes(20), POLICY)
    assert pause(paused, NOON + minutes(50), POLICY) is paused
    assert resume(clock, NOON + minutes(20), POLICY) is clock


def test_a_pause_after_the_breach_puts_the_ladder_off() -> None:
    """The next rung waits as long as the ticket was paused."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), NOON + minutes(70), POLICY)
    clock = pause(clock, NOON + minutes(80), POLICY)
    clock = resume(clock, NOON + minutes(180), POLICY)
    assert clock.due_at == NOON + minutes(60), "the target has lapsed when it lapsed"
    assert clock.next_at == NOON + minutes(190)
    assert lapsed(clock, NOON + minutes(200)) == [("escalated", 2, 190)]


def test_another_policy_counts_the_time_already_spent() -> None:
    """After 20 of 60 minutes the target becomes 30: ten are left, and no new cycle begins."""
    clock = start("resolution", 3, NOON, POLICY)
    shorter = Policy(Always(), minutes(30))
    changed = reschedule(clock, NOON + minutes(20), POLICY, shorter)
    assert (changed.due_at, changed.cycle) == (NOON + minutes(30), 3)


def test_an_alarm_that_was_given_is_not_taken_back_by_another_policy() -> None:
    """A breached clock stays breached under a longer target."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), NOON + minutes(70), POLICY)
    longer = Policy(Always(), minutes(600), (), POLICY.rungs)
    changed = reschedule(clock, NOON + minutes(70), POLICY, longer)
    assert changed.lapsed_at == NOON + minutes(60)
    assert lapsed(changed, NOON + minutes(700), longer) == [("escalated", 2, 90)]


def test_a_paused_clock_is_not_rescheduled() -> None:
    """It takes the new policy when it is resumed."""
    clock = pause(start("resolution", 0, NOON, POLICY), NOON + minutes(20), POLICY)
    assert reschedule(clock, NOON + minutes(30), POLICY, POLICY) is clock


def test_of_levels_overdue_together_the_highest_notifies() -> None:
    """All are recorded; one is loud."""
    _, lapses = advance(start("resolution", 0, NOON, POLICY), NOON + minutes(500), POLICY)
    loud = notifying(lapses)
    assert loud is not None
    assert (loud.kind, loud.level) == (LapseKind.ESCALATED, 2)
    assert notifying([]) is None


def test_what_counts_at_any_hour_has_no_closing_time() -> None:
    """The calendar of a ticket for which nobody was found."""
    hour = timedelta(hours=1)
    assert ALWAYS.due(NOON, hour) == NOON + hour
    assert ALWAYS.elapsed(NOON, NOON + hour) == hour
