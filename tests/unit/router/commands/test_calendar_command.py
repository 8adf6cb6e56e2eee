"""`switchboard calendar`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channels.errors import Malformed
from router.commands.calendar import app

RULEBOOK = """
pools: {service: {queues: [billing]}}
queues: {billing: {name: Billing}}
routes: [{id: default, then: {queue: billing}}]
calendars:
  shop:
    timezone: Asia/Shanghai
    hours: {mon-fri: ["09:00-12:00", "13:00-18:00"]}
    overlay: calendars/2027.yaml
  china: {timezone: Asia/Shanghai, hours: {mon-fri: ["09:00-18:00"]}, holidays: [CN]}
  once: {timezone: UTC, hours: {}, special: {"2027-01-04": ["09:00-10:00"]}}
  always: {timezone: America/New_York, hours: {mon-sun: ["00:00-24:00"]}}
"""


@pytest.fixture
def rulebook(tmp_path: Path) -> Path:
    """A rulebook's folder with some calendars."""
    (tmp_path / "rulebook.yaml").write_text(RULEBOOK, "utf-8")
    (tmp_path / "calendars").mkdir()
    (tmp_path / "calendars" / "2027.yaml").write_text("2027-02-07: work\n2027-02-08: off\n")
    return tmp_path


def run(rulebook: Path, command: str, *arguments: str) -> Result:
    """The command under the rulebook."""
    return CliRunner().invoke(app, [command, "--rulebook", str(rulebook), *arguments])


@pytest.mark.parametrize(
    ("calendar", "start", "duration", "due"),
    [
        ("shop", "2027-01-04T09:30", "4h", "2027-01-04T06:30:00Z"),  # the calendar's own time
        ("shop", "2027-01-04T09:30+08:00", "4h", "2027-01-04T06:30:00Z"),
        ("shop", "2027-01-04T01:30:00Z", "4h", "2027-01-04T06:30:00Z"),
        ("shop", "2027-01-04", "0s", "2027-01-04T01:00:00Z"),
        ("shop", "2027-02-06T10:00", "1h", "2027-02-07T02:00:00Z"),  # a Sunday to make up
        ("always", "2027-03-14T01:00", "1h30m", "2027-03-14T07:30:00Z"),
        ("always", "2027-03-14T02:30", "0s", "2027-03-14T07:30:00Z"),  # skipped: 03:30
        ("always", "2027-01-04T00:00:00.250Z", "1s", "2027-01-04T00:00:01.250000Z"),
    ],
)
def test_due_prints_one_instant(
    rulebook: Path, calendar: str, start: str, duration: str, due: str
) -> None:
    """RFC 3339 in UTC, and nothing else; START without an offset is the calendar's time."""
    result = run(rulebook, "due", calendar, start, duration)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{due}\n", "")


@pytest.mark.parametrize(
    ("calendar", "start", "end", "seconds", "duration"),
    [
        ("shop", "2027-01-04T09:30", "2027-01-05T10:00", 30600, "8h30m"),
        ("shop", "2027-01-05T10:00", "2027-01-04T09:30", -30600, "-8h30m"),
        ("shop", "2027-01-04T12:00", "2027-01-04T13:00", 0, "0s"),
        ("always", "2027-03-14", "2027-03-15", 82800, "23h"),
        ("always", "2027-11-07", "2027-11-08", 90000, "25h"),
        ("always", "2000-01-01T00:00:00Z", "2027-01-01T00:00:00.5Z", 852076800.5, "236688h0.5s"),
    ],
)
def test_elapsed_prints_seconds(
    rulebook: Path, calendar: str, start: str, end: str, *, seconds: float, duration: str
) -> None:
    """Real seconds, exactly; with --json in hours and minutes too."""
    result = run(rulebook, "elapsed", calendar, start, end)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{seconds}\n", "")
    result = run(rulebook, "elapsed", calendar, start, end, "--json")
    assert json.loads(result.stdout) == {"seconds": seconds, "duration": duration}


def test_due_as_json_has_local_time(rulebook: Path) -> None:
    """The same instant twice: in UTC and in the calendar's zone."""
    result = run(rulebook, "due", "shop", "2027-01-04T09:30", "4h", "--json")
    expected: dict[str, Any] = {
        "due_at": "2027-01-04T06:30:00Z",
        "local": "2027-01-04T14:30:00+08:00",
    }
    assert json.loads(result.stdout) == expected


NOT_COVERED = "the days off of CN are not known; write them into an overlay"


@pytest.mark.parametrize(
    ("command", "arguments", "answer", "years"),
    [
        ("due", ("china", "2026-09-30T17:00", "10h"), "2026-10-08T10:00:00Z", None),
        ("due", ("china", "2090-03-06T09:00", "1h"), "2090-03-06T02:00:00Z", "2090 is"),
        ("due", ("china", "2003-12-31T17:00", "2h"), "2004-01-02T02:00:00Z", "2003 is"),
        ("elapsed", ("china", "2090-12-29T09:00", "2092-01-01"), "", "2090-2092 are"),
        ("elapsed", ("china", "2092-01-01", "2090-12-29T09:00"), "", "2090-2092 are"),
        ("due", ("shop", "2028-01-04T09:00", "1h"), "2028-01-04T02:00:00Z", "2028 is"),
    ],
)
def test_years_that_are_not_covered_are_said(
    rulebook: Path, command: str, arguments: tuple[str, ...], answer: str, years: str | None
) -> None:
    """On stderr, with what was counted instead; stdout has the answer, the exit code is 0."""
    result = run(rulebook, command, *arguments)
    assert result.exit_code == 0
    assert result.stdout.strip() == answer or not answer
    if years is None:
        assert result.stderr == ""
        return
    reason = "the overlay ends with 2027-02-08" if arguments[0] == "shop" else NOT_COVERED
    assert result.stderr == (
        f"calendar {arguments[0]}: {years} not covered: {reason}. Nothing is guessed: "
        "weekly hours are counted, less the holidays that follow from the law.\n"
    )


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("due", ("shp", "2027-01-04", "1h"), "no calendar 'shp'; did you mean 'shop'?"),
        ("elapsed", ("xyz", "2027-01-04", "2027-01-05"), "no calendar 'xyz'"),
        ("due", ("once", "2027-01-05", "1h"), "calendar once: not enough open time around"),
        ("due", ("shop", "9999-12-30", "1h"), "calendar shop: beyond the years 1 to 9999"),
        ("due", ("always", "9999-12-30", "4d"), "calendar always: beyond the years 1 to 9999"),
        ("elapsed", ("shop", "0001-01-01", "2027-01-05"), "beyond the years 1 to 9999"),
    ],
)
def test_what_cannot_be_answered_is_said(
    rulebook: Path, command: str, arguments: tuple[str, ...], said: str
) -> None:
    """It ends as wrong input (exit code 1), with nothing on stdout."""
    result = run(rulebook, command, *arguments)
    assert isinstance(result.exception, Malformed)
    assert said in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shop", "yesterday", "1h"), "'yesterday' is not a time such as"),
        (("shop", "2027-01-04", "soon"), "expected a duration such as 90s, 15m, 4h or 2d"),
        (("shop", "2027-01-04"), "DURATION"),
    ],
)
def test_wrong_usage(rulebook: Path, arguments: tuple[str, ...], said: str) -> None:
    """It ends with exit code 2."""
    result = run(rulebook, "due", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_a_rulebook_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    result = run(tmp_path / "absent", "due", "shop", "2027-01-04", "1h")
    assert isinstance(result.exception, Malformed)
    assert "absent: no such folder" in str(result.exception)
