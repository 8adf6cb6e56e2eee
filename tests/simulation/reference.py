"""What must lapse, worked out from a ticket's story alone: a second reading of the definitions.

First response is creation to the first reply, next response the oldest unanswered message to the
reply, periodic a reply to the next one, resolution creation (or reopening) to resolved, queue time
coming to a queue to being assigned, or to the end of its chain; calendars are always open. It folds
the ticket's events, knows nothing of timers, and shares no code with the router.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Sla:
    """Targets and ladder in seconds; `pauses` names the states in which the clocks stop."""

    first_response: float | None = None
    next_response: float | None = None
    resolution: float | None = None
    periodic: float | None = None
    queue_time: float | None = None
    warn: Sequence[float] = ()
    levels: Sequence[tuple[int, float]] = ()
    pauses: Sequence[str] = ()


class Lapse(NamedTuple):
    """One thing that must have been told, and when it was due."""

    target: str
    cycle: int
    kind: str
    step: float
    at: datetime


NEVER = datetime.min.replace(tzinfo=UTC)
EVERY = ("first_response", "next_response", "periodic", "resolution", "queue_time")


@dataclass
class Clock:
    """A target that runs from `start` to `end`; while paused no time passes for it.

    Where the router was told of the end only at `told`, it may have seen lapses until then.
    It is due at `cut` at the latest.
    """

    target: str
    cycle: int
    start: datetime
    end: datetime | None = None
    told: datetime | None = None
    cut: datetime | None = None
    pauses: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def is_stopped_from(self, at: datetime) -> bool:
        """Whether a pause that begins then stops it: a hold waits for nothing written later."""
        return self.target != "next_response" or at >= self.start

    def pause(self, at: datetime) -> None:
        """Stop at `at`, unless it stands still already."""
        if not self.pauses or self.pauses[-1][1] is not None:
            self.pauses.append((at, None))

    def resume(self, at: datetime) -> None:
        """Go on at `at`, though not before it stopped."""
        if self.pauses and self.pauses[-1][1] is None:
            begin = self.pauses[-1][0]
            self.pauses[-1] = (begin, max(at, begin))

    def after(self, since: datetime, seconds: float) -> datetime | None:
        """The instant at which it has run so long since `since`; None: a pause has no end."""
        at, left = since, timedelta(seconds=seconds)
        for begin, end in self.pauses:
            if end is not None and end <= at:
                continue
            begin = max(begin, at)  # noqa: PLW2901 - the part of the pause that is ahead
            if at + left < begin:
                break  # who pauses exactly when it is due is in time
            if end is None:
                return None
            left -= begin - at
            at = end
        return at + left


class Request(NamedTuple):
    """What a clock must know of a request."""

    received_at: datetime
    automatic: str | None


class Ticket:
    """A ticket's clocks, folded from its events."""

    def __init__(self, sla: Sla, requests: Mapping[str, Request]) -> None:
        self.clocks: list[Clock] = []
        self._sla = sla
        self._requests = requests
        self._cycle = 0
        self._answered = False
        self._owes = False
        self._resolved = False
        self._comings = 0
        self._parked = False
        self._parked_at: datetime | None = None
        self._done_at = NEVER
        self._replies = 0
        self._aside: str | None = None
        self._until: str | None = None
        self._wrote: datetime | None = None
        self._pauses = Clock("", 0, NEVER)  # of whatever clock, since it was opened
        self._sign_at: datetime | None = None

    def take(self, kind: str, data: Mapping[str, Any]) -> None:
        """The next event."""
        at = datetime.fromisoformat(data["at"])
        if kind == "ticket.transferred":
            self._done_at = max(self._done_at, at)
        step = getattr(self, "_" + kind.replace(".", "_"), None)
        if step is not None:
            step(data, at)

    def lapses(self, until: datetime, *, unaware: bool = False) -> Iterator[Lapse]:
        """Everything that was due before its clock ended, or before `until`.

        `unaware`: also what was due while the router did not know yet that the clock had ended.
        """
        for clock in self.clocks:
            due: float | None = getattr(self._sla, clock.target)
            breach = None if due is None else clock.after(clock.start, due)
            if clock.cut is not None:
                breach = clock.cut if breach is None else min(breach, clock.cut)
            steps = self._warnings(clock, due, breach)
            steps.append(("breached", 0.0, breach))
            if breach is not None:
                rungs = self._sla.levels
                steps += [("escalated", level, clock.after(breach, s)) for level, s in rungs]
            for kind, step, at in steps:
                end = (clock.told if unaware else None) or clock.end or until
                cut = (
                    kind == "breached" and at == clock.cut == end
                )  # and the ladder moves it at once
                if at is not None and (at < end or cut):
                    yield Lapse(clock.target, clock.cycle, kind, step, at)

    def _warnings(
        self, clock: Clock, due: float | None, breach: datetime | None
    ) -> list[tuple[str, float, datetime | None]]:
        """None of what the SLA does not name, and none after the breach."""
        shares = () if due is None else self._sla.warn
        found = [(share, clock.after(clock.start, (due or 0) * share)) for share in shares]
        return [
            ("warning", share, at)
            for share, at in found
            if at is not None and (breach is None or at <= breach)
        ]

    def _start(self, target: str, cycle: int, at: datetime) -> None:
        if target == "queue_time" or getattr(self._sla, target) is not None:
            clock = Clock(target, cycle, at)
            clock.pauses = [one for one in self._pauses.pauses if clock.is_stopped_from(one[0])]
            self.clocks.append(clock)

    def _end(self, at: datetime, *targets: str, told: datetime | None = None) -> None:
        for clock in self.clocks:
            if clock.end is None and clock.target in targets:
                clock.end, clock.told = at, told
                if clock.target == "queue_time" and self._parked_at is not None:
                    clock.told = max(at, self._parked_at)

    def _over(self, at: datetime, told: datetime | None = None) -> None:
        """Nothing is promised any more of what was until now."""
        self._end(at, *EVERY, told=told)
        self._pauses.pauses.clear()

    def _ticket_opened(self, data: Mapping[str, Any], at: datetime) -> None:
        self._owes = self._requests[data["request"]].automatic is None
        self._start("first_response", 0, at)
        self._start("resolution", 0, at)
        self._start("queue_time", 1, at)

    def _come(self, at: datetime, *, moved: bool = False) -> None:
        """It has come to a queue once more; where the ladder `moved` it, no time is promised."""
        self._end(at, "queue_time")
        self._comings, self._parked = self._comings + 1, False
        if not moved:
            self._start("queue_time", self._comings + 1, at)

    def _ticket_message(self, data: Mapping[str, Any], _: datetime) -> None:
        wrote = self._requests[data["request"]].received_at
        if data["automatic"] in {None, "left", "returned"}:
            self._sign_at = wrote
        if data["automatic"] is not None:
            return
        self._wrote = wrote
        if self._resolved:
            self._reopen(wrote)
        self._waits(wrote, wrote)

    def _waits(self, since: datetime, at: datetime) -> None:
        """A customer waits for an answer since then; what waited for them goes on, since `at`."""
        self._wrote = at
        if self._aside == "pending":
            self._resume(self._at_most(at))
        if not self._owes and (self._answered or self._cycle):
            self._cycle += 1
            self._start("next_response", self._cycle, since)
        self._owes = True

    def _ticket_merged_in(self, data: Mapping[str, Any], at: datetime) -> None:
        if data["waiting_since"] is not None:
            self._waits(datetime.fromisoformat(data["waiting_since"]), at)

    def _ticket_merged(self, _: Mapping[str, Any], at: datetime) -> None:
        """A supervisor's order may come after what was asked later, and was done."""
        self._over(at, told=max(at, self._done_at))

    def _reopen(self, at: datetime) -> None:
        self._resolved = False
        self._cycle += 1
        self._start("resolution", self._cycle, at)
        self._come(at)

    def _ticket_reopened(self, data: Mapping[str, Any], at: datetime) -> None:
        if data["by"] != "customer":
            self._reopen(at)

    def _ticket_replied(self, _: Mapping[str, Any], at: datetime) -> None:
        self._owes, self._answered = False, True
        self._end(at, "first_response", "next_response", "periodic")
        self._replies += 1
        self._start("periodic", self._replies, at)

    def _ticket_pending(self, data: Mapping[str, Any], at: datetime) -> None:
        self._set_aside("pending", data, at)

    def _ticket_held(self, data: Mapping[str, Any], at: datetime) -> None:
        self._set_aside("on_hold", data, at)

    def _set_aside(self, state: str, data: Mapping[str, Any], at: datetime) -> None:
        if state not in self._sla.pauses:
            self._resume(at)
        self._aside, self._until = state, data["until"]
        for clock in (self._pauses, *self.clocks):
            if clock.end is None and state in self._sla.pauses and clock.is_stopped_from(at):
                clock.pause(at)

    def _resume(self, at: datetime) -> None:
        self._aside = None
        for clock in (self._pauses, *self.clocks):
            clock.resume(at)

    def _ticket_resumed(self, data: Mapping[str, Any], at: datetime) -> None:
        self._resume(self._since(data, at))

    def _since(self, data: Mapping[str, Any], at: datetime) -> datetime:
        """Since the event, or since what it follows from: an instant, or the customer's message."""
        if data["reason"] == "customer_replied" and self._wrote is not None:
            return self._at_most(self._wrote)
        return self._at_most(at) if data["reason"] == "until" else at

    def _at_most(self, at: datetime) -> datetime:
        """Then, or at the instant until which it was set aside."""
        return at if self._until is None else min(at, datetime.fromisoformat(self._until))

    def _ticket_requeued(self, data: Mapping[str, Any], at: datetime) -> None:
        if data["reason"] == "priority_raised":
            return
        at = self._since(data, at)
        self._resume(at)
        self._come(at)

    def _ticket_transferred(self, data: Mapping[str, Any], at: datetime) -> None:
        self._resume(at)
        if data["reason"] in {"missed", "returned"} and self._sign_at is not None:
            self._over(self._sign_at, told=at)
            self._cycle += 1
            self._start("first_response", self._cycle, self._sign_at)
            self._start("resolution", self._cycle, self._sign_at)
        self._come(at, moved=data["reason"] == "escalated")

    def _ticket_assigned(self, _: Mapping[str, Any], at: datetime) -> None:
        self._end(at, "queue_time")

    def _ticket_resolved(self, _: Mapping[str, Any], at: datetime) -> None:
        self._resume(at)
        self._resolved, self._owes = True, False
        self._over(at)

    def _ticket_parked(self, _: Mapping[str, Any], at: datetime) -> None:
        """New rules may end a chain before what was asked earlier is read."""
        self._parked, self._parked_at = True, at

    def _sla_breached(self, data: Mapping[str, Any], _: datetime) -> None:
        """Of the chain's end alone: that nobody was found is dispatch's to say."""
        if data["target"] == "queue_time" and self._parked:
            at = datetime.fromisoformat(data["lapsed_at"])
            running = [one for one in self.clocks if one.target == "queue_time" and not one.end]
            if not running:
                self._start("queue_time", self._comings + 1, at)
            (running or self.clocks)[-1].cut = at
