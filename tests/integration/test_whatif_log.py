"""`switchboard whatif` on what a real log has recorded."""

import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.defaults import fill
from router import bootstrap, records
from router.core.commands import Command
from router.edges.intake import request_message
from router.log.protocol import Log
from router.rulebook_files import read_folder
from router.settings import load
from rules.load import version

EXAMPLE = Path(__file__).parents[2] / "rules" / "example"
TEXTS = ("Where is my refund?", "我要投诉", "The heater is broken", "退款什么时候到")


async def run(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """The command as a user gives it: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router.cli", "whatif", *map(str, arguments),
        "--config", str(folder), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def report(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """What it prints as JSON."""
    code, out, err = await run(folder, *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The example with refunds gone to complaints."""
    shutil.copytree(EXAMPLE, tmp_path / "changed")
    routes = tmp_path / "changed" / "rulebook" / "routes.yaml"
    text = routes.read_text(encoding="utf-8")
    routes.write_text(text.replace("keywords: [投诉,", "keywords: [退款, refund, 投诉,"))
    return tmp_path / "changed"


async def recorded(log: Log, changed: Path) -> None:
    """Two rulebooks one after the other, four requests in three partitions, a desk's command."""
    now = datetime.now(UTC)
    for number, folder in enumerate((changed, EXAMPLE), 1):
        await log.publish([records.activation(read_folder(folder), number, now)])
    for number, text in enumerate(TEXTS):
        document = {"external_id": f"x{number}", "sender": f"visitor-{number}", "text": text}
        await log.publish([request_message(fill(document, at=now))])
    order = Command(id="c1", agent="ann", command="presence", state="available")
    await log.publish([records.command(order, "service", now)])


@pytest.mark.services
async def test_what_is_recorded_is_replayed(tmp_path: Path, changed: Path) -> None:
    """Of every partition, under what is in force or any version that was, between two instants."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "switchboard.yaml").write_text("namespace: whatif\ntriage_partitions: 3\n")
    async with bootstrap.opened(load(config)) as log:
        await recorded(log, changed)
        found = await report(config, "--new", changed)
        assert found["old"]["source"].startswith("activation 2")
        assert found["old"]["version"] == version(read_folder(EXAMPLE))
        assert found["traffic"]["requests"] == len(TEXTS)
        assert found["decisions"]["changed"] == 2
        (moved,) = found["decisions"]["moved"]
        assert (moved["old"], moved["new"], moved["count"]) == ("inquiries", "complaints", 2)
        assert (found["agents"]["mode"], found["agents"]["own_presence"]) == ("model", 1)

        hashed = version(read_folder(changed))
        for named in (hashed, hashed[:6], "#1"):
            same = await report(config, "--new", changed, "--old", named)
            assert (same["same"], same["old"]["version"]) == (True, hashed)
        folder = await report(config, "--new", changed, "--old", EXAMPLE)
        assert folder["decisions"] == found["decisions"]

        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        code, _, err = await run(config, "--new", changed, "--from", later)
        assert (code, "no request in the log from " in err) == (1, True)
        assert (await report(config, "--new", changed, "--to", later))["traffic"]["requests"] == 4
        code, _, err = await run(config, "--new", changed, "--old", "nobody")
        assert (code, "'nobody' names no version" in err) == (1, True)


@pytest.mark.services
async def test_a_log_that_does_not_run_is_said(tmp_path: Path) -> None:
    """Exit code 3; and 3 as well where no rulebook was ever in force."""
    (tmp_path / "switchboard.yaml").write_text("namespace: whatif\n")
    code, _, err = await run(tmp_path, "--new", EXAMPLE)
    assert (code, "nothing runs on" in err) == (3, True)
    async with bootstrap.opened(load(tmp_path)):
        code, _, err = await run(tmp_path, "--new", EXAMPLE)
        assert (code, "no rulebook is in force yet" in err) == (3, True)
