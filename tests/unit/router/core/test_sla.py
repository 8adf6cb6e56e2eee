"""Service-level clocks: what lapses when, and what pauses and other policies do to it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from router.core.entities.clock import Clock, LapseKind, Pause, Policy, Rung
from router.core.sla import ALWAYS, advance, cut, drop, marks, measured, modern, notifying, start

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
PENDING = frozenset({"pending"})


def minutes(count: float) -> timedelta:
    """A duration in minutes."""
    return timedelta(minutes=count)


def after(count: float) -> datetime:
    """So many minutes after noon."""
    return NOON + minutes(count)


def policy(
    length: float | None = 60,
    warn: tuple[float | timedelta, ...] = (0.5, 0.75),
    rungs: tuple[float, ...] = (0, 30),
    pause: frozenset[str] = PENDING,
) -> Policy:
    """A target of so many minutes, at any hour, its levels so many minutes after the breach."""
    duration = None if length is None else minutes(length)
    levels = tuple(Rung(number, minutes(one)) for number, one in enumerate(rungs, 1))
    shown = () if duration is None else marks(duration, warn)
    return Policy(ALWAYS, duration, shown, levels, pause)


POLICY = policy()


def lapsed(
    clock: Clock, before: float, by: Policy = POLICY, *pauses: Pause
) -> list[tuple[str, int | str, float]]:
    """What lapses before so many minutes after noon: kind, level, minutes after noon."""
    _, lapses = advance(clock, after(before), by, pauses)
    return [
        (one.kind.value, one.mark.name if one.mark else one.level, (one.at - NOON) / minutes(1))
        for one in lapses
    ]


def test_a_clock_warns_breaches_and_climbs_the_ladder_in_order() -> None:
    """Shares of the target first, the target then, each rung after the breach."""
    assert lapsed(start("first_response", 0, NOON, POLICY), 91) == [
        ("warning", "50%", 30),
        ("warning", "75%", 45),
        ("breached", 0, 60),
        ("escalated", 1, 60),
        ("escalated", 2, 90),
    ]


@pytest.mark.parametrize(("passed", "count"), [(30, 0), (30.001, 1), (60, 2), (60.001, 4)])
def test_an_action_exactly_at_the_due_instant_is_in_time(passed: float, count: int) -> None:
    """Nothing lapses at its instant, only after it."""
    assert len(lapsed(start("first_response", 0, NOON, POLICY), passed)) == count


def test_advancing_in_steps_lapses_the_same_as_at_once() -> None:
    """Each lapse exists once, however often the clock is looked at."""
    clock = start("resolution", 0, NOON, POLICY)
    stepped = []
    for minute in range(0, 120, 7):
        clock, lapses = advance(clock, after(minute), POLICY)
        stepped += lapses
    clock, lapses = advance(clock, after(120), POLICY)
    whole = advance(start("resolution", 0, NOON, POLICY), after(120), POLICY)
    assert [*stepped, *lapses] == whole[1]
    assert clock == whole[0]
    assert clock.next_at is None


@pytest.mark.parametrize(
    ("length", "warn", "told"),
    [
        (60, (0.5, minutes(10)), [("50%", 30), ("600s", 50)]),
        (60, (minutes(10), minutes(50)), [("3000s", 10), ("600s", 50)]),
        (60, (0.5, minutes(30)), [("50%", 30)]),
        (10, (minutes(10), minutes(15)), []),
        (60, (0.999,), [("99.9%", 59.94)]),
    ],
    ids=["both", "in order", "of one instant the first", "longer than the target", "to the second"],
)
def test_warnings_are_shares_of_the_target_or_times_before_its_end(
    length: float, warn: tuple[float | timedelta, ...], told: list[tuple[str, float]]
) -> None:
    """Counted as the target is; none would come before the clock starts."""
    by = policy(length, warn, ())
    found = lapsed(start("resolution", 0, NOON, by), length, by)
    assert [(name, at) for _, name, at in found] == told


def test_a_warning_by_time_has_the_share_that_it_comes_to() -> None:
    """Whoever reads shares alone understands it."""
    (mark,) = marks(minutes(40), (minutes(10),))
    assert (mark.share, mark.remaining) == (0.75, minutes(10))


def test_a_pause_puts_the_due_instant_off_by_its_length() -> None:
    """Twenty minutes are used up before the pause, forty remain after it."""
    clock = start("resolution", 0, NOON, POLICY)
    stopped = measured(clock, POLICY, [Pause("pending", after(20))])
    assert (stopped.due_at, stopped.next_at) == (None, None)
    over = measured(clock, POLICY, [Pause("pending", after(20), after(100))])
    assert over.due_at == after(140)
    assert over.next_at == after(110), "half of the target is used up"


def test_only_the_states_that_the_policy_names_stop_a_clock() -> None:
    """On hold it runs, pending it stands, and again the other way round."""
    pauses = [Pause("pending", after(10), after(20)), Pause("on-hold", after(20), after(50))]
    assert start("resolution", 0, NOON, POLICY, pauses).due_at == after(70)
    both = policy(pause=frozenset({"pending", "on-hold"}))
    assert start("resolution", 0, NOON, both, pauses).due_at == after(100)
    assert start("resolution", 0, NOON, policy(pause=frozenset()), pauses).due_at == after(60)


def test_a_pause_before_the_start_does_not_count() -> None:
    """One that reaches into it counts from there."""
    pauses = [Pause("pending", after(-9), after(-5)), Pause("pending", after(-2), after(10))]
    assert start("next_response", 1, NOON, POLICY, pauses).due_at == after(70)


def test_a_clock_may_heed_only_the_pauses_that_begin_after_it_did() -> None:
    """As a next response does: the hold does not wait for what the customer has just written."""
    by = msgspec.structs.replace(POLICY, later_pauses=True)
    pauses = [Pause("pending", after(-9), after(20)), Pause("pending", after(30), after(50))]
    assert start("next_response", 1, NOON, by, pauses).due_at == after(80)


@pytest.mark.parametrize(("until", "due"), [(None, None), (after(100), after(100))])
def test_who_pauses_exactly_when_it_is_due_is_in_time(
    until: datetime | None, due: datetime | None
) -> None:
    """Nothing has lapsed; it is due again as soon as it runs."""
    clock = start("resolution", 0, NOON, POLICY, [Pause("pending", after(60), until)])
    assert clock.due_at == due


def test_a_pause_after_the_breach_puts_the_ladder_off() -> None:
    """The next rung waits as long as the ticket was paused."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(70), POLICY)
    stopped = measured(clock, POLICY, [Pause("pending", after(80))])
    assert (stopped.due_at, stopped.next_at) == (after(60), None)
    pause = Pause("pending", after(80), after(180))
    clock = measured(clock, POLICY, [pause])
    assert clock.due_at == after(60), "the target has lapsed when it lapsed"
    assert clock.next_at == after(190)
    assert lapsed(clock, 200, POLICY, pause) == [("escalated", 2, 190)]


def test_another_policy_counts_from_the_same_start() -> None:
    """The target becomes 30 minutes instead of 60: no new cycle begins."""
    clock = measured(start("resolution", 3, NOON, POLICY), policy(30), ())
    assert (clock.due_at, clock.cycle) == (after(30), 3)


def test_what_already_lies_in_the_past_lapses_when_it_was_due() -> None:
    """Changed after 50 minutes to a target of 40: warnings and breach with their true instants."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(50), POLICY)
    shorter = policy(40, (0.5, 0.9), (20,))
    assert lapsed(measured(clock, shorter, ()), 61, shorter) == [
        ("warning", "90%", 36),
        ("breached", 0, 40),
        ("escalated", 1, 60),
    ]


def test_a_warning_that_was_told_is_not_told_again_under_another_policy() -> None:
    """It is known by its name: the same share of a longer target is the same warning."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(31), POLICY)
    longer = policy(100, (0.5, 0.8), ())
    changed = measured(clock, longer, ())
    assert lapsed(changed, 101, longer) == [("warning", "80%", 80), ("breached", 0, 100)]


def test_more_time_after_the_breach_does_not_unsay_it() -> None:
    """It is told once; levels that were not told wait for the new due instant."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(70), POLICY)
    longer = policy(600)
    changed = measured(clock, longer, ())
    assert (changed.lapsed_at, changed.due_at) == (after(60), after(600))
    assert lapsed(changed, 700, longer) == [("escalated", 2, 630)]


def test_a_clock_that_is_cut_is_due_then_at_the_latest() -> None:
    """Breached at once, unless it was before; then the ladder goes on from there."""
    clock = start("queue_time", 1, NOON, POLICY)
    early = cut(clock, after(40), POLICY, ())
    assert (early.due_at, early.lapsed_at) == (after(40), after(40))
    assert lapsed(early, 71) == [("escalated", 1, 40), ("escalated", 2, 70)]
    late, _ = advance(clock, after(61), POLICY)
    late = cut(late, after(80), POLICY, ())
    assert (late.due_at, late.lapsed_at) == (after(60), after(60))
    assert lapsed(late, 91) == [("escalated", 2, 90)]


def test_a_breach_that_was_told_is_not_cut_any_more() -> None:
    """That the chain's end, which an offer hid, had been sooner comes too late."""
    clock, _ = advance(start("queue_time", 1, NOON, POLICY), after(61), POLICY)
    late = cut(clock, after(40), POLICY, ())
    assert (late.due_at, late.lapsed_at) == (after(60), after(60))
    assert lapsed(late, 91) == [("escalated", 2, 90)]


def test_without_a_duration_only_a_cut_makes_a_clock_due() -> None:
    """Nobody promised a time, but somebody must look."""
    by = policy(None)
    clock = Clock(target="queue_time", cycle=1, started_at=NOON)
    assert measured(clock, by, ()).next_at is None
    assert cut(clock, after(5), by, ()).next_at == after(5)


def test_a_dropped_clock_keeps_what_it_told_and_is_no_alarm() -> None:
    """Measured again it goes on, and tells nothing twice."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(31), POLICY)
    dropped = drop(clock)
    assert (dropped.next_at, dropped.has_told, dropped.alarmed) == (None, True, False)
    assert lapsed(dropped, 900) == []
    again = measured(dropped, POLICY, ())
    assert again.alarmed
    assert lapsed(again, 46) == [("warning", "75%", 45)]


def test_of_levels_overdue_together_the_highest_notifies() -> None:
    """All are recorded; one is loud."""
    _, lapses = advance(start("resolution", 0, NOON, POLICY), after(500), POLICY)
    loud = notifying(lapses)
    assert loud is not None
    assert (loud.kind, loud.level) == (LapseKind.ESCALATED, 2)
    assert notifying([]) is None


def test_what_counts_at_any_hour_has_no_closing_time() -> None:
    """The calendar of a ticket for which nobody was found."""
    hour = timedelta(hours=1)
    assert ALWAYS.due(NOON, hour) == NOON + hour
    assert ALWAYS.elapsed(NOON, NOON + hour) == hour


def stored(**fields: object) -> Clock:
    """A clock as version 0.1 stored it."""
    old = {"target": "resolution", "cycle": 0, "started_at": NOON, "running_since": NOON}
    return msgspec.convert(msgspec.to_builtins(old | fields), Clock)


OLD = {
    "running": (stored(due_at=after(60), next_at=after(30)), [("warning", "50%", 30)], 31),
    "warned": (
        stored(warned=1, next_at=after(45)),
        [("warning", "75%", 45), ("breached", 0, 60)],
        60.001,
    ),
    "paused before": (
        stored(running_since=after(100), spent=minutes(20), next_at=after(110)),
        [("warning", "50%", 110), ("warning", "75%", 125), ("breached", 0, 140)],
        140.001,
    ),
    "breached": (
        stored(lapsed_at=after(60), level=1, warned=2, next_at=after(90)),
        [("escalated", 2, 90)],
        91,
    ),
    "breached and paused after it": (
        stored(
            running_since=after(180), spent=minutes(80), held=minutes(100), lapsed_at=after(60),
            level=1, warned=2, due_at=after(60), next_at=after(190),
        ),
        [("escalated", 2, 190)],
        191,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OLD)
def test_a_clock_of_an_older_version_goes_on_where_it_stood(name: str) -> None:
    """With the time that it had spent, and what it had told; also when it is measured anew."""
    clock, told, before = OLD[name]
    (here,), pauses = modern((clock,))
    assert pauses == ()
    by = policy(rungs=(1, 30))
    assert lapsed(here, before, by) == told
    assert lapsed(measured(here, by, ()), before, by) == told


def test_a_clock_that_an_older_version_left_paused_is_paused() -> None:
    """Resumed, it has what was left of it."""
    clock = stored(running_since=None, paused_at=after(20), spent=minutes(20))
    (here,), (pause,) = modern((clock,))
    assert pause == Pause("pending", after(20))
    assert measured(here, POLICY, [pause]).due_at is None
    over = msgspec.structs.replace(pause, until=after(100))
    assert measured(here, POLICY, [over]).due_at == after(140)


def test_a_clock_of_this_version_is_left_alone() -> None:
    """Nothing is made of what is right already."""
    clock, _ = advance(start("resolution", 0, NOON, POLICY), after(61), POLICY)
    assert modern((clock,)) == ((clock,), ())
