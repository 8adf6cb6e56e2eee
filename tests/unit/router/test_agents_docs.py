"""docs/agents.md says what is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from router.core.commands import Rejection
from tests.played import Page

PAGE = Page("agents.md")
SHOWN = re.compile("offered|assigned|rescinded|wrapped|overdue|changed|rejected")


def shown(event: dict[str, Any]) -> str | None:
    """What the page's filter makes of an event; None when it leaves it out."""
    if event["topic"] != "tickets.events" or not SHOWN.search(event["type"]):
        return None
    data = event["data"]
    words = (event["at"][11:19], event["type"], event["external_id"] or "-")
    return " ".join((*words, data["agent"], data.get("reason") or "-"))


@pytest.mark.parametrize("title", PAGE.examples)
def test_examples_print_what_they_show(title: str, tmp_path: Path) -> None:
    """Each section's rulebook and script, with its output."""
    PAGE.check(title, tmp_path, shown)


def test_every_property_has_an_example() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(PAGE.examples) == 10
    assert all({"jsonl", "text"} <= set(blocks) for blocks in PAGE.examples.values())


@pytest.mark.parametrize(
    "reason", [Rejection.UNKNOWN_REASON, Rejection.UNKNOWN_STAGE, Rejection.NOT_ALLOWED]
)
def test_its_rejections_are_named(reason: Rejection) -> None:
    """As the commands' own table has them."""
    assert f"`{reason.value}`" in PAGE.text
