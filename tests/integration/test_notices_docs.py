"""docs/notices.md says what is so: the rulebook, the night, the table, the receiver."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from channels.errors import Unavailable
from channels.sending import Delivery
from channels.webhook.sender import WebhookSender
from router.simulate import Simulation, read_script
from rules.index import compile_rulebook
from rules.lint import lint
from rules.notice_texts import VARIABLES
from tests.integration.receiver import SECRET
from tests.integration.test_webhook_sender import notice

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "notices.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"```(yaml|jsonl|text|python)\n(.*?)```", DOCUMENT, re.DOTALL))
REST = """
pools: {service: {queues: [billing]}}
queues: {billing: {offer_timeout: 1h}}
agents: {ann: {pool: service, queues: [billing], capacity: 2}}
routes: [{id: default, then: {queue: billing, sla: urgent}}]
"""
FILES = {"rules.yaml": BLOCKS["yaml"] + REST}


async def played() -> list[dict[str, Any]]:
    """The events of the document's night."""
    simulation = Simulation(compile_rulebook(FILES), FILES, "night")
    script = read_script(iter(BLOCKS["jsonl"].splitlines()), "night")
    return [event async for event in simulation.events(script)]


def line(event: dict[str, Any]) -> str | None:
    """An event as the document shows it; None: it does not."""
    at = event["at"].astimezone(ZoneInfo("Asia/Shanghai")).strftime("%m-%d %H:%M")
    data = event["data"]
    if event["type"] in {"notice.held", "notice.withheld"}:
        why = data.get("reason") or data["until"]
        return f"{at}  {event['external_id']}  {event['type']}  {data['contact']}  {why}"
    if event["type"] == "message.outbound" and data["kind"] == "notice":
        ticket = event["external_id"] or "-"
        to = data["attributes"]["contact"]
        subject = data["subject"].replace(data["ticket"] or "-", ticket)
        return f"{at}  {ticket}  {data['channel']}  {to}  {subject}"
    return None


async def test_the_night_is_as_it_is_told() -> None:
    """Each notice, held, withheld or sent, at its instant."""
    found = [said for event in await played() if (said := line(event)) is not None]
    assert "\n".join(found) + "\n" == BLOCKS["text"]


def test_the_rulebook_has_no_warnings() -> None:
    """What is shown is what is recommended."""
    assert [one for one in lint(FILES) if "route" not in one.message] == []


def test_every_variable_is_described() -> None:
    """The table has the templates' variables, and no other."""
    assert re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE) == list(VARIABLES)


@asynccontextmanager
async def receiving(port: int, tmp_path: Path) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """The document's receiver in a process of its own: its URL and what it prints."""
    program = tmp_path / "receiver.py"
    program.write_text(BLOCKS["python"], "utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(port), env={"OPS_WEBHOOK_SECRET": SECRET},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        yield f"http://127.0.0.1:{port}/", process.stdout
    finally:
        process.kill()
        await process.wait()


@pytest.mark.services
async def test_the_receiver_believes_us_and_nobody_else(
    unused_tcp_port: int, tmp_path: Path
) -> None:
    """A notice is taken, a repetition is shown once; forged and old ones are refused."""
    now = datetime.now(UTC)
    async with receiving(unused_tcp_port, tmp_path) as (url, shown), httpx.AsyncClient() as client:
        good = WebhookSender(client, lambda _: SECRET, clock=lambda: now)
        forged = WebhookSender(client, lambda _: "whsec_" + "AAAA" * 8, clock=lambda: now)
        old = WebhookSender(client, lambda _: SECRET, clock=lambda: now - timedelta(minutes=6))
        for sender in (forged, old):
            with pytest.raises(Unavailable, match="401"):
                await sender.send(notice(url, 1))
        for number in (1, 1, 2):
            assert await good.send(notice(url, number)) == Delivery("delivered", reason="204")
        for _ in range(2):
            assert (await shown.readline()).decode() == "sla.notice 升级\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(shown.readline(), 0.3)
