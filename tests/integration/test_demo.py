"""The demo as its user runs it: a process, its output, its exit code."""

import asyncio
import json
import signal
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from router.demo.expected import expected, load

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.xdist_group("demo")]

SAMPLES = Path(str(files("router") / "demo" / "samples"))
LONGEST_SECONDS = 240


async def switchboard(*arguments: str) -> asyncio.subprocess.Process:
    """A `switchboard` process."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router.cli", *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def summary(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Wait for the end; the last line's object."""
    out, err = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    assert process.returncode == 0, err.decode()
    assert "Traceback" not in err.decode()
    found: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return found


async def test_each_count_is_explained_by_the_manifest() -> None:
    """What the samples' manifest says is what comes out, and nothing is lost."""
    result = await summary(await switchboard("demo", "--exit"))
    entries = load(SAMPLES)
    for name, value in expected(entries).items():
        assert result[name] == value, name
    assert result["lost"] == 0
    repairs = sum(
        entry.ticket == "opens" and entry.queue == "repairs" for entry in entries.values()
    )
    assert repairs > 0
    # Nobody repairs: each of these climbs the whole ladder. On a busy machine others may, too.
    assert result["breaches"] >= repairs
    assert result["warnings"] >= result["breaches"]
    assert result["escalations"]["1"] == result["breaches"]
    assert repairs <= result["escalations"]["3"] <= result["escalations"]["2"]
    assert result["assigned"] >= result["tickets"] - expected(entries)["acks_withheld"]["dsn"] - 15


async def test_ctrl_c_stops_it_cleanly() -> None:
    """Without `--exit` it runs until it is told to stop, and prints its summary then."""
    process = await switchboard("demo")
    assert process.stderr is not None
    while b"sending" not in await process.stderr.readline():
        pass
    await asyncio.sleep(4)
    process.send_signal(signal.SIGINT)
    result = await summary(process)
    assert result["lost"] == 0
    assert sum(result["received"].values()) > 0


@pytest.mark.shared_data
async def test_a_users_own_files_lose_nothing(shared_data: Path) -> None:
    """Eleven hundred real mails through the listener: each has a fate."""
    result = await summary(await switchboard("demo", "--exit", "--input", str(shared_data)))
    assert result["lost"] == 0
    assert result["received"]["email"] > 1000
    assert result["duplicates"] > 0, "some mails are in several folders"


async def test_a_folder_without_traffic_is_an_error(tmp_path: Path) -> None:
    """It says what it looks for; exit code 1."""
    process = await switchboard("demo", "--exit", "--input", str(tmp_path))
    _, err = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    assert process.returncode == 1
    assert "no .eml" in err.decode()
