"""Two runs side by side: what was recorded, who answers, and what is said of it."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from channels.contract import encode
from channels.defaults import fill
from channels.errors import Malformed
from router import records
from router.core.commands import Command
from router.core.events import CustomerChanged
from router.edges.intake import request_message
from router.log.protocol import Envelope, Log, Message
from router.topics import AGENT_COMMANDS, CUSTOMERS, REQUESTS_INBOUND
from router.whatif.compare import MODEL, NONE, RECORDED, Change, Report
from router.whatif.recorded import recorded
from router.whatif.replay import TAIL, Book, Wishes, whatif
from router.whatif.traffic import Arrival, Order, Traffic
from router.world import World
from tests.unit.router.core.story import START, rules, written

MOVED = """
routes:
- {id: claim, when: {text: {keywords: [bill]}}, then: {queue: claims, sla: standard}}
- {id: default, then: {queue: billing, sla: standard}}
"""


def at(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def book(changes: str = "") -> Book:
    """A rulebook."""
    return Book.of("book", written(rules(changes)))


def compared(old: Book, new: Book, traffic: Traffic, **wishes: Any) -> Report:
    """What would change."""
    return whatif(old, new, traffic, Wishes(**wishes), lambda _: None)


async def a_day(*, offers: bool = True) -> Log:
    """The log of a real run: two bills, answered and settled by ann as her desk does."""
    made: dict[str, tuple[str, str]] = {}

    def heard(message: Message) -> None:
        if message.envelope.type == "ticket.offered":
            said = json.loads(message.value or b"")
            made[said["external_id"]] = said["ticket"], said["offer"]

    world = World(START, heard)
    await world.activate(written(rules("agents: {bob: null}")))
    number = 0

    async def command(seconds: float, name: Any, about: str = "", **fields: Any) -> None:
        nonlocal number
        number += 1
        await world.advance(at(seconds))
        if about:
            fields["ticket"] = made[about][0]
        if name == "accept" and offers:
            fields["offer"] = made[about][1]
        order = Command(id=f"c{number}", agent="ann", command=name, **fields)
        await world.publish([records.command(order, "service", at(seconds))])

    async def writes(seconds: float, name: str) -> None:
        await world.advance(at(seconds))
        given = {"channel": "sms", "account": "s", "external_id": name, "sender": f"+86{name}"}
        request = fill(given | {"text": "a bill"}, at=at(seconds))
        await world.publish([request_message(request)])

    await command(0, "presence", state="available")
    await writes(10, "1")
    await command(13, "accept", "1")
    await writes(20, "2")
    await command(22, "accept", "2")
    await command(50, "reply", "1", text="Hello")
    await command(90, "reply", "2", text="Hello")
    await command(95, "resolve", "1")
    await command(99, "resolve", "2")
    return world._log


async def replayed(new: Book, **wishes: Any) -> Report:
    """The day replayed under the rulebook that it was recorded under, and another."""
    traffic = await recorded(await a_day(), None, None, lambda _: None)
    return compared(book("agents: {bob: null}"), new, traffic, **wishes)


async def test_a_record_replays_as_it_was() -> None:
    """Every command applies, the figures are the day's own, and it ends where the record does."""
    report = await replayed(book("agents: {bob: null}"))
    assert report.same
    agents = report.agents
    assert (agents.mode, agents.commands, agents.refused_old, agents.refused_new) == (
        RECORDED, 6, 0, 0,
    )  # fmt: skip
    figures = report.old.figures
    assert figures is not None
    assert figures.targets["first_response"]["billing"].met == 1
    assert figures.targets["first_response"]["billing"].breached == 1
    assert report.traffic.end == at(99)


async def test_commands_that_do_not_apply_make_way_for_the_model() -> None:
    """Counted for both rulebooks; the model keeps the recorded times and presence."""
    new_book = book(MOVED + "agents: {bob: null}")
    report = await replayed(new_book, tail=timedelta(minutes=5))
    agents = report.agents
    assert (agents.mode, agents.refused_old, agents.refused_new) == (MODEL, 0, 6)
    assert (agents.own_times, agents.own_presence) == (2, 1)
    assert report.decisions.moved == [Change("billing", "claims", 2)]
    old, new = report.old.figures, report.new.figures
    assert old is not None
    assert new is not None
    # Accepted by the model after its own time, at the offer's last instant; replied and resolved
    # as recorded: 37 and 68 seconds after, then 45 and 9.
    assert old.times["reply"][""].longest == 10 + 68
    assert (old.agents["ann"].resolved, new.agents["eve"].resolved) == (2, 2)


async def test_commands_about_earlier_tickets_are_no_fault_of_the_rulebook() -> None:
    """They apply under neither: they are counted by themselves, the others decide."""
    traffic = await recorded(await a_day(), at(12), None, lambda _: None)
    report = compared(book("agents: {bob: null}"), book("agents: {bob: null}"), traffic)
    # Ann came and ticket 1 was opened before; of ticket 2 nothing applies while she is not there.
    assert (report.agents.mode, report.agents.commands, report.agents.earlier) == (MODEL, 3, 3)
    assert report.agents.refused_old == report.agents.refused_new == 3


async def test_recorded_commands_can_be_insisted_on() -> None:
    """Then what does not apply is merely said."""
    report = await replayed(book(MOVED + "agents: {bob: null}"), agents=RECORDED)
    assert (report.agents.mode, report.agents.refused_new) == (RECORDED, 6)


async def test_the_model_can_be_insisted_on() -> None:
    """No run is made with the recorded commands."""
    report = await replayed(book("agents: {bob: null}"), agents=MODEL)
    assert (report.agents.mode, report.agents.commands, report.agents.refused_old) == (MODEL, 6, 0)


async def test_the_log_is_read_between_two_instants() -> None:
    """From the first on, and before the second; when there is nothing in between, it is said."""
    log = await a_day()
    counted: list[str] = []
    traffic = await recorded(log, at(13), at(50), counted.append)
    assert [type(one) for one in traffic.inputs] == [Order, Arrival, Order]
    assert all(one.command.offer is None for one in traffic.orders)
    assert (traffic.end, traffic.source[:12]) == (at(50), "the log from")
    assert counted == ["requests", "commands", "commands"]
    with pytest.raises(Malformed, match="no request in the log from 2027-03-01T09:16:40"):
        await recorded(log, at(1000), None, lambda _: None)


def raw(topic: str, kind: str, value: bytes) -> Message:
    """A record with any value."""
    return Message(topic, "k", value, Envelope("id", kind, "tests", at(0)))


async def test_customers_and_what_nobody_can_read() -> None:
    """The newest word on each customer decides their tier; unreadable records are counted."""
    log = await a_day()
    for tier in ("standard", "vip"):
        changed = CustomerChanged(id="li", tier=tier, addresses={"sms": ("+861",)})
        await log.publish([raw(CUSTOMERS, "customer.changed", encode(changed))])
    await log.publish([raw(AGENT_COMMANDS, "agent.command", b"{}")])
    await log.publish([raw(REQUESTS_INBOUND, "request.received", b"[]")])
    traffic = await recorded(log, None, None, lambda _: None)
    assert [(one.id, one.tier) for one in traffic.customers] == [("li", "vip")]
    assert traffic.unreadable == 2
    vips = "tiers: {vip: {priority: 3}}"
    for decisions_only in (False, True):
        report = compared(book(), book(vips), traffic, decisions_only=decisions_only)
        assert report.decisions.fields == {"priority": [Change("0", "3", 1)]}
        assert (report.traffic.unreadable, report.traffic.customers) == (2, 1)


def arrivals(seconds: Sequence[float]) -> Traffic:
    """Bills of as many customers."""
    traffic = Traffic("here")
    for number, second in enumerate(seconds):
        given = {"channel": "sms", "external_id": f"x{number}", "sender": f"+86{number}"}
        request = fill(given | {"text": "a bill"}, at=at(second))
        traffic.inputs.append(Arrival(at(second), request))
    return traffic


def test_the_model_goes_on_for_a_day() -> None:
    """So that what came last is answered, or lapses; `tail` says otherwise."""
    traffic = arrivals([0, 60])
    assert compared(book(), book(), traffic).traffic.end == at(60) + TAIL
    assert compared(book(), book(), traffic, tail=timedelta(0)).traffic.end == at(60)


def test_decisions_alone_have_no_figures() -> None:
    """The rules' word on each request; nobody is asked to work."""
    report = compared(book(), book(MOVED), arrivals([0, 60]), decisions_only=True)
    assert (report.agents.mode, report.old.figures, report.new.figures) == (NONE, None, None)
    assert report.decisions.moved == [Change("billing", "claims", 2)]
    assert not report.same
    assert compared(book(), book(), arrivals([0]), decisions_only=True).same


def test_decisions_alone_say_what_is_filed_and_withheld() -> None:
    """As triage does, as far as the request itself shows."""
    acks = "acks: {got: {email: hello}}\nroutes: [{id: default, then: {queue: billing, ack: got}}]"
    spam = "routes: [{id: default, then: {drop: spam, queue: billing}}]"
    report = compared(book(acks), book(spam), arrivals([0]), decisions_only=True)
    (example,) = report.decisions.examples
    assert (example.old.ack, example.old.withheld) == ("got", "no-template")
    assert (example.new.kind, example.new.reason, example.new.rule) == ("filed", "spam", "default")


def test_recorded_commands_must_be_there_to_be_insisted_on() -> None:
    """Presence alone answers nobody."""
    with pytest.raises(Malformed, match="no command about these tickets is recorded"):
        compared(book(), book(), arrivals([0]), agents=RECORDED)


def test_a_command_about_a_request_follows_its_ticket() -> None:
    """`@x` is the ticket of that request in each run; where there is none, it does not apply."""
    traffic = arrivals([0])
    request = traffic.arrivals[0].request.id
    for seconds, name, fields in (
        (1, "presence", {"state": "available"}),
        (2, "accept", {}),
        (3, "reply", {"text": "Hello"}),
    ):
        order: Any = {"id": f"c{seconds}", "agent": "ann", "command": name, **fields}
        about = None if name == "presence" else request
        traffic.inputs.append(Order(at(seconds), Command(**order), about))
    spam = book("agents: {bob: null}\nroutes: [{id: default, then: {drop: spam, queue: billing}}]")
    report = compared(book("agents: {bob: null}"), spam, traffic, agents=RECORDED)
    assert (report.agents.commands, report.agents.refused_old, report.agents.refused_new) == (
        2,
        0,
        2,
    )


def test_a_request_that_came_twice_is_compared_once() -> None:
    """Its second coming is a duplicate in both runs."""
    traffic = arrivals([0])
    traffic.inputs.append(Arrival(at(5), traffic.arrivals[0].request))
    report = compared(book(), book(MOVED), traffic)
    assert report.decisions.moved == [Change("billing", "claims", 1)]
    assert report.old.figures is not None
    assert report.old.figures.duplicates == 1
    assert (report.traffic.requests, report.traffic.repeated) == (1, 1)


def test_the_zone_is_the_first_calendar_s() -> None:
    """In which managers read the report."""
    shop = book("calendars: {always: {timezone: Asia/Shanghai}}")
    assert compared(book(), shop, arrivals([0])).traffic.timezone == "Asia/Shanghai"
