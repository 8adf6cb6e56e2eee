"""docs/sla.md says what is so."""

import re
from pathlib import Path
from typing import Any

import pytest

from router.core.entities.clock import LapseKind
from router.core.entities.ticket import MOST_PAUSES
from rules.service_levels import Targets
from tests.unit.router.played import played

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "sla.md").read_text("utf-8")
RULEBOOK = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
EXAMPLES = re.findall(
    r"^## ([^\n]*)\n(?:(?!^## ).)*?```jsonl\n(.*?)```\n\n```text\n(.*?)```",
    DOCUMENT,
    re.DOTALL | re.MULTILINE,
)


def shown(event: dict[str, Any]) -> str:
    """What the document's `jq` prints of an event."""
    data = {name: "null" if value is None else value for name, value in event["data"].items()}
    clock = f"{data['target']}#{data['cycle']}"
    lapsed = data.get("lapsed_at", "null")
    return f"{event['at']} {event['type']} {clock} {data['due_at']} {lapsed}\n"


@pytest.mark.parametrize(("name", "script", "output"), EXAMPLES, ids=[one[0] for one in EXAMPLES])
def test_examples_print_what_they_show(name: str, script: str, output: str, tmp_path: Path) -> None:
    """Each script of the document, with its output."""
    rulebook = tmp_path / "rulebook"
    rulebook.mkdir()
    (rulebook / "rules.yaml").write_text(RULEBOOK[0], "utf-8")
    events = played(rulebook, script.splitlines(), tmp_path)
    found = [one for one in events if one["topic"] == "tickets.events"]
    assert "".join(shown(one) for one in found if one["type"].startswith("sla.")) == output, name


def test_the_document_has_examples() -> None:
    """An edit that loses them does not pass in silence."""
    assert len(EXAMPLES) >= 6
    assert all(output.count("\n") > 3 for _, _, output in EXAMPLES)


@pytest.mark.parametrize("target", [*Targets.model_fields, "step:<id>"])
def test_every_target_is_defined(target: str) -> None:
    """Each has its row among the words."""
    said = target.replace("_", " ")
    assert re.search(rf"^\| [^|]*{re.escape(said)}[^|]* \|", DOCUMENT, re.MULTILINE)


def test_bounds_and_kinds_are_as_documented() -> None:
    """The numbers and names of the page are those of the code."""
    assert f"its last {MOST_PAUSES:,} pauses" in DOCUMENT
    assert all(f"`{kind.value}`" in DOCUMENT for kind in LapseKind)
