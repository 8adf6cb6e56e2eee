"""docs/commands.md has every command, field and reason, and its example prints what it says."""

import json
import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from router.cli import app
from router.core.commands import Command, Name, Rejection
from tests.simulation.test_chaos import play

PAGE = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)`[^|]*\| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
OF_EVERY_COMMAND = {"unknown_agent", "id_reused", "malformed"}


def quoted(text: str) -> set[str]:
    """The words of a text that stand in backticks."""
    return set(re.findall(r"`(\w+)`", text))


def rejections() -> dict[str, set[str]]:
    """By command, the reasons for which the page says that it is rejected."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, _, _, reasons in ROW.findall(PAGE):
        found[name] |= quoted(reasons)
    return found


@pytest.mark.parametrize("name", get_args(Name))
def test_every_command_has_its_row(name: str) -> None:
    """With the reasons for which it is rejected."""
    assert rejections()[name]


def test_there_is_no_row_of_a_command_that_does_not_exist() -> None:
    """And none names a reason that does not."""
    assert set(rejections()) == set(get_args(Name))
    assert set.union(*rejections().values()) <= {one.value for one in Rejection}


@pytest.mark.parametrize("reason", Rejection)
def test_every_reason_is_explained(reason: Rejection) -> None:
    """In the table of reasons."""
    table = PAGE.split("| reason | means |")[1].split("\n\n")[0]
    explained = {word for row in table.splitlines()[2:] for word in quoted(row.split("|")[1])}
    assert reason.value in explained


@pytest.mark.parametrize("field", [field.name for field in fields(Command)])
def test_every_field_is_on_the_page(field: str) -> None:
    """Of the one contract that all commands share."""
    assert f"`{field}`" in PAGE or field == "command"


@pytest.mark.simulation
@pytest.mark.parametrize("seed", range(3))
async def test_what_is_rejected_is_rejected_for_a_reason_of_its_row(seed: int) -> None:
    """Whatever desktops try in a simulated day."""
    told = (await play(seed)).run().of("tickets.events", "command.rejected")
    found = {(one.data["command"], one.data["reason"]) for one in told}
    assert found
    documented = rejections()
    assert {(name, reason) for name, reason in found if reason not in documented[name]} <= {
        (name, reason) for name in documented for reason in OF_EVERY_COMMAND
    }


def test_the_example_prints_what_the_page_says(tmp_path: Path) -> None:
    """Its rulebook and script, played; of each event who and why."""
    rulebook, script, expected = (
        re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0]
        for language in ("yaml", "json", "text")
    )
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "rules.yaml").write_text(rulebook, encoding="utf-8")
    (tmp_path / "afternoon.jsonl").write_text(script, encoding="utf-8")
    arguments = ["simulate", "--rulebook", str(tmp_path / "shop")]
    result = CliRunner().invoke(app, [*arguments, str(tmp_path / "afternoon.jsonl")])
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    kinds = {line.split()[1] for line in expected.splitlines()}
    shown = []
    for one in told:
        if one["topic"] == "tickets.events" and one["type"] in kinds:
            data = one["data"]
            names = ("agent", "to", "by", "forced", "reason")
            said = json.dumps({name: data[name] for name in names if data.get(name)})
            shown.append(f"{one['at']} {one['type']} {one['external_id']} {said}")
    assert shown == expected.splitlines()
