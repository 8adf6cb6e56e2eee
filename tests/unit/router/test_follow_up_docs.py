"""docs/follow-up.md says what is so."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from router.cli import app
from router.core.commands import Rejection
from rules.order_texts import ORDER_VARIABLES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "follow-up.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = [(script, events) for (kind, script), (_, events) in pairwise(BLOCKS) if kind == "jsonl"]


def played(script: str, folder: Path) -> list[dict[str, Any]]:
    """What `switchboard simulate` prints for a script."""
    path = folder / "script.jsonl"
    path.write_text(script, "utf-8")
    rulebook = str(ROOT / "rules" / "example" / "rulebook")
    result = CliRunner().invoke(app, ["simulate", "--rulebook", rulebook, str(path)])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def holds(event: dict[str, Any], line: str) -> bool:
    """Whether an event is what a line of the page says."""
    at, kind, external_id, *fields = line.split(" ")
    if (event["at"], event["type"], event["external_id"]) != (at, kind, external_id):
        return False
    return all(_shown(event["data"].get(name)) == value for name, value in map(_parted, fields))


def _parted(field: str) -> tuple[str, str]:
    name, _, value = field.partition("=")
    return name, value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize(("script", "events"), SCRIPTS)
def test_the_scripts_make_the_events_beside_them(script: str, events: str, tmp_path: Path) -> None:
    """Each line is an event, in this order."""
    happened = iter(played(script, tmp_path))
    for line in events.splitlines():
        assert any(holds(event, line) for event in happened), line


def test_the_worker_reads_what_stands_there(tmp_path: Path) -> None:
    """The SMS, to the letter."""
    (text,) = [block.strip() for kind, block in BLOCKS if kind == "sms"]
    (notice,) = [
        event["data"]["text"]
        for script, _ in SCRIPTS
        for event in played(script, tmp_path)
        if event["type"] == "message.outbound" and event["data"]["kind"] == "notice"
    ]
    assert notice == text


def test_the_page_has_its_examples() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(SCRIPTS) == 3
    assert all(len(events.splitlines()) > 5 for _, events in SCRIPTS)


@pytest.mark.parametrize("variable", ORDER_VARIABLES)
def test_every_variable_of_an_orders_text_is_documented(variable: str) -> None:
    """It stands in the table."""
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert any(f"`{variable}`" in row for row in rows)


@pytest.mark.parametrize(
    "reason",
    [
        Rejection.IN_THE_PAST, Rejection.TOO_FAR_AHEAD, Rejection.NO_PHONE,
        Rejection.UNKNOWN_FOLLOW_UP, Rejection.TOO_MANY_FOLLOW_UPS, Rejection.UNKNOWN_WORKER,
        Rejection.UNKNOWN_ORDER, Rejection.TOO_MANY_ORDERS,
    ],
)  # fmt: skip
def test_every_reason_of_its_own_is_documented(reason: Rejection) -> None:
    """With what it means."""
    assert f"`{reason.value}`" in PAGE
