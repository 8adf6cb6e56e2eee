"""docs/agents.md says what is so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from router.cli import app
from router.core.commands import Rejection
from tests.unit.router.core.story import merged

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "agents.md").read_text("utf-8")
SECTIONS = PAGE.split("\n## ")
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
(_, BASE), *_ = BLOCK.findall(SECTIONS[0])
EXAMPLES = {
    section.partition("\n")[0]: {kind: text for kind, text in BLOCK.findall(section)}
    for section in SECTIONS[1:]
}
SHOWN = re.compile("offered|assigned|rescinded|wrapped|overdue|changed|rejected")


def shown(line: str) -> str | None:
    """What the page's filter makes of an event; None when it leaves it out."""
    event: dict[str, Any] = json.loads(line)
    if event["topic"] != "tickets.events" or not SHOWN.search(event["type"]):
        return None
    data = event["data"]
    words = (event["at"][11:19], event["type"], event["external_id"] or first_of(data))
    return " ".join((*words, data["agent"], data.get("reason") or "-"))


def first_of(data: dict[str, Any]) -> str:
    """Nothing: an event without a request."""
    assert "external_id" not in data
    return "-"


@pytest.mark.parametrize("title", EXAMPLES)
def test_examples_print_what_they_show(title: str, tmp_path: Path) -> None:
    """Each section's rulebook and script, with its output."""
    blocks = EXAMPLES[title]
    rulebook = merged(yaml.safe_load(BASE), yaml.safe_load(blocks.get("yaml", "")) or {})
    (tmp_path / "rules.yaml").write_text(json.dumps(rulebook), "utf-8")
    script = tmp_path / "script.jsonl"
    script.write_text(blocks["jsonl"], "utf-8")
    result = CliRunner().invoke(app, ["simulate", "--rulebook", str(tmp_path), str(script)])
    assert result.exit_code == 0, result.output
    lines = [shown(line) for line in result.stdout.splitlines()]
    assert [line for line in lines if line] == blocks["text"].splitlines()


def test_every_property_has_an_example() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(EXAMPLES) == 10
    assert all({"jsonl", "text"} <= set(blocks) for blocks in EXAMPLES.values())


@pytest.mark.parametrize(
    "reason", [Rejection.UNKNOWN_REASON, Rejection.UNKNOWN_STAGE, Rejection.NOT_A_SUPERVISOR]
)
def test_its_rejections_are_named(reason: Rejection) -> None:
    """As the commands' own table has them."""
    assert f"`{reason.value}`" in PAGE
