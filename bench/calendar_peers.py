"""The same business time by `business-duration` and by `businesstimedelta`.

Run by `bench.calendars` in a virtual environment of its own (`bench/peers.lock`). Reads one JSON
object from stdin ({timed, cases}), prints seconds of CPU and answers of each.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytz
from business_duration import businessDuration
from businesstimedelta import BusinessTimeDelta, HolidayRule, LunchTimeRule, Rules, WorkDayRule

NO_HOLIDAY = date(1970, 1, 1)
"""Their search for the next holiday ends in an error where there is none at all."""

Elapsed = Callable[[datetime, datetime], float]
Due = Callable[[datetime, int], datetime]


def by_business_duration(spec: Mapping[str, Any]) -> Elapsed:
    """Seconds of open time. It knows one interval a day, and no zones."""
    opens, closes = (datetime.strptime(one, "%H:%M").time() for one in _whole(spec["hours"]))  # noqa: DTZ007 - a time of day
    rest = [day for day in range(7) if day not in spec["weekdays"]]
    off = [date.fromisoformat(one) for one in spec["holidays"]]

    def elapsed(start: datetime, end: datetime) -> float:
        return float(businessDuration(start, end, opens, closes, rest, off, "sec"))

    return elapsed


def by_businesstimedelta(spec: Mapping[str, Any]) -> tuple[Any, Elapsed, Due]:
    """Its zone, seconds of open time, and the instant at which so many are over."""
    zone = pytz.timezone(spec["zone"])

    def rule(kind: Any, start: str, end: str) -> Any:
        begins, ends = (datetime.strptime(one, "%H:%M").time() for one in (start, end))  # noqa: DTZ007 - a time of day
        return kind(start_time=begins, end_time=ends, working_days=spec["weekdays"], tz=zone)

    hours = spec["hours"]
    rules = [rule(WorkDayRule, *_whole(hours))]
    rules += [rule(LunchTimeRule, one[1], other[0]) for one, other in pairwise(hours)]
    if spec["holidays"]:
        days = {date.fromisoformat(one) for one in spec["holidays"]}
        rules.append(HolidayRule(days, tz=zone))
    together = Rules(rules)

    def elapsed(start: datetime, end: datetime) -> float:
        found: timedelta = together.difference(start, end).timedelta
        return found.total_seconds()

    def due(start: datetime, seconds: int) -> datetime:
        found: datetime = start + BusinessTimeDelta(together, seconds=seconds)
        return found

    return zone, elapsed, due


def _whole(hours: list[list[str]]) -> tuple[str, str]:
    return hours[0][0], hours[-1][1]


def timed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of CPU a call, and the answers; what it is asked is read before."""
    zone, elapsed, due = by_businesstimedelta(spec)
    spans = [
        (datetime.fromisoformat(one), datetime.fromisoformat(two)) for one, two in spec["spans"]
    ]
    local = [(zone.localize(one), zone.localize(two)) for one, two in spans]
    starts = [(one, seconds) for (one, _), seconds in zip(local, spec["seconds"], strict=True)]
    runs: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "businesstimedelta elapsed": (elapsed, local),
        "businesstimedelta due": (due, starts),
    }
    if len(spec["hours"]) == 1:
        runs["business-duration elapsed"] = by_business_duration(spec), spans
    found = {}
    for name, (run, calls) in runs.items():
        run(*calls[0])
        began = time.process_time()
        answers = [run(*call) for call in calls]
        cost = (time.process_time() - began) / len(calls)
        found[name] = {"cost": cost, "answers": [_plain(one, zone) for one in answers]}
    return found


def _plain(answer: float | datetime, zone: Any) -> float | str:
    if isinstance(answer, datetime):
        return answer.astimezone(zone).replace(tzinfo=None).isoformat()
    return answer


def answered(spec: Mapping[str, Any]) -> dict[str, float | str]:
    """What each says of one span, or that it failed."""
    start, end = (datetime.fromisoformat(one) for one in spec["span"])

    def localized() -> float:
        zone, elapsed, _ = by_businesstimedelta(spec)
        return elapsed(zone.localize(start), zone.localize(end))

    asked: dict[str, Callable[[], float]] = {
        "business-duration": lambda: by_business_duration(spec)(start, end),
        "businesstimedelta": localized,
    }
    found: dict[str, float | str] = {}
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except Exception as error:  # noqa: BLE001 - whatever they raise is their answer
            found[name] = type(error).__name__
    return found


def main() -> None:
    """Time them, then ask for the cases."""
    given = json.load(sys.stdin)
    print(
        json.dumps(
            {
                "timed": [timed(spec) for spec in given["timed"]],
                "cases": [answered(spec) for spec in given["cases"]],
            }
        )
    )


if __name__ == "__main__":
    main()
