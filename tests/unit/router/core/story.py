"""A router in virtual time, told as a story: customers write, agents act, time passes.

Both stages run over the memory log, with the records that the edges publish. Instants are seconds
since the story began. A record that becomes a dead letter fails the story unless it says so.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import yaml

from channels.contract import encode
from channels.defaults import fill
from channels.identity import ticket_id
from channels.outbound import Receipt
from router import deadletter, operations, records
from router.core.commands import Command
from router.core.desk import Desk
from router.core.dispatch import Dispatch
from router.core.entities.ticket import Ticket
from router.core.events import CustomerChanged
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.protocol import Envelope, Message
from router.topics import CUSTOMERS, MESSAGES_RECEIPTS, TICKETS_EVENTS
from router.world import TICK, World

START = datetime(2027, 3, 1, 9, tzinfo=UTC)

RULEBOOK = """
calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}
slas:
  standard: {calendar: always, first_response: 60s, next_response: 60s, resolution: 10m}
pools:
  service: {queues: [billing, repairs, rescue]}
  office: {queues: [claims]}
queues:
  billing: {offer_timeout: 10s}
  repairs: {offer_timeout: 10s}
  rescue: {offer_timeout: 10s}
  claims: {offer_timeout: 10s}
agents:
  ann: {pool: service, queues: [billing, repairs], capacity: 2}
  bob: {pool: service, queues: [billing]}
  dan: {pool: service, queues: [rescue]}
  eve: {pool: office, queues: [claims]}
routes:
  - {id: claim, when: {text: {keywords: [claim]}}, then: {queue: claims, sla: standard}}
  - {id: repair, when: {text: {keywords: [repair]}}, then: {queue: repairs, sla: standard}}
  - {id: default, then: {queue: billing, sla: standard}}
threading: {window: {sms: 1h}, reopen: 10m, dedup: 1h}
presence: {grace: 15s}
"""

Rules = dict[str, Any]


def rules(changes: str = "") -> Rules:
    """The story's rulebook with `changes` (YAML) merged in; null removes."""
    return merged(yaml.safe_load(RULEBOOK), yaml.safe_load(changes) or {})


def merged(old: Rules, changes: Mapping[str, Any]) -> Rules:
    """`old` with `changes` merged in, mapping by mapping; null removes."""
    new = deepcopy(old)
    for key, value in changes.items():
        if value is None:
            del new[key]
        elif isinstance(value, dict) and isinstance(new.get(key), dict):
            new[key] = merged(new[key], value)
        else:
            new[key] = value
    return new


def written(rulebook: Rules) -> dict[str, str]:
    """The rulebook's files (YAML takes JSON too)."""
    return {"rules.yaml": json.dumps(rulebook)}


@dataclass(frozen=True)
class Told:
    """An event that the router emitted, `at` seconds after the beginning."""

    at: float
    topic: str
    type: str
    data: dict[str, Any]


class Story:
    """One run of the router under one rulebook, or several."""

    def __init__(self, *, dead_letters: bool = False) -> None:
        self.told: list[Told] = []
        self._dead_letters = dead_letters
        self._world = World(START, self._hear)
        self._count = 0
        self._activations = 0
        self._tickets: dict[str, str] = {}

    @classmethod
    async def begin(cls, changes: str = "", *, dead_letters: bool = False) -> "Story":
        """A story under `rules(changes)`."""
        story = cls(dead_letters=dead_letters)
        await story.enforce(rules(changes))
        return story

    async def enforce(self, rulebook: Rules) -> None:
        """Put a rulebook in force."""
        self._activations += 1
        await self._world.activate(written(rulebook), self._activations)

    async def at(self, seconds: float) -> None:
        """Let time pass until `seconds` after the beginning; what is due before then happens."""
        await self._world.advance(START + timedelta(seconds=seconds))

    async def after(self, seconds: float) -> None:
        """Let time pass until just after `seconds`: what is due then has happened."""
        await self._world.advance(START + timedelta(seconds=seconds) + TICK)

    async def finish(self) -> None:
        """Let what is due at the present instant happen."""
        await self._world.finish()

    async def request(self, name: str, text: str = "hello", **fields: Any) -> str:
        """A customer writes (by SMS, unless told otherwise); returns the ticket it would open."""
        document = {
            "channel": "sms", "account": "shop", "external_id": name, "sender": "+8610",
            "text": text, **fields,
        }  # fmt: skip
        request = fill(document, at=self._world.now)
        self._tickets[name] = ticket_id(request.id)
        await self._world.publish([request_message(request)])
        return self._tickets[name]

    async def available(self, *agents: str, lease_seconds: float | None = None) -> None:
        """These agents are available."""
        for agent in agents:
            seconds = lease_seconds
            said = await self.command(agent, "presence", state="available", lease_seconds=seconds)
            assert said is None

    async def command(
        self, agent: str, command: str, ticket: str | None = None, **fields: Any
    ) -> str | None:
        """An agent's desktop sends a command; returns why it was rejected, None when it was not.

        `ticket` is the name of the request that opened it.
        """
        self._count += 1
        fields.setdefault("id", f"c{self._count}")
        order = Command(
            command=cast("Any", command),
            agent=agent,
            ticket=None if ticket is None else self._tickets.get(ticket, ticket),
            **fields,
        )
        before = len(self.told)
        await self._world.publish([records.command(order, "service", self._world.now)])
        outcomes = {"command.accepted", "command.rejected"}
        (outcome,) = [one for one in self.told[before:] if one.type in outcomes]
        return outcome.data.get("reason")

    async def hand(self, agent: str, ticket: str) -> None:
        """The agent, who is on offer the ticket, accepts it."""
        assert await self.command(agent, "accept", ticket) is None

    async def customer(self, **fields: Any) -> None:
        """Reference data of a customer changes."""
        self._count += 1
        event = CustomerChanged(**fields)
        envelope = Envelope(f"customer/{self._count}", event.TYPE, "test", self._world.now)
        await self._world.publish([Message(CUSTOMERS, event.id, encode(event), envelope)])

    async def receipt(self, ticket: str, **fields: Any) -> None:
        """A sender reports what became of a message that was sent for the ticket."""
        self._count += 1
        receipt = Receipt(
            id=f"r{self._count}", ticket=self._tickets.get(ticket, ticket),
            pool="service", at=self._world.now,
            **({"message": "m1", "kind": "reply", "outcome": "failed"} | fields),
        )  # fmt: skip
        envelope = Envelope(receipt.id, "message.receipt", "test", self._world.now)
        await self._world.publish(
            [Message(MESSAGES_RECEIPTS, "service", encode(receipt), envelope)]
        )

    async def publish(self, topic: str, key: str, type: str, data: object, id: str) -> None:
        """Any other record comes."""
        envelope = Envelope(id, type, "test", self._world.now)
        await self._world.publish([Message(topic, key, encode(data), envelope)])

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self._world.now

    @property
    def triage(self) -> Triage:
        """The core of stage 1."""
        return cast("Triage", self._world.shards[0].core)

    @property
    def dispatch(self) -> Dispatch:
        """The core of stage 2."""
        return cast("Dispatch", self._world.shards[1].core)

    @property
    def desk(self) -> Desk:
        """What dispatch remembers."""
        return self.dispatch.desk

    def ticket(self, name: str) -> Ticket:
        """The ticket that the request `name` opened, as dispatch has it."""
        return self.desk.tickets.rows[self._tickets[name]]

    def id(self, name: str) -> str:
        """The id of the ticket that the request `name` opened."""
        return self._tickets[name]

    def events(
        self, type: str, ticket: str | None = None, topic: str = TICKETS_EVENTS
    ) -> list[Told]:
        """The events of a type, of one ticket or of all, as told on a topic."""
        wanted = None if ticket is None else self._tickets[ticket]
        return [
            one
            for one in self.told
            if one.type == type
            and one.topic == topic
            and (wanted is None or one.data.get("ticket") == wanted)
        ]

    def one(self, type: str, ticket: str | None = None, topic: str = TICKETS_EVENTS) -> Told:
        """The only such event."""
        (found,) = self.events(type, ticket, topic)
        return found

    def types(self, ticket: str | None = None, topic: str = TICKETS_EVENTS) -> list[str]:
        """What was told of a ticket on a topic, in order."""
        wanted = None if ticket is None else self._tickets[ticket]
        return [
            one.type
            for one in self.told
            if one.topic == topic and (wanted is None or one.data.get("ticket") == wanted)
        ]

    def holders(self, ticket: str) -> list[str]:
        """To whom the ticket was offered, in order."""
        return [one.data["agent"] for one in self.events("ticket.offered", ticket)]

    def forget(self) -> None:
        """Only what is told from here on matters."""
        self.told.clear()

    def _hear(self, message: Message) -> None:
        data = json.loads(message.value or b"null")
        kind = message.envelope.type
        at = (message.envelope.time - START).total_seconds()
        self.told.append(Told(at, message.topic, kind, data))
        if kind == operations.TimerFailed.TYPE or (
            kind == deadletter.TYPE and not self._dead_letters
        ):
            raise AssertionError(f"{kind}: {data['error']}: {data['problem']}")
