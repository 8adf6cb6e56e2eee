"""A whole router on a log that fails, in virtual time, from one seed.

Both shards crash between any two steps, come back while their former owner still works, see
records late and twice; producers repeat what was not confirmed; agents act on what they see.
Everything is drawn from the seed: the same seed is the same run.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.errors import Unavailable
from channels.identity import request_id
from channels.request import Channel, CustomerRequest, Sender
from router import records
from router.core.commands import Command, Name
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.memory import Faults, MemoryLog
from router.log.protocol import Fenced, Message, Source
from router.shard import Core, Pace, Shard
from rules.people import PresenceState
from tests.simulation.checkers import Rules, Run
from tests.simulation.invariants import idle_beside_waiting
from tests.simulation.reference import Sla
from tests.simulation.stored import event_of

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
HEAD = Letterhead(secrets=(b"simulation-secret",), domain="sim.example")
EVENTS = Source("tickets.events", 0)

RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas:
  standard: {calendar: always, first_response: 60s, next_response: 60s, resolution: 10m, warn: [50%, 75%], ladder: duty}
  urgent: {calendar: always, first_response: 30s, resolution: 5m, queue_time: 40s, periodic: 40s, warn: [75%], ladder: duty}
  pausing: {calendar: always, first_response: 45s, resolution: 4m, periodic: 50s, queue_time: 25s, pause: [pending], ladder: duty}
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead]}
    - {level: 2, after: 20s, notify: [manager], raise_priority: 1}
    - {level: 3, after: 60s, notify: [director], move_to: rescue}
pools: {service: {queues: [billing, complaints, rescue]}}
queues:
  billing: {offer_timeout: 10s, aging: 30s, wrap_up: 6s}
  complaints: {offer_timeout: 8s, targets: [{skills: {complaints: 2}, for: 20s}, {skills: {complaints: 1}, for: 30s}, {queues: [rescue], for: 20s}]}
  rescue: {offer_timeout: 12s}
agents:
  ann: {pool: service, queues: [billing, complaints], skills: {complaints: 3}, capacity: 3, weights: {email: 2}}
  bob: {pool: service, queues: [billing], capacity: 2}
  cat: {pool: service, queues: [complaints, rescue], skills: {complaints: 1}, capacity: 4, weights: {hotline: all}}
  dan: {pool: service, queues: [rescue], capacity: 1}
tiers: {vip: {priority: 2, sla: urgent, bonus: 30s}, standard: {}}
customers: {c1: {tier: vip, addresses: {sms: ["+8610"]}}}
types: {complaint: {sla: urgent}}
routes:
  - {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
  - {id: complaint, when: {text: {keywords: [投诉, complaint]}}, then: {queue: complaints, type: complaint, priority: 1, ack: hello}}
  - {id: repair, when: {text: {keywords: [repair]}}, then: {queue: billing, sla: pausing}}
  - {id: default, then: {queue: billing, sla: standard, ack: hello}}
acks: {hello: {sms: "got it {{ ticket }}", chat: "hello {{ ticket }}", email: "dear {{ ticket }}"}}
threading: {window: {sms: 15m, chat: 10m}, reopen: 3m, dedup: 1h}
presence: {grace: 15s, ramp: {start: 1, every: 20s}}
protection: {types: [complaint], in_a_row: 2, rest: 40s, pause: 5s}
"""  # noqa: E501 - one thing a line reads better here

DUTY = ((1, 0), (2, 20), (3, 60))

RULES = Rules(
    capacity={"ann": 3, "bob": 2, "cat": 4, "dan": 1},
    weights={"ann": {"email": 2}, "cat": {"hotline": 4}},
    slas={
        "standard": Sla(60, 60, 600, warn=(0.5, 0.75), levels=DUTY),
        "urgent": Sla(30, None, 300, periodic=40, queue_time=40, warn=(0.75,), levels=DUTY),
        "pausing": Sla(45, None, 240, periodic=50, queue_time=25, levels=DUTY, pauses=True),
    },
)

TEXTS = (
    "hello",
    "我要投诉",
    "a complaint",
    "please repair it",
    "a repair",
    "casino bonus",
    "thanks",
    "在吗",
)
AGENTS = ("ann", "bob", "cat", "dan")
GONE: tuple[PresenceState, ...] = ("away", "busy", "offline")
OWN_WORK: tuple[Name, ...] = (
    "reply", "reply", "resolve", "pending", "pending", "resume", "transfer", "note", "reopen",
)  # fmt: skip


class Chaos:
    """One run. `play` a number of steps, then `settle`, then `run` is what the checkers read."""

    rulebook = RULEBOOK

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a simulation draws, it hides nothing
        self.now = START
        self.faults = Faults(
            random.Random(seed + 1),  # noqa: S311 - as above
            before_commit=0.03,
            after_commit=0.03,
            before_publish=0.05,
            after_publish=0.05,
            delay=timedelta(seconds=2),
        )
        self.log = MemoryLog(lambda: self.now, faults=self.faults)
        self.shards = [self._shard(0), self._shard(1)]
        self.zombies: list[Shard] = []
        self._seen = -1
        self._offers: dict[str, tuple[str, str]] = {}
        self._owned: dict[str, str] = {}
        self._count = 0
        self._requests: list[CustomerRequest] = []
        self.idle: list[str] = []

    def _shard(self, number: int) -> Shard:
        cores: tuple[Callable[[], Core], ...] = (lambda: Triage(HEAD), lambda: Dispatch(HEAD))
        pace = Pace(batch_records=self.chance.choice([1, 3, 50]), watermark=None)
        return Shard(self.log, cores[number], 0, clock=lambda: self.now, pace=pace)

    async def play(self, steps: int) -> None:
        """Do so many things, one after another."""
        await self._publish(records.activation({"rules.yaml": self.rulebook}, 1, self.now))
        actions: tuple[tuple[Callable[[], Any], int], ...] = (
            (self._time_passes, 20),
            (self._shard_turns, 45),
            (self._customer_writes, 6),
            (self._agent_acts, 40),
            (self._shard_crashes, 2),
            (self._zombie_rises, 1),
            (self._zombie_turns, 2),
        )
        choices = [action for action, weight in actions for _ in range(weight)]
        for _ in range(steps):
            result = self.chance.choice(choices)()
            if result is not None:
                await result

    async def settle(self, hours: float = 1.0) -> None:
        """No more faults, nobody acts: let everything be read, and everything lapse."""
        self.log.faults = None
        for _ in range(200):
            self.now += timedelta(hours=hours) / 200
            for _ in range(6):
                for index in range(len(self.shards)):
                    await self._turn(index)

    async def restored(self) -> list[tuple[Shard, Shard]]:
        """Each shard with another that was restored from what is stored."""
        pairs = []
        for index, shard in enumerate(self.shards):
            fresh = self._shard(index)
            await fresh.open()
            pairs.append((shard, fresh))
        return pairs

    def run(self) -> Run:
        """All that is stored, as any consumer sees it."""
        return Run([event_of(record) for record in self.log.stored()], self.now)

    def _time_passes(self) -> None:
        self.now += timedelta(seconds=self.chance.choice([0.01, 0.5, 0.5, 1, 2, 5, 11]))

    async def _shard_turns(self) -> None:
        await self._turn(self.chance.randrange(2))

    async def _turn(self, index: int) -> None:
        """A shard's turn; what stops it makes it open anew, as its loop does."""
        shard = self.shards[index]
        try:
            await shard.turn()
        except Unavailable:
            await shard.close()
            return
        if isinstance(shard.core, Dispatch) and shard._caught_up:
            self.idle += idle_beside_waiting(shard.core)

    def _shard_crashes(self) -> None:
        """All that was in memory is gone; a new process will open the shard."""
        index = self.chance.randrange(2)
        self.shards[index] = self._shard(index)

    def _zombie_rises(self) -> None:
        """A process that was believed dead goes on beside its successor."""
        index = self.chance.randrange(2)
        self.zombies.append(self.shards[index])
        self.shards[index] = self._shard(index)

    async def _zombie_turns(self) -> None:
        if not self.zombies:
            return
        zombie = self.chance.choice(self.zombies)
        if zombie._handle is None:
            self.zombies.remove(zombie)
            return
        try:
            await zombie.turn()
        except (Fenced, Unavailable):
            self.zombies.remove(zombie)

    async def _publish(self, message: Message) -> None:
        """As every edge does: again, until it is confirmed."""
        for _ in range(50):
            try:
                await self.log.publish([message])
            except Unavailable:
                continue
            return

    async def _customer_writes(self) -> None:
        if self._requests and self.chance.random() < 0.1:
            await self._publish(request_message(self.chance.choice(self._requests)))
            return
        self._count += 1
        channels: list[Channel] = ["sms", "chat", "email"]
        channel = self.chance.choice(channels)
        address = f"+86{self.chance.randrange(10, 16)}"
        if self._requests and self.chance.random() < 0.5:
            earlier = self.chance.choice(self._requests[-12:])
            channel, address = earlier.channel, earlier.sender.address
        external_id = f"m{self._count}"
        request = CustomerRequest(
            id=request_id(channel, "shop", external_id),
            channel=channel,
            account="shop",
            external_id=external_id,
            sender=Sender(address=address),
            text=self.chance.choice(TEXTS),
            received_at=self.now,
            automatic="bulk" if self.chance.random() < 0.05 else None,
        )
        self._requests.append(request)
        await self._publish(request_message(request))

    async def _agent_acts(self) -> None:
        self._look()
        order = self._order()
        if order is not None:
            message = records.command(order, "service", self.now)
            for _ in range(2 if self.chance.random() < 0.05 else 1):
                await self._publish(message)

    def _order(self) -> Command | None:
        self._count += 1
        identity = f"c{self._count}"
        agent = self.chance.choice(AGENTS)
        action = self.chance.random()
        if action < 0.15:
            free: list[PresenceState] = ["available"] * 6
            state = self.chance.choice([*free, *GONE])
            lease = self.chance.choice([None, None, 40.0])
            return Command(
                id=identity, command="presence", agent=agent, state=state, lease_seconds=lease
            )
        if self._offers and action < 0.5:
            ticket = self.chance.choice(sorted(self._offers))
            owner, offer = self._offers[ticket]
            name: Name = "decline" if self.chance.random() < 0.2 else "accept"
            who = agent if self.chance.random() < 0.05 else owner
            return Command(id=identity, command=name, agent=who, ticket=ticket, offer=offer)
        if self._owned:
            return self._own_work(identity)
        return Command(id=identity, command="take", agent=agent)

    def _own_work(self, identity: str) -> Command:
        ticket = self.chance.choice(sorted(self._owned))
        common: dict[str, Any] = {"id": identity, "agent": self._owned[ticket], "ticket": ticket}
        name = self.chance.choice(OWN_WORK)
        text = "done" if name in {"reply", "note"} else None
        queue = self.chance.choice(["billing", "rescue"]) if name == "transfer" else None
        return Command(command=name, text=text, queue=queue, **common)

    def _look(self) -> None:
        """What the desktops have seen of the tickets' events so far."""
        found, _ = self.log.read(EVENTS, self._seen, 10_000)
        self._seen += len(found)
        for record in found:
            data = json.loads(record.value)
            ticket, kind = data.get("ticket"), record.envelope.type
            if kind == "ticket.offered":
                self._offers[ticket] = data["agent"], data["offer"]
            elif kind.startswith("ticket.offer_") or kind == "ticket.assigned":
                self._offers.pop(ticket, None)
                if kind == "ticket.assigned":
                    self._owned[ticket] = data["agent"]
            elif kind in {"ticket.closed", "ticket.requeued", "ticket.transferred"}:
                self._owned.pop(ticket, None)
