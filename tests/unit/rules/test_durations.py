"""Durations as a rulebook writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.scalars import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("4h", 14400), ("2d", 172800), ("1h30m", 5400), ("1.5h", 5400),
     ("250ms", 0.25), ("0s", 0), (" 5m ", 300)],
)  # fmt: skip
def test_what_a_duration_says(text: str, seconds: float) -> None:
    """Numbers and units, added up."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "1h 30m", "5M", "4000d", 5, None])
def test_what_is_no_duration(text: object) -> None:
    """Everything else is an error that says what was expected."""
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
def test_what_is_written_is_read(duration: timedelta) -> None:
    """Whole milliseconds survive being written and read; a duration is a duration already."""
    whole = timedelta(milliseconds=duration // timedelta(milliseconds=1))
    assert parse_duration(format_duration(whole)) == whole
    assert parse_duration(whole) is whole
