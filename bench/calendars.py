"""Business time: what it costs, and what is right, against two libraries in the same run."""

import json
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from rules.calendar import Calendar
from rules.model import CalendarSpec

PYTHON = Path(__file__).resolve().parents[1] / ".stamps" / "peers" / "bin" / "python"
ROUNDS, SPANS, PEER_SPANS = 9, 2_000, 200
WEEK = list(range(5))
DAY = [["09:00", "18:00"]]
LUNCH = [["09:00", "12:00"], ["13:00", "18:00"]]
NIGHT = [["22:00", "06:00"]]
EARLY = [["00:00", "06:00"]]
YEARS = (2025, 2026)


@dataclass(frozen=True)
class Shift:
    """A calendar that all of them can be told of."""

    zone: str
    hours: list[list[str]]
    country: str | None = None
    weekdays: list[int] = field(default_factory=lambda: WEEK)

    def calendar(self) -> Calendar:
        """As ours."""
        names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        days = ",".join(names[number] for number in self.weekdays)
        hours = {days: [f"{start}-{end}" for start, end in self.hours]}
        countries = [self.country] if self.country else []
        return Calendar.build(CalendarSpec(timezone=self.zone, hours=hours, holidays=countries), {})

    def written(self) -> dict[str, Any]:
        """As theirs; they are given our list of days off."""
        calendar, days = self.calendar(), []
        for year in YEARS if self.country else ():
            first = date(year, 1, 1)
            days += [first + timedelta(days=number) for number in range(365)]
        return {
            "zone": self.zone,
            "hours": self.hours,
            "weekdays": self.weekdays,
            "holidays": [day.isoformat() for day in days if calendar.is_holiday(day)],
        }


@dataclass(frozen=True)
class Case:
    """A span of local time of which the right answer can be counted by hand."""

    name: str
    shift: Shift
    start: str
    end: str
    hours: float

    @property
    def span(self) -> list[str]:
        """As theirs."""
        return [self.start, self.end]


NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"
DAILY = list(range(7))
CASES = (
    Case("a lunch break", Shift(SHANGHAI, LUNCH), "2026-11-23T11:30", "2026-11-23T13:30", 1),
    Case(
        "clocks go forward at 02:00", Shift(NEW_YORK, EARLY, weekdays=DAILY),
        "2026-03-08T00:00", "2026-03-08T06:00", 5,
    ),
    Case(
        "clocks go back at 02:00", Shift(NEW_YORK, EARLY, weekdays=DAILY),
        "2026-11-01T00:00", "2026-11-01T06:00", 7,
    ),
    Case(
        "a make-up Saturday (调休)", Shift(SHANGHAI, LUNCH, "CN"),
        "2026-02-14T09:00", "2026-02-14T12:00", 3,
    ),
    Case(
        "from Friday over a make-up Saturday", Shift(SHANGHAI, DAY, "CN"),
        "2026-02-13T17:00", "2026-02-14T10:00", 2,
    ),
    Case(
        "the rest of a night, from 02:00 on", Shift(SHANGHAI, NIGHT, weekdays=DAILY),
        "2026-11-24T02:00", "2026-11-24T06:00", 4,
    ),
    Case(
        "a night from 22:00 on", Shift(SHANGHAI, NIGHT, weekdays=DAILY),
        "2026-11-23T22:00", "2026-11-24T06:00", 8,
    ),
    Case("a week", Shift(SHANGHAI, LUNCH), "2026-11-23T09:00", "2026-11-30T09:00", 40),
)  # fmt: skip
TIMED = {
    "Monday to Friday 9-18": Shift(NEW_YORK, DAY, "US"),
    "with a lunch break": Shift(NEW_YORK, LUNCH, "US"),
}


def main() -> None:
    """Print the rows."""
    print(*measure(), sep="\n")


def measure() -> list[str]:
    """The rows of the page."""
    spans = {name: drawn(shift) for name, shift in TIMED.items()}
    if not PYTHON.exists():
        return ["business time by peers: not measured, for `make bench` sets them up"]
    found = peers(spans)
    rows = [first_question()]
    for (name, shift), theirs in zip(TIMED.items(), found["timed"], strict=True):
        rows += compared(name, shift, spans[name], theirs)
    for case, answers in zip(CASES, found["cases"], strict=True):
        rows += judged(case, answers)
    return rows


def drawn(shift: Shift) -> list[tuple[datetime, datetime, timedelta]]:
    """Spans of up to five working days that begin in 2025, as a target would have them."""
    calendar, dice = shift.calendar(), random.Random(7)  # noqa: S311 - no secret
    found = []
    for _ in range(SPANS):
        at = datetime(2025, 1, 1, tzinfo=calendar.zone)
        start = at + timedelta(minutes=dice.randrange(360 * 1440))
        duration = timedelta(minutes=dice.randrange(1, 5 * 8 * 60))
        found.append((start, calendar.due(start, duration).astimezone(calendar.zone), duration))
    return found


def peers(spans: dict[str, list[tuple[datetime, datetime, timedelta]]]) -> dict[str, Any]:
    """Their answers."""
    given = {
        "timed": [
            TIMED[name].written()
            | {
                "spans": [[_local(start), _local(end)] for start, end, _ in drawn[:PEER_SPANS]],
                "seconds": [int(one.total_seconds()) for _, _, one in drawn[:PEER_SPANS]],
            }
            for name, drawn in spans.items()
        ],
        "cases": [case.shift.written() | {"span": case.span} for case in CASES],
    }
    ran = subprocess.run(
        [str(PYTHON), str(Path(__file__).with_name("calendar_peers.py"))],
        input=json.dumps(given), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def compared(
    name: str,
    shift: Shift,
    spans: list[tuple[datetime, datetime, timedelta]],
    theirs: dict[str, Any],
) -> list[str]:
    """Ours, in UTC as the router counts, beside theirs, which must have come to the same."""
    calendar = shift.calendar()
    instants = [(one.astimezone(UTC), two.astimezone(UTC), length) for one, two, length in spans]
    right = {
        "elapsed": [duration.total_seconds() for _, _, duration in spans[:PEER_SPANS]],
        "due": [_local(end) for _, end, _ in spans[:PEER_SPANS]],
    }
    own = {
        "elapsed": _seconds(lambda: [calendar.elapsed(start, end) for start, end, _ in instants]),
        "due": _seconds(lambda: [calendar.due(start, length) for start, _, length in instants]),
    }
    fastest = min(one["cost"] for key, one in theirs.items() if key.endswith("elapsed"))
    rows = []
    for key, one in theirs.items():
        peer, what = key.split()
        assert one["answers"] == right[what], (name, key)
        target = what == "due" or one["cost"] == fastest
        rows.append(
            f"{what}, {name}, holidays of the US, up to 5 days: {own[what] * 1e6:.1f} µs, "
            f"{peer} {one['cost'] * 1e6:,.0f} µs; ours is {one['cost'] / own[what]:,.0f} times "
            f"faster{' (target 20)' if target else ''}"
        )
    return rows


def first_question() -> str:
    """What it costs to work out the months in which the answers are then looked up."""
    times = []
    for _ in range(ROUNDS):
        calendar = Shift(SHANGHAI, LUNCH, "CN").calendar()
        began = time.process_time()
        calendar.is_open(datetime(2026, 1, 1, tzinfo=UTC))
        times.append(time.process_time() - began)
    return (
        f"the first question about some months, which works them out: {median(times) * 1e3:.1f} ms"
    )


def _seconds(run: Callable[[], list[Any]]) -> float:
    """The median of seconds of CPU for a call, once the days are known."""
    run()
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        run()
        times.append((time.process_time() - began) / SPANS)
    return median(times)


def judged(case: Case, answers: dict[str, float | str]) -> list[str]:
    """A row where one of them is wrong; ours must be right."""
    calendar = case.shift.calendar()
    start, end = (datetime.fromisoformat(one).replace(tzinfo=calendar.zone) for one in case.span)
    assert calendar.elapsed(start, end) == timedelta(hours=case.hours), case.name
    wrong = {
        name: f"{said / 3600:g} h" if isinstance(said, float) else said
        for name, said in answers.items()
        if said != case.hours * 3600
    }
    if not wrong:
        return []
    said = ", ".join(f"{name} says {one}" for name, one in wrong.items())
    return [f"{case.name}, {case.start} to {case.end}: {case.hours:g} h as ours; {said}"]


def _local(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


if __name__ == "__main__":
    main()
