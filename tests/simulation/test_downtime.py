"""The router is down for three hours; customers, desktops and deadlines do not wait for it."""

from datetime import datetime, timedelta

import pytest

from channels.identity import request_id, ticket_id
from channels.request import CustomerRequest, Sender
from router import records
from router.core.commands import Command, Name
from router.core.dispatch import Dispatch
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.memory import MemoryLog
from router.shard import Pace, Shard
from tests.simulation.chaos import HEAD, START
from tests.simulation.checkers import Rules, Run, violations
from tests.simulation.reference import Sla
from tests.simulation.stored import event_of

RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas: {standard: {calendar: always, first_response: 1h, resolution: 1d, warn: [50%], ladder: duty}}
ladders: {duty: [{level: 1, after: 0s, notify: [lead]}, {level: 2, after: 30m, notify: [manager]}]}
pools: {service: {queues: [billing]}}
queues: {billing: {targets: [{skills: {}, for: 2h}, {skills: {}}]}}
agents: {ann: {pool: service, queues: [billing], capacity: 3}}
routes: [{id: default, then: {queue: billing, sla: standard, ack: hello}}]
acks: {hello: {sms: "got it"}}
"""
SLA = Sla(3600, None, 86_400, warn=(0.5,), levels=((1, 0), (2, 1800)))
RULES = Rules(capacity={"ann": 3}, weights={}, slas={"standard": SLA})
HOUR = 3600.0


class World:
    """A log that goes on, and a router that may be down."""

    def __init__(self) -> None:
        self.now = START
        self.log = MemoryLog(lambda: self.now)
        self._count = 0
        self.start()

    def start(self) -> None:
        """A new router; what the former one had in memory is gone."""
        pace = Pace(watermark=None)
        self._shards = [
            Shard(self.log, lambda: Triage(HEAD), 0, clock=lambda: self.now, pace=pace),
            Shard(self.log, lambda: Dispatch(HEAD), 0, clock=lambda: self.now, pace=pace),
        ]

    async def work(self, seconds: float = 1) -> None:
        """The router works for so long."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now += timedelta(seconds=0.1)
            for shard in self._shards:
                await shard.turn()

    async def request(self, name: str) -> None:
        """A customer writes."""
        request = CustomerRequest(
            id=request_id("sms", "shop", name), channel="sms", account="shop", external_id=name,
            sender=Sender(address=name), text="hello", received_at=self.now,
        )  # fmt: skip
        await self.log.publish([request_message(request)])

    async def command(self, name: Name, ticket: str | None = None, **fields: str) -> None:
        """Ann's desktop sends a command, whether or not somebody reads it now."""
        self._count += 1
        known = None if ticket is None else ticket_id(request_id("sms", "shop", ticket))
        order = Command(id=f"c{self._count}", command=name, agent="ann", ticket=known, **fields)  # type: ignore[arg-type] # texts
        await self.log.publish([records.command(order, "service", self.now)])

    def run(self) -> Run:
        """All that is stored."""
        return Run([event_of(record) for record in self.log.stored()], self.now)


async def test_three_hours_of_downtime_make_no_false_breach_and_forget_no_true_one() -> None:
    """What was answered in time is; what lapsed is told once, with the two instants of it."""
    world = World()
    await world.log.publish([records.activation({"rules.yaml": RULEBOOK}, 1, world.now)])
    await world.work()
    await world.command("presence", state="available")
    for name in ("in-time", "late", "never"):
        await world.request(name)
    await world.work()
    for name in ("in-time", "late", "never"):
        await world.command("accept", name)
    await world.work()
    down = world.now

    world.now = START + timedelta(hours=0.5)
    await world.request("backlog")
    world.now = START + timedelta(hours=0.9)
    await world.command("reply", "in-time", text="here")
    world.now = START + timedelta(hours=1.25)
    await world.command("reply", "late", text="sorry")
    world.now = START + timedelta(hours=2.9)
    await world.request("fresh")
    world.now = down + timedelta(hours=3)
    up = world.now
    world.start()
    await world.work(5)

    run = world.run()
    assert violations(run, RULES) == []
    told: dict[str, list[tuple[str, float]]] = {}
    for event in run.of("sla.escalations"):
        data = event.data
        if event.type == "sla.cleared":
            continue
        assert datetime.fromisoformat(data["detected_at"]) >= up
        lapsed = datetime.fromisoformat(data["lapsed_at"]) - START
        kind = event.type + str(data.get("level", ""))
        told.setdefault(data["external_id"], []).append((kind, lapsed.total_seconds() / HOUR))
    assert {name: [kind for kind, _ in found] for name, found in told.items()} == {
        "in-time": ["sla.warning"],
        "late": ["sla.warning", "sla.breached", "sla.escalated1"],
        "never": ["sla.warning", "sla.breached", "sla.escalated1", "sla.escalated2"],
        "backlog": ["sla.warning", "sla.breached", "sla.escalated1", "sla.escalated2"],
    }
    loud = {
        event.data["external_id"]: event.data["notify"]
        for event in run.of("sla.escalations", "sla.escalated")
        if event.data["notify"]
    }
    assert loud == {"late": ["lead"], "never": ["manager"], "backlog": ["manager"]}
    assert [at for _, at in told["backlog"]] == pytest.approx([1.0, 1.5, 1.5, 2.0])
    assert not run.of("tickets.events", "ticket.overflowed"), "nobody could be asked meanwhile"
