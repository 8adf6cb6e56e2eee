"""With several shards a follow-up finds its way to the triage shard that knows its customer."""

import json
from collections.abc import Callable
from datetime import timedelta

from channels.defaults import fill
from channels.identity import ticket_id
from router import records
from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.memory import MemoryLog
from router.log.protocol import Record
from router.shard import Pace, Shard
from router.stepping import Core
from router.topics import Partitions
from router.world import LETTERHEAD
from tests.unit.router.core.story import START, rules, written

CUSTOMERS = 12


class Router:
    """Three triage shards, two dispatch shards, and a clock."""

    def __init__(self) -> None:
        self.now = START
        self.log = MemoryLog(lambda: self.now, Partitions(triage=3, dispatch=2))
        cores: tuple[tuple[Callable[[], Core], int], ...] = (
            (lambda: Triage(LETTERHEAD), 3),
            (lambda: Dispatch(LETTERHEAD), 2),
        )
        pace = Pace(wait_seconds=0, watermark=None)
        self.shards = [
            Shard(self.log, core, number, clock=lambda: self.now, pace=pace)
            for core, count in cores
            for number in range(count)
        ]

    async def rest(self, seconds: float = 1) -> None:
        """Let time pass, and everything be read."""
        self.now += timedelta(seconds=seconds)
        for _ in range(4):
            for shard in self.shards:
                await shard.turn()
            self.now += timedelta(milliseconds=1)

    def requests(self) -> dict[str, Record]:
        """What is stored of requests, by their external ids."""
        return {
            json.loads(one.value)["external_id"]: one
            for one in self.log.stored()
            if one.topic == "requests.inbound"
        }


async def test_each_follow_up_comes_to_its_customers_shard() -> None:
    """The partition of the follow-up's request is that of the first one; none is forgotten."""
    router = Router()
    await router.log.publish([records.activation(written(rules()), 1, router.now)])
    await router.rest()
    for number in range(CUSTOMERS):
        given = {
            "channel": "sms", "account": "shop", "external_id": f"x{number}",
            "sender": f"+86138001380{number:02}", "text": ["hello", "claim"][number % 2],
        }  # fmt: skip
        await router.log.publish([request_message(fill(given, at=router.now))])
    await router.rest()
    first = router.requests()
    for name, record in first.items():
        agent, pool = ("ann", "service") if int(name[1:]) % 2 == 0 else ("eve", "office")
        command = Command(
            id=f"c/{name}", command="follow_up", agent=agent, kind="callback", after="1h",
            ticket=ticket_id(record.envelope.id),
        )  # fmt: skip
        await router.log.publish([records.command(command, pool, router.now)])
    await router.rest()
    await router.rest(3600)
    await router.rest()
    found = router.requests()
    assert {one.partition for one in first.values()} == {0, 1, 2}
    for name, record in first.items():
        assert found[f"follow-up:{name}:1"].partition == record.partition
    opened = [
        json.loads(one.value)["external_id"]
        for one in router.log.stored()
        if one.envelope.type == "ticket.opened" and one.topic == "tickets.events"
    ]
    assert sorted(opened) == sorted(found)
    assert len(opened) == 2 * CUSTOMERS
