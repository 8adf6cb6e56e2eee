"""A whole router on a log that fails, in virtual time, from one seed.

Triage and the shards of two pools crash between any two steps, come back while their former owner
still works, are all down for a while, see records late and twice; producers repeat what was not
confirmed; the rulebook changes while work is going on; agents act on what they see. Everything is
drawn from the seed: the same seed is the same run.
"""

import json
import random
from collections.abc import Callable, Sequence
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
from router.shard import Pace, Shard
from router.stepping import Core
from router.topics import Partitions
from rules.people import PresenceState
from tests.simulation.checkers import Rules, Run
from tests.simulation.invariants import idle_beside_waiting, wrongly_placed
from tests.simulation.rulebooks import VARIANTS, WRITTEN
from tests.simulation.stored import event_of
from tests.simulation.supervision import Drawn

START = datetime(2027, 3, 1, 9, tzinfo=UTC)
HEAD = Letterhead(secrets=(b"simulation-secret",), domain="sim.example")
EVENTS = Source("tickets.events", 0)

TEXTS = (
    "hello",
    "我要投诉",
    "a complaint",
    "please repair it",
    "a repair",
    "casino bonus",
    "thanks",
    "在吗",
    "a claim",
    "claim it",
    "on paper",
)
POOL_OF = {agent: "service" for agent in ("ann", "bob", "cat", "dan", "sue")} | {
    "eve": "office", "fay": "office",
}  # fmt: skip
AGENTS = tuple(POOL_OF)
DOWN_SECONDS = (30, 90, 240)
GONE: tuple[PresenceState, ...] = ("away", "busy", "offline")
OWN_WORK: tuple[Name, ...] = (
    "reply", "reply", "resolve", "pending", "pending", "resume", "transfer", "note", "reopen",
)  # fmt: skip


class Chaos:
    """One run. `play` a number of steps, then `settle`, then `run` is what the checkers read."""

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
        self.log = MemoryLog(lambda: self.now, Partitions(dispatch=2), faults=self.faults)
        self.shards = [self._shard(index) for index in range(3)]
        self.zombies: list[tuple[int, Shard]] = []
        self.enforced: list[str] = []
        self._in_force: dict[int, int] = {}
        self._turns: list[tuple[int, tuple[int, int]]] = []
        self._seen = -1
        self._offers: dict[str, tuple[str, str]] = {}
        self._owned: dict[str, str] = {}
        self._drawn = Drawn(self.chance)
        self._count = 0
        self._requests: list[CustomerRequest] = []
        self.wrong: list[str] = []

    def _shard(self, index: int) -> Shard:
        cores: tuple[Callable[[], Core], ...] = (lambda: Triage(HEAD), lambda: Dispatch(HEAD))
        pace = Pace(batch_records=self.chance.choice([1, 3, 50]), watermark=None)
        partition = max(index - 1, 0)
        core = cores[min(index, 1)]
        return Shard(self.log, core, partition, clock=lambda: self.now, pace=pace)

    async def play(self, steps: int) -> None:
        """Do so many things, one after another."""
        await self._enforce("first")
        actions: tuple[tuple[Callable[[], Any], int], ...] = (
            (self._time_passes, 200),
            (self._shard_turns, 600),
            (self._customer_writes, 60),
            (self._agent_acts, 420),
            (self._shard_crashes, 30),
            (self._zombie_rises, 10),
            (self._zombie_turns, 20),
            (self._rules_change, 6),
            (self._all_are_down, 3),
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
            for _ in range(4):
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
        events = [event_of(record) for record in self.log.stored()]
        return Run(events, self.now, under=self._under())

    def _under(self) -> list[Sequence[Rules]]:
        """The rules under which each of `tickets.events` may have come about."""
        found: list[Sequence[Rules]] = []
        for length, (first, last) in self._turns:
            numbers = range(max(first, 1), max(first, last, 1) + 1)
            rules = [VARIANTS[self.enforced[number - 1]][1] for number in numbers]
            found += [rules] * (length - len(found))
        return found

    def _time_passes(self) -> None:
        self.now += timedelta(seconds=self.chance.choice([0.01, 0.5, 0.5, 1, 2, 5, 11]))

    async def _enforce(self, variant: str) -> None:
        """Put a rulebook in force, though not everywhere at once."""
        self.enforced.append(variant)
        files, number = {"rules.yaml": self._written(variant)}, len(self.enforced)
        await self._publish(records.activation(files, number, self.now))

    def _written(self, variant: str) -> str:
        return WRITTEN[variant]

    async def _rules_change(self) -> None:
        await self._enforce(self.chance.choice([*VARIANTS]))

    def _all_are_down(self) -> None:
        """Nothing of the router runs for a while; what was in memory is gone."""
        self.shards = [self._shard(index) for index in range(len(self.shards))]
        self.zombies.clear()
        self.now += timedelta(seconds=self.chance.choice(DOWN_SECONDS))

    async def _shard_turns(self) -> None:
        await self._turn(self.chance.randrange(len(self.shards)))

    async def _turn(self, index: int) -> None:
        """A shard's turn; what stops it makes it open anew, as its loop does."""
        shard = self.shards[index]
        try:
            await self._watched(index, shard)
        except Unavailable:
            await shard.close()
            return
        if isinstance(shard.core, Dispatch) and shard._caught_up:
            self.wrong += idle_beside_waiting(shard.core) + wrongly_placed(shard.core)

    async def _watched(self, index: int, shard: Shard) -> None:
        """A turn, of which is noted under which activations it may have told what it told."""
        first = self._in_force.get(index, 0)
        try:
            await shard.turn()
            self._in_force[index] = shard.core.activation
        finally:
            # Where the reply was lost, what it has put in force may be stored, or may not be.
            last = max(first, shard.core.activation)
            self._turns.append((self.log.length(EVENTS), (first, last)))

    def _shard_crashes(self) -> None:
        """All that was in memory is gone; a new process will open the shard."""
        index = self.chance.randrange(len(self.shards))
        self.shards[index] = self._shard(index)

    def _zombie_rises(self) -> None:
        """A process that was believed dead goes on beside its successor."""
        index = self.chance.randrange(len(self.shards))
        self.zombies.append((index, self.shards[index]))
        self.shards[index] = self._shard(index)

    async def _zombie_turns(self) -> None:
        if not self.zombies:
            return
        index, zombie = chosen = self.chance.choice(self.zombies)
        if zombie._handle is None:
            self.zombies.remove(chosen)
            return
        try:
            await self._watched(index, zombie)
        except (Fenced, Unavailable):
            self.zombies.remove(chosen)

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
            message = records.command(order, POOL_OF[order.agent], self.now)
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
        if self._drawn.open and action > 0.95:
            return self._drawn.supervised(identity, AGENTS, self.now)
        if self._owned and action > 0.9:
            return self._drawn.own(identity, self._owned, self.now)
        if self._owned and action < 0.85:
            return self._own_work(identity)
        return Command(id=identity, command="take", agent=agent)

    def _own_work(self, identity: str) -> Command:
        ticket = self.chance.choice(sorted(self._owned))
        common: dict[str, Any] = {"id": identity, "agent": self._owned[ticket], "ticket": ticket}
        name = self.chance.choice(OWN_WORK)
        text = "done" if name in {"reply", "note"} else None
        queue = (
            self.chance.choice(["billing", "rescue", "claims", "archive"])
            if name == "transfer"
            else None
        )
        return Command(command=name, text=text, queue=queue, **common)

    def _look(self) -> None:
        """What the desktops have seen of the tickets' events so far."""
        found, _ = self.log.read(EVENTS, self._seen, 10_000)
        self._seen += len(found)
        for record in found:
            data = json.loads(record.value)
            ticket, kind = data.get("ticket"), record.envelope.type
            self._drawn.see(kind, ticket)
            if kind == "ticket.offered":
                self._offers[ticket] = data["agent"], data["offer"]
            elif kind.startswith("ticket.offer_") or kind == "ticket.assigned":
                self._offers.pop(ticket, None)
                if kind == "ticket.assigned":
                    self._owned[ticket] = data["agent"]
            elif kind in {
                "ticket.closed", "ticket.requeued", "ticket.transferred", "ticket.merged",
            }:  # fmt: skip
                self._owned.pop(ticket, None)
