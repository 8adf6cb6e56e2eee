"""`switchboard whatif` on what a real log has recorded."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from channels.defaults import fill
from router import bootstrap, records
from router.core.commands import Command
from router.demo.agents import Agents
from router.edges.intake import request_message
from router.log.protocol import Log
from router.log.reading import stored
from router.rulebook_files import read_folder
from router.settings import load
from router.topics import TICKETS_EVENTS
from rules.load import load as load_rulebook
from rules.load import version
from tests import commands

EXAMPLE = Path(__file__).parents[2] / "rules" / "example"
TEXTS = ("Where is my refund?", "我要投诉", "The heater is broken", "退款什么时候到")


run = partial(commands.run, "whatif")
report = partial(commands.report, "whatif")


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
async def test_what_really_happened_is_replayed_as_it_was(tmp_path: Path) -> None:
    """A living router and agents at their desks: under the same rulebook every command applies."""
    (tmp_path / "switchboard.yaml").write_text("namespace: whatif\n")
    shutil.copytree(EXAMPLE / "rulebook", tmp_path / "rulebook")
    shutil.copytree(EXAMPLE / "templates", tmp_path / "templates")
    async with bootstrap.running(load(tmp_path), frozenset({"router"})) as app:
        agents = Agents(app.log, load_rulebook(read_folder(tmp_path)))
        working = asyncio.create_task(agents.run())
        resolved = 0
        for number in range(3):
            document = {"external_id": f"x{number}", "sender": f"v{number}", "text": "Hello there"}
            request = fill(document, at=datetime.now(UTC))
            await app.log.publish([request_message(request)])
        async with asyncio.timeout(30):
            while resolved < 3:
                await asyncio.sleep(0.2)
                events = [one.envelope.type async for one in stored(app.log, TICKETS_EVENTS)]
                resolved = events.count("ticket.resolved")
        working.cancel()
        found = await report(tmp_path, "--new", EXAMPLE)
    assert found["same"]
    said = found["agents"]
    assert (said["mode"], said["refused_old"], said["refused_new"]) == ("recorded", 0, 0)
    figures = found["old"]["figures"]
    assert (figures["times"]["resolution"][""]["count"], figures["rejected"]) == (3, {})
    assert sum(one["met"] for one in figures["targets"]["first_response"].values()) == 3


@pytest.mark.services
async def test_a_log_that_does_not_run_is_said(tmp_path: Path) -> None:
    """Exit code 3; and 3 as well where no rulebook was ever in force."""
    (tmp_path / "switchboard.yaml").write_text("namespace: whatif\n")
    code, _, err = await run(tmp_path, "--new", EXAMPLE)
    assert (code, "nothing runs on" in err) == (3, True)
    async with bootstrap.opened(load(tmp_path)):
        code, _, err = await run(tmp_path, "--new", EXAMPLE)
        assert (code, "no rulebook is in force yet" in err) == (3, True)
