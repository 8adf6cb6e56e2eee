"""docs/calendars.md says what is so."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router.commands.calendar import app
from rules.model import CalendarSpec

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "calendars.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)
EXAMPLES = [
    tuple(one.split("\n", 1))
    for language, block in BLOCKS
    if language == "console"
    for one in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]
REST = """
pools: {service: {queues: [billing]}}
queues: {billing: {name: Billing}}
routes: [{id: default, then: {queue: billing}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The document's calendars as a rulebook's folder."""
    calendars, overlay = (block for language, block in BLOCKS if language == "yaml")
    (tmp_path / "calendars").mkdir()
    (tmp_path / "rulebook.yaml").write_text(calendars + REST, "utf-8")
    (tmp_path / "calendars" / "2027.yaml").write_text(overlay, "utf-8")
    return tmp_path


@pytest.mark.parametrize(("command", "output"), EXAMPLES)
def test_examples_print_what_they_show(folder: Path, command: str, output: str) -> None:
    """Each command of the document, with its output."""
    words = shlex.split(command)
    assert words[:2] == ["switchboard", "calendar"]
    arguments = [str(folder) if word == "rulebook" else word for word in words[2:]]
    result = CliRunner().invoke(app, arguments)
    assert (result.output, result.exit_code) == (output.rstrip("\n") + "\n", 0)


def test_the_document_has_examples() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(EXAMPLES) >= 18


def test_every_field_is_described() -> None:
    """The table has the fields of a calendar, and no other."""
    described = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert sorted(described) == sorted(CalendarSpec.model_fields)
