"""`switchboard rules stats` on what a router on a real log has decided."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from channels.defaults import fill
from router import bootstrap, records
from router.core.events import RequestFiled, TicketOpened
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.kafka import KafkaLog
from router.log.protocol import Log
from router.log.reading import stored
from router.rulebook_files import read_folder
from router.settings import load
from router.shard import Pace, Shard
from router.topics import TICKETS_EVENTS
from rules.load import version
from tests import commands
from tests.kafka.cluster import Cluster
from tests.kafka.fixtures import External

HEAD = Letterhead(secrets=(b"secret-of-32-bytes-for-these-tests",), domain="shop.example")
EXAMPLE = Path(__file__).parents[2] / "rules" / "example"
AT = datetime(2027, 1, 6, 3, tzinfo=UTC)
"""Wednesday at eleven in the example's shop: open."""
TEXTS = (
    "Where is my refund?",
    "我要投诉",
    "The heater is broken",
    "online casino!",
    "hello",
    "退款",
)
PARTITIONS = 3


run = partial(commands.run, "rules stats")
report = partial(commands.report, "rules stats")


async def decided(log: Log) -> None:
    """The example in force, and a request of each text decided, in all partitions."""
    await log.publish([records.activation(read_folder(EXAMPLE), 1, datetime.now(UTC))])
    for number, text in enumerate(TEXTS):
        document = {"external_id": f"x{number}", "sender": f"visitor-{number}", "text": text}
        await log.publish([request_message(fill(document, at=AT))])
    pace = Pace(watermark=None)
    shards = [
        Shard(log, lambda: Triage(HEAD), number, clock=lambda: datetime.now(UTC), pace=pace)
        for number in range(PARTITIONS)
    ]
    async with asyncio.timeout(60):
        while await _decisions(log) < len(TEXTS):
            for shard in shards:
                await shard.turn(0.1)
    for shard in shards:
        await shard.close()


async def _decisions(log: Log) -> int:
    types = {TicketOpened.TYPE, RequestFiled.TYPE}
    return len([one async for one in stored(log, TICKETS_EVENTS) if one.envelope.type in types])


def won(found: dict[str, Any]) -> dict[str, int]:
    """How often each route won, of those that did."""
    return {one["id"]: one["won"] for one in found["routes"] if one["won"]}


@pytest.mark.services
async def test_what_a_router_has_decided_is_counted(tmp_path: Path) -> None:
    """Of every partition, as it was decided then, by another rulebook, or of a file by this one."""
    config = tmp_path / "config"
    config.mkdir()
    settings = f"namespace: stats\ntriage_partitions: {PARTITIONS}\n"
    (config / "switchboard.yaml").write_text(settings)
    async with bootstrap.opened(load(config)) as log:
        await decided(log)
        found = await report(config)
        assert (found["decisions"], found["tickets"], found["filed"]) == (6, 5, {"spam": 1})
        assert won(found) == {"junk": 1, "complaint": 1, "repair": 1, "money": 2, "default": 1}
        assert (found["default"], found["default_share"]) == (1, 0.1667)
        hashed = version(read_folder(EXAMPLE))
        assert [(one["version"], one["decisions"]) for one in found["versions"]] == [(hashed, 6)]
        assert found["cost"]["requests"] == 6

        anew = await report(config, "--rulebook", EXAMPLE)
        assert (anew["decided"], anew["decisions"], won(anew)) == ("anew", 6, won(found))

        lines = [
            json.dumps({"received_at": AT.isoformat(), "external_id": text, "text": text})
            for text in ("refund", "broken heater")
        ]
        (tmp_path / "in.jsonl").write_text("\n".join(lines))
        given = await report(config, "--input", tmp_path / "in.jsonl")
        assert (given["rulebook"]["version"], won(given)) == (hashed, {"money": 1, "repair": 1})

        later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        code, out, _ = await run(config, "--from", later)
        assert (code, out.splitlines()[1:]) == (0, ["nothing was decided then"])
        assert (await report(config, "--to", later))["decisions"] == 6
        code, _, err = await run(config, "--rulebook", "nobody")
        assert (code, "'nobody' names no version" in err) == (1, True)


@pytest.mark.kafka
@pytest.mark.services
@pytest.mark.xdist_group("kafka")
async def test_what_is_decided_on_kafka_is_counted(
    kafka: Cluster | External, tmp_path: Path
) -> None:
    """The same there, also before anything was written to some of the topics."""
    settings = (
        f"log: kafka://{kafka.bootstrap}\nnamespace: stats-{uuid.uuid4().hex[:8]}\n"
        f"triage_partitions: {PARTITIONS}\nkafka: {{replication: 1}}\n"
    )
    (tmp_path / "switchboard.yaml").write_text(settings)
    async with bootstrap.opened(load(tmp_path)) as log:
        assert isinstance(log, KafkaLog)
        await log.apply([])
        await decided(log)
        found = await report(tmp_path)
        anew = await report(tmp_path, "--rulebook", EXAMPLE)
    assert (found["decisions"], found["tickets"], found["filed"]) == (6, 5, {"spam": 1})
    assert (anew["decisions"], anew["missing"], won(anew)) == (6, 0, won(found))
    assert (found["cost"]["requests"], anew["cost"]["requests"]) == (6, 6)


@pytest.mark.services
async def test_a_log_that_does_not_run_is_said(tmp_path: Path) -> None:
    """Exit code 3; and 3 as well where no rulebook was ever in force."""
    (tmp_path / "switchboard.yaml").write_text("namespace: stats\n")
    code, _, err = await run(tmp_path)
    assert (code, "nothing runs on" in err) == (3, True)
    async with bootstrap.opened(load(tmp_path)):
        code, _, err = await run(tmp_path)
        assert (code, "no rulebook is in force yet" in err) == (3, True)
