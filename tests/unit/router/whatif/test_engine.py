"""Both cores without a log do what they do over one."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from channels.contract import encode
from channels.defaults import fill
from channels.request import CustomerRequest
from router import records
from router.core.commands import Command
from router.core.events import TicketTriaged
from router.core.outputs import Output
from router.edges.intake import request_message
from router.log.protocol import Message
from router.topics import TICKETS_TRIAGED
from router.whatif.engine import Engine
from router.world import World
from tests.unit.router.core.story import START, rules, written

FILES = written(
    rules(
        """
        ladders: {duty: [{level: 1, after: 0s}, {level: 2, after: 5m, move_to: claims}]}
        slas: {standard: {ladder: duty, warn: [50%]}}
        acks: {got: {sms: "{{ ticket }}"}}
        queues: {repairs: {targets: [{for: 40s}, {queues: [rescue], for: 60s}]}}
        routes:
        - {id: spam, when: {text: {keywords: [casino]}}, then: {drop: spam}}
        - {id: repair, when: {text: {keywords: [repair]}}, then: {queue: repairs, sla: standard}}
        - {id: default, then: {queue: billing, sla: standard, ack: got}}
        """
    )
)
Step = tuple[float, str, str, str]
"""Seconds, who, what, about which request."""

STORY: list[Step] = [
    (0, "ann", "available", ""),
    (1, "+8610", "a bill", "x1"),
    (1, "+8611", "a repair please", "x2"),
    (5, "ann", "accept", "x1"),
    (6, "+8610", "a bill", "x1"),
    (7, "+8612", "casino", "x3"),
    (9, "ann", "reply", "x1"),
    (10, "+8613", "a bill", "x6"),
    (12, "ann", "accept", "x6"),
    (13, "ann", "follow_up", "x6"),
    (13, "ann", "resolve", "x6"),
    (20, "+8610", "and one more thing", "x4"),
    (30, "ann", "resolve", "x1"),
    (31, "+8610", "not settled at all", "x5"),
    (40, "dan", "available", ""),
    (90, "dan", "accept", "x2"),
    (95, "ann", "accept", "x2"),
    (2000, "ann", "away", ""),
    (2500, "+8619", "a bill", "x9"),
    (2600, "ann", "available", ""),
    (2601, "ann", "accept", "x9"),
    (2602, "ann", "split", "x9"),
    (4000, "", "", ""),
]


def at(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def request(step: Step) -> CustomerRequest:
    """The step's message."""
    seconds, sender, text, name = step
    given = {"channel": "sms", "account": "s", "external_id": name, "sender": sender, "text": text}
    return fill(given, at=at(seconds))


def command(number: int, step: Step, tickets: dict[str, str]) -> Command:
    """The step's command."""
    _, agent, said, name = step
    if not name:
        state: Any = said
        return Command(id=f"c{number}", agent=agent, command="presence", state=state)
    what: Any = said
    further: Any = {"kind": "revisit", "after": "10m"} if said == "follow_up" else {}
    return Command(
        id=f"c{number}", agent=agent, command=what, ticket=tickets.get(name), text="Hello",
        **further,
    )  # fmt: skip


def told(topic: str, type: str, id: str, time: datetime, data: bytes) -> tuple[Any, ...]:
    """What is compared of an output. What triage hands over embeds the request as it came."""
    said = json.loads(data)
    if topic == TICKETS_TRIAGED and isinstance(said.get("request"), dict):
        said["request"] = said["request"]["id"]
    return topic, type, id, time, said


class Learner:
    """Notes everything, and which request has which ticket."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.tickets: dict[str, str] = {}

    def message(self, one: Message) -> None:
        """From the world."""
        envelope = one.envelope
        self._note(one.topic, envelope.type, envelope.id, envelope.time, one.value or b"")

    def output(self, one: Output) -> None:
        """From the engine."""
        self._note(one.topic, one.type, one.id, one.time, encode(one.data))

    def _note(self, *parts: Any) -> None:
        found = told(*parts)
        self.told.append(found)
        if found[1] == "ticket.opened":
            self.tickets[found[-1]["external_id"]] = found[-1]["ticket"]


async def in_the_world() -> Learner:
    """The story over the memory log."""
    learner = Learner()
    world = World(START, learner.message)
    await world.activate(FILES)
    for number, step in enumerate(STORY):
        await world.advance(at(step[0]))
        if step[1].startswith("+"):
            await world.publish([request_message(request(step))])
        elif step[1]:
            order = command(number, step, learner.tickets)
            await world.publish([records.command(order, "service", at(step[0]))])
    await world.finish()
    return learner


def by_the_engine() -> Learner:
    """The story without a log."""
    learner = Learner()
    engine = Engine(FILES, START, learner.output)
    for number, step in enumerate(STORY):
        engine.advance(at(step[0]))
        if step[1].startswith("+"):
            engine.request(request(step))
        elif step[1]:
            engine.command(command(number, step, learner.tickets))
    engine.finish()
    assert engine.dead_letters == {}
    return learner


async def test_the_engine_emits_what_the_world_does() -> None:
    """Every event with its id, its instant and its data, in the same order."""
    over_a_log, without = await in_the_world(), by_the_engine()
    assert without.told == over_a_log.told
    kinds = {one[1] for one in without.told}
    assert kinds >= {
        "ticket.opened", "ticket.reopened", "ticket.parked", "ticket.overflowed", "ticket.moved",
        "ticket.transferred", "ticket.closed", "request.duplicate", "request.filed",
        "command.rejected", "sla.escalated", "sla.warning", "message.outbound", "follow_up.due",
        "request.received", "ticket.split",
    }  # fmt: skip


def test_an_input_that_raises_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its changes are undone, it is counted, and the others go on; its ticket is opened parked."""
    learner = Learner()
    engine = Engine(FILES, START, learner.output)

    def broken(*_: object) -> None:
        raise ValueError

    steps: Any = engine.dispatch._steps
    monkeypatch.setitem(steps, TicketTriaged, broken)
    engine.request(request(STORY[1]))
    assert engine.dead_letters == {"ValueError": 1}
    assert "ticket.parked" in {one[1] for one in learner.told}


@pytest.mark.interpreted
def test_a_timer_that_raises_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted, tried again a minute later, and does not hold the others up."""
    engine = Engine(FILES, START, lambda _: None)
    engine.request(request(STORY[1]))

    def broken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(engine.dispatch, "_ticket_due", broken)
    engine.advance(at(400))
    assert 2 <= engine.dead_letters["ValueError"] <= 8
