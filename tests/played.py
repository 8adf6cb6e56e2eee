"""Pages whose examples are rulebooks and scripts for `switchboard simulate`, and what it prints."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from router.cli import app
from tests.unit.router.core.story import merged

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


class Page:
    """A page: the first rulebook is the base over which each section's is laid."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text("utf-8")
        head, *sections = self.text.split("\n## ")
        (_, self._base), *_ = BLOCK.findall(head)
        found = {one.partition("\n")[0]: dict(BLOCK.findall(one)) for one in sections}
        self.examples = {title: blocks for title, blocks in found.items() if "jsonl" in blocks}

    def printed(self, title: str, folder: Path) -> list[dict[str, Any]]:
        """The events that a section's script prints."""
        blocks = self.examples[title]
        rulebook = merged(yaml.safe_load(self._base), yaml.safe_load(blocks.get("yaml", "")) or {})
        (folder / "rules.yaml").write_text(json.dumps(rulebook), "utf-8")
        script = folder / "script.jsonl"
        script.write_text(blocks["jsonl"], "utf-8")
        result = CliRunner().invoke(app, ["simulate", "--rulebook", str(folder), str(script)])
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def check(
        self, title: str, folder: Path, shown: Callable[[dict[str, Any]], str | None]
    ) -> None:
        """What the section says is printed is what is printed, as `shown` filters it."""
        lines = [shown(event) for event in self.printed(title, folder)]
        assert [line for line in lines if line] == self.examples[title]["text"].splitlines()
