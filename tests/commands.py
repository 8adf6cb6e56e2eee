"""Commands as a user gives them, in a process of their own."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any


async def run(command: str, folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """A command with its config folder: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router.cli", *command.split(), *map(str, arguments),
        "--config", str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def report(command: str, folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """What it prints as JSON."""
    code, out, err = await run(command, folder, *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found
