"""kill -9 of router and senders while the ladder notifies: each notice is told, under one id."""

import asyncio
import random
from pathlib import Path

import pytest
import yaml

from channels.contract import decode
from channels.defaults import fill
from channels.outbound import Receipt
from router import bootstrap
from router.edges.intake import request_message
from router.log.protocol import Log
from router.log.reading import stored
from router.topics import MESSAGES_RECEIPTS, SLA_ESCALATIONS
from tests.integration.killing import RULEBOOK, Installation
from tests.integration.receiver import SECRET, Receiver, listening
from tests.simulation.stored import event_of

REQUESTS = 40
KILLS = 7
DRAINED_WITHIN_SECONDS = 90
LEVELS = 3


def rulebook(url: str) -> str:
    """The rulebook of the kills; each level of its ladder notifies a program."""
    webhook = {"url": url, "secrets": ["file:secret"]}
    found = yaml.safe_load(RULEBOOK)
    found["contacts"] = {name: {"webhook": webhook, "gather": "0s"} for name in ("a", "b", "c")}
    found["slas"]["standard"] |= {"first_response": "1s"}
    return yaml.safe_dump(found)


async def notified(log: Log) -> tuple[int, set[str]]:
    """How many escalations there are, and the ids of the notices that follow from them."""
    events = [event_of(record) async for record in stored(log, SLA_ESCALATIONS)]
    levels = [one for one in events if one.type == "sla.escalated"]
    wanted = {
        f"{one.id}/notice/{contact}/webhook" for one in levels for contact in one.data["notify"]
    }
    return len(levels), wanted


async def drained(installation: Installation) -> tuple[set[str], list[Receipt]]:
    """The notices that should have gone out, and the receipts, once all levels are reached."""
    async with bootstrap.connected(installation.config) as log:
        while True:
            levels, wanted = await notified(log)
            told = [decode(Receipt, one.value) async for one in stored(log, MESSAGES_RECEIPTS)]
            told = [one for one in told if one.kind == "notice"]
            if levels >= REQUESTS * LEVELS and len(told) >= len(wanted):
                return wanted, told
            await asyncio.sleep(0.5)


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.xdist_group("kills")
async def test_killed_router_and_senders_lose_no_notice(tmp_path: Path) -> None:
    """The program is told of each level that notifies at least once, and of nothing else."""
    chance = random.Random(11)  # noqa: S311 - moments, not secrets
    receiver = Receiver()
    receiver.delay = lambda: chance.uniform(0, 0.2)
    async with listening(receiver) as url:
        installation = Installation(tmp_path, "router,senders")
        (tmp_path / "secret").write_text(SECRET)
        (tmp_path / "rulebook" / "rules.yaml").write_text(rulebook(url))
        try:
            await installation.start()
            async with bootstrap.connected(installation.config) as log:
                now = await log.now()
                await log.publish([
                    request_message(fill(
                        {"channel": "sms", "account": "shop", "external_id": f"x{number}",
                         "sender": f"+861{number:010}", "text": "hello"},
                        at=now,
                    ))
                    for number in range(REQUESTS)
                ])  # fmt: skip
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.1, 0.7))
                if chance.random() < 0.3:
                    installation.kill_server()
                installation.kill_router()
                await installation.start()
            async with asyncio.timeout(DRAINED_WITHIN_SECONDS):
                wanted, told = await drained(installation)
        finally:
            installation.end()
    assert set(receiver.taken) == wanted, "each at least once, and nothing else"
    assert sorted(one.message for one in told) == sorted(wanted), "one receipt for each notice"
    assert {one.outcome for one in told} == {"delivered"}
    assert len(wanted) >= REQUESTS, "each ticket's director is told at least"
    assert max(receiver.taken.values()) > 1, "some kill must meet a notice on its way"
