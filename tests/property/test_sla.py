"""Clocks over any history: never early, each lapse once, and a change as if it had always been.

What is due is worked out a second time here, by walking through the calendar's open periods and
taking the pauses out of them.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from router.core.entities.clock import Clock, Lapse, LapseKind, Pause, Policy, Rung
from router.core.sla import advance, marks, measured, start
from rules.calendar import Calendar
from rules.model import CalendarSpec

MONDAY = datetime(2027, 3, 22, 8, tzinfo=UTC)
"""Six days before the clocks of Berlin are put forward."""
STATES = ("pending", "on-hold")


def calendar(timezone: str, hours: dict[str, list[str]]) -> Calendar:
    """A calendar of these weekly hours."""
    return Calendar.build(CalendarSpec(timezone=timezone, hours=hours), {})


CALENDARS = (
    calendar("UTC", {"mon-sun": ["00:00-24:00"]}),
    calendar("Europe/Berlin", {"mon-fri": ["09:00-12:00", "13:00-18:00"]}),
    calendar("Asia/Shanghai", {"mon-sat": ["22:00-06:00"]}),
)

spans = st.integers(1, 6 * 24 * 60).map(lambda count: timedelta(minutes=count))
warnings = st.lists(
    st.one_of(st.sampled_from((0.25, 0.5, 0.75, 0.9)), spans), max_size=3, unique=True
)
policies = st.builds(
    lambda calendar, duration, warn, rungs, pause: Policy(
        calendar, duration, marks(duration, warn), rungs, frozenset(pause)
    ),
    st.sampled_from(CALENDARS),
    spans,
    warnings,
    st.lists(spans, max_size=3).map(
        lambda ends: tuple(Rung(level, after) for level, after in enumerate(sorted(ends), 1))
    ),
    st.sets(st.sampled_from(STATES)),
)


class Act(NamedTuple):
    """After so long: a pause, its end, another policy, or a look at the clock."""

    after: timedelta
    what: str | Policy


gaps = st.integers(1, 3 * 24 * 60).map(lambda count: timedelta(minutes=count))
acts = st.lists(
    st.builds(Act, gaps, st.sampled_from((*STATES, "resume", "resume", "look")) | policies),
    max_size=12,
)
unchanged = st.lists(
    st.builds(Act, gaps, st.sampled_from((*STATES, "resume", "resume", "look"))), max_size=12
)


class Told(NamedTuple):
    """A lapse, when it was noticed, and by which policy."""

    lapse: Lapse
    seen_at: datetime
    policy: Policy


class History:
    """A clock that is looked at whenever something happens, as dispatch does it."""

    def __init__(self, policy: Policy) -> None:
        self.now = MONDAY
        self.policy = policy
        self.pauses: list[Pause] = []
        self.clock = start("resolution", 0, MONDAY, policy)
        self.told: list[Told] = []

    def play(self, acts: Sequence[Act]) -> None:
        """Each act at its time; what lapsed before it is told first."""
        for act in acts:
            self.now += act.after
            self.look()
            self._act(act.what)

    def _act(self, what: str | Policy) -> None:
        if isinstance(what, Policy):
            self.policy = what
        elif what != "look":
            if self.pauses and self.pauses[-1].until is None:
                self.pauses[-1] = msgspec.structs.replace(self.pauses[-1], until=self.now)
            if what != "resume":
                self.pauses.append(Pause(what, self.now))
        self.clock = measured(self.clock, self.policy, self.pauses)

    def look(self) -> None:
        """Tell what has lapsed until now."""
        self.clock, lapses = advance(self.clock, self.now, self.policy, self.pauses)
        self.told += [Told(lapse, self.now, self.policy) for lapse in lapses]

    def restart(self) -> None:
        """All that is left of the clock is what is stored of it."""
        self.clock = msgspec.json.decode(msgspec.json.encode(self.clock), type=Clock)


def running(
    policy: Policy, pauses: Sequence[Pause], since: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches in which a clock of the policy runs, one after the other, without end."""
    stops = [pause for pause in pauses if pause.state in policy.pause]
    for period in policy.calendar.periods(since):  # type: ignore[attr-defined] # a real calendar
        opens = period.start
        for stop in stops:
            if stop.since < period.end and (stop.until is None or stop.until > opens):
                if opens < stop.since:
                    yield opens, stop.since
                if stop.until is None:
                    return
                opens = stop.until
        if opens < period.end:
            yield opens, period.end


def used_up(
    policy: Policy, duration: timedelta, pauses: Sequence[Pause], since: datetime = MONDAY
) -> datetime | None:
    """When a clock has run so long; None when it stands before that."""
    stopped = {pause.since for pause in pauses if pause.state in policy.pause}
    for opens, ends in running(policy, pauses, since):
        if opens + duration < ends or (opens + duration == ends and ends not in stopped):
            return opens + duration
        duration -= ends - opens
    return None


def due(policy: Policy, pauses: Sequence[Pause]) -> datetime | None:
    """When the target is due."""
    assert policy.duration is not None
    return used_up(policy, policy.duration, pauses)


ANY_HOUR = CALENDARS[0]


def everything(policy: Policy, pauses: Sequence[Pause], end: datetime) -> set[tuple[str, Any, Any]]:
    """All lapses of a clock before `end`, by the definitions."""
    found = {
        ("warning", mark.name, used_up(policy, mark.used, pauses)) for mark in policy.marks
    } | {("breached", 0, breach := due(policy, pauses))}
    if breach is not None:
        anytime = msgspec.structs.replace(policy, calendar=ANY_HOUR)
        for rung in policy.rungs:
            level_at = used_up(anytime, rung.after, pauses, breach)
            found.add(("escalated", rung.level, level_at))
    return {one for one in found if one[2] is not None and one[2] < end}


def name(lapse: Lapse) -> tuple[str, str | int]:
    """A lapse's identity within its clock."""
    return lapse.kind.value, lapse.mark.name if lapse.mark else lapse.level


@settings(max_examples=200, deadline=None)
@given(policies, acts)
def test_what_is_due_is_what_the_definitions_say(policy: Policy, acts: list[Act]) -> None:
    """Whatever has happened, the due instant is that of the policy in force from the start."""
    history = History(policy)
    history.play(acts)
    assert history.clock.due_at == due(history.policy, history.pauses)


@settings(max_examples=200, deadline=None)
@given(policies, acts)
def test_a_change_gives_what_the_new_policy_would_have_given_from_the_start(
    policy: Policy, acts: list[Act]
) -> None:
    """But for what was told already, the clock is one that knew no other policy."""
    history = History(policy)
    history.play(acts)
    scratch = Clock(
        target="resolution", cycle=0, started_at=MONDAY, warnings=history.clock.warnings,
        lapsed_at=history.clock.lapsed_at, level=history.clock.level,
    )  # fmt: skip
    assert history.clock == measured(scratch, history.policy, history.pauses)


@settings(max_examples=200, deadline=None)
@given(policies, acts, st.sets(st.integers(0, 12)))
def test_nothing_is_told_twice_or_early_and_restarts_change_nothing(
    policy: Policy, acts: list[Act], restarts: set[int]
) -> None:
    """Each lapse with the instant at which it was due by the policy under which it was told."""
    history, twin = History(policy), History(policy)
    for number, act in enumerate(acts):
        history.play([act])
        twin.play([act])
        if number in restarts:
            twin.restart()
    assert (twin.told, twin.clock) == (history.told, history.clock)
    names = [name(one.lapse) for one in history.told]
    assert len(names) == len(set(names))
    assert all(one.lapse.at < one.seen_at for one in history.told)


@settings(max_examples=200, deadline=None)
@given(policies, unchanged, st.integers(1, 20))
def test_every_due_instant_fires_once(policy: Policy, acts: list[Act], days: int) -> None:
    """Under one policy: exactly what the definitions say, however often somebody looked."""
    history = History(policy)
    history.play([*acts, Act(timedelta(days=days), "look")])
    told = {(*name(one.lapse), one.lapse.at) for one in history.told}
    assert told == everything(policy, history.pauses, history.now)
    assert len(told) == len(history.told)


@settings(max_examples=200, deadline=None)
@given(policies, acts)
def test_a_warning_precedes_its_breach_and_a_breach_its_levels(
    policy: Policy, acts: list[Act]
) -> None:
    """Also when a change makes all of them due at once; levels climb."""
    history = History(policy)
    history.play([*acts, Act(timedelta(days=30), "look")])
    order = {LapseKind.WARNING: 0, LapseKind.BREACHED: 1, LapseKind.ESCALATED: 2}
    told = [(order[one.lapse.kind], one.lapse.level) for one in history.told]
    assert told == sorted(told)
