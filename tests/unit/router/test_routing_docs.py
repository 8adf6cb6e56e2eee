"""docs/routing.md says what is so."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from rules.people import Strategy
from tests.played import Page

PAGE = Page("routing.md")
SHOWN = re.compile("offered|expired|declined|assigned|overflowed|parked|transferred|rejected")


def shown(event: dict[str, Any]) -> str | None:
    """What the page's filter makes of an event; None when it leaves it out."""
    if event["topic"] != "tickets.events" or not SHOWN.search(event["type"]):
        return None
    data = event["data"]
    why = data.get("reason") or data.get("explanation", {}).get("by") or "-"
    whose = data.get("agent") or data["queue"]
    return " ".join((event["at"][11:19], event["type"], event["external_id"] or "-", whose, why))


@pytest.mark.parametrize("title", PAGE.examples)
def test_examples_print_what_they_show(title: str, tmp_path: Path) -> None:
    """Each section's rulebook and script, with its output."""
    PAGE.check(title, tmp_path, shown)


def test_every_part_has_its_example() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(PAGE.examples) == 5


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_every_strategy_is_defined(strategy: str) -> None:
    """Each has its row."""
    assert f"| `{strategy}`" in PAGE.text
