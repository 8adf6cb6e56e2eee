"""What `switchboard simulate` prints of a script."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from router.cli import app


def played(rulebook: Path, script: Iterable[str], folder: Path) -> list[dict[str, Any]]:
    """The printed events; the script is put into `folder`."""
    path = folder / "script.jsonl"
    path.write_text("\n".join(script) + "\n", encoding="utf-8", newline="")
    result = CliRunner().invoke(app, ["simulate", "--rulebook", str(rulebook), str(path)])
    assert result.exit_code == 0, result.exception or result.output
    return [json.loads(line) for line in result.stdout.split("\n") if line]
