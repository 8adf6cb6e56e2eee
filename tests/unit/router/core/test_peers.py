"""What users of other routers suffer, and their worked cases: each impossible, or right, here.

Facts from their documents and trackers, in our own words. Where we differ on purpose:
docs/decisions/0017-peers-service-levels.md.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from router.core.entities.clock import Pause, Policy
from router.core.events import SlaBreached
from router.core.sla import advance, marks, start
from rules.calendar import Calendar
from rules.model import CalendarSpec
from tests.unit.router.core.cores import Core, at, fields_of, of, triaged
from tests.unit.router.core.story import Story
from tests.unit.router.core.test_commands import assigned
from tests.unit.router.core.test_targets import standard, told

WEEK = {"mon-fri": ["09:00-12:00", "13:00-18:00"]}


def calendar(hours: dict[str, list[str]], timezone: str = "UTC", **fields: Any) -> Calendar:
    """A calendar of these hours."""
    return Calendar.build(CalendarSpec(timezone=timezone, hours=hours, **fields), {})


def day(number: int, clock: str, zone: str = "UTC") -> datetime:
    """A local time of March 2027, whose first day is a Monday."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2027, 3, number, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)


# -- worked cases


def test_frappes_hold_over_a_holiday() -> None:
    """Thursday 17:30, held 17:50 to Monday 12:30, resolved 13:00: 160 minutes held, 50 worked."""
    desk = calendar({"mon-fri": ["10:00-18:00"]}, closed=["2027-03-12"])
    held = Pause("on-hold", day(11, "17:50"), day(15, "12:30"))
    assert held.until is not None
    assert desk.elapsed(held.since, held.until) == timedelta(minutes=160)
    for minutes, in_time in ((50, True), (49, False)):
        policy = Policy(desk, timedelta(minutes=minutes), pause=frozenset({"on-hold"}))
        clock = start("resolution", 0, day(11, "17:30"), policy, [held])
        _, lapses = advance(clock, day(15, "13:00"), policy, [held])
        assert (lapses == []) is in_time


RINGS = """
pools: {service: {queues: [billing, repairs, rescue]}}
queues: {repairs: {offer_timeout: 5s, targets: [{for: 10s}, {queues: [rescue], for: 10s}, {queues: [billing], for: 10s}]}}
agents: {ann: {queues: [repairs]}}
"""  # noqa: E501 - one thing a line reads better here


async def test_taskrouters_cumulative_targets() -> None:
    """Offered at 3 and lapsed at 8, the second target still ends at 20, the third at 30."""
    story = await Story.begin(RINGS)
    await story.request("x1", text="repair it")
    await story.at(3)
    await story.available("ann")
    await story.at(40)
    assert story.events("ticket.offered")[0].at == 3
    assert story.events("ticket.offer_expired")[0].at == 8
    moved = [(one.at, one.data["places"]) for one in story.events("ticket.overflowed")]
    assert moved == [(10, ["repairs", "rescue"]), (20, ["repairs", "billing"])]
    assert story.one("ticket.parked").at == 30, "TaskRouter cancels here"


async def test_an_offer_outlasts_its_target_and_the_next_one_is_the_shorter_for_it() -> None:
    """Offered at 7 and lapsed at 12: the second target has eight seconds left, until 20."""
    story = await Story.begin(RINGS)
    await story.request("x1", text="repair it")
    await story.at(7)
    await story.available("ann")
    await story.at(13)
    await story.command("ann", "presence", state="away")
    await story.at(25)
    assert [one.at for one in story.events("ticket.overflowed")] == [12, 20]


async def test_genesys_rings_lose_a_skill_at_each_rings_end() -> None:
    """First who has both, then who speaks the language, then anybody."""
    rings = """
queues: {repairs: {targets: [{for: 10s}, {skills: {boilers: 0}, for: 10s}, {skills: {boilers: 0, zh: 0}}]}}
agents: {ann: {queues: [repairs], skills: {zh: 2}}, bob: {queues: [repairs]}}
routes: [{id: default, then: {queue: repairs, skills: {zh: 1, boilers: 2}, sla: standard}}]
"""  # noqa: E501 - one thing a line reads better here
    story = await Story.begin(rings)
    await story.available("ann", "bob")
    await story.request("x1")
    await story.at(30)
    offered = [(one.at, one.data["agent"]) for one in story.events("ticket.offered")]
    assert offered[0] == (10, "ann")
    assert offered[1] == (20, "bob")


async def test_zendesks_metrics() -> None:
    """First reply 10; next reply 30 to 40; updates from 10 and 40; waiting less what is pending."""
    named = {
        "first_response": "11s", "next_response": "10s", "periodic": "30s",
        "requester_wait": "80s", "agent_work": "80s", "resolution": "100s",
    }  # fmt: skip
    story = await assigned(standard(*(f"{name}: {within}" for name, within in named.items())))
    await story.at(10)
    await story.command("ann", "reply", "x1", text="hello")
    await story.at(30)
    await story.request("x2", text="and?")
    await story.at(35)
    await story.request("x3", text="hello?")
    await story.at(40)
    await story.command("ann", "reply", "x1", text="here")
    await story.command("ann", "pending", "x1")
    await story.at(60)
    await story.command("ann", "resume", "x1")
    await story.at(100)
    await story.command("ann", "resolve", "x1")
    met = {
        (one.data["target"], one.data["cycle"]): (one.at, one.data["in_time"])
        for one in story.events("sla.met")
    }
    assert met == {
        ("first_response", 0): (10, True),
        ("next_response", 1): (40, True),
        ("periodic", 1): (40, True),
        ("requester_wait", 0): (100, True),
        ("agent_work", 0): (100, True),
        ("resolution", 0): (100, True),
    }
    assert told(story, "breached", "periodic") == [(70, 2)]


async def test_only_a_reply_is_a_first_response() -> None:
    """An acknowledgement, an offer, a note and a pending ticket answer nobody."""
    changes = """
acks: {hello: {sms: got it}}
routes: [{id: default, then: {queue: billing, sla: standard, ack: hello}}]
"""
    story = await assigned(changes)
    assert story.events("message.outbound", topic="messages.outbound")
    await story.command("ann", "note", "x1", text="looking")
    await story.command("ann", "pending", "x1")
    await story.after(60)
    assert told(story, "breached", "first_response") == [(60, 0)]


async def test_zammads_update_time_runs_from_the_first_unanswered_contact() -> None:
    """Further messages do not move it; an answer starts it over."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    for seconds in (100, 110, 150):
        await story.at(seconds)
        await story.request(f"m{seconds}", text="and?")
    await story.after(160)
    assert told(story, "breached", "next_response") == [(160, 1)]


async def test_a_reopening_escalates_when_its_own_time_is_over_and_not_at_once() -> None:
    """Where Zammad counts from creation: two hours later the ticket has its ten minutes again."""
    story = await assigned("threading: {reopen: 1d}")
    await story.command("ann", "reply", "x1", text="hello")
    await story.command("ann", "resolve", "x1")
    await story.at(7200)
    await story.command("ann", "reopen", "x1")
    await story.at(7200 + 600)
    assert told(story, "breached", "resolution") == []
    await story.after(7200 + 600)
    assert told(story, "breached", "resolution") == [(7800, 1)]


async def test_chatwoots_identity_of_a_next_response_is_the_message_that_it_answers() -> None:
    """Two messages that wait too long, each after an answer, are two breaches, told once each."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    for seconds in (100, 300):
        await story.at(seconds)
        await story.request(f"m{seconds}", text="and?")
        await story.at(seconds + 100)
        await story.command("ann", "reply", "x1", text="here")
    assert told(story, "breached", "next_response") == [(160, 1), (360, 2)]


# -- pains 13 and 14: hours


HOURS = {
    "only Tuesday and Wednesday": (
        calendar({"tue,wed": ["09:00-17:00"]}), day(3, "16:00"), 2, day(9, "10:00"),
    ),
    "not at midnight, for the day ends at six": (
        calendar(WEEK), day(1, "17:00"), 2, day(2, "10:00"),
    ),
    "nor in the lunch break": (calendar(WEEK), day(1, "11:30"), 1, day(1, "13:30")),
    "through the weekend": (calendar(WEEK), day(5, "17:30"), 1, day(8, "09:30")),
    "through midnight without a gap of a minute": (
        calendar({"mon-sun": ["00:00-24:00"]}), day(1, "23:30"), 1, day(2, "00:30"),
    ),
    "from Sunday evening into Monday": (
        calendar({"mon-sun": ["22:00-06:00"]}), day(7, "23:00"), 2, day(8, "01:00"),
    ),
    "over the hour that the clocks skip": (
        calendar({"mon-sun": ["00:00-24:00"]}, "Europe/Berlin"),
        day(28, "01:30", "Europe/Berlin"), 1, day(28, "03:30", "Europe/Berlin"),
    ),
    "from the opening after it": (
        calendar({"mon-sun": ["09:00-17:00"]}, "Europe/Berlin"),
        day(27, "16:30", "Europe/Berlin"), 1, day(28, "09:30", "Europe/Berlin"),
    ),
    "half an hour off the full one": (
        calendar(WEEK, "Asia/Kolkata"), day(1, "17:30", "Asia/Kolkata"), 1,
        day(2, "09:30", "Asia/Kolkata"),
    ),
    "after 25 days closed": (
        calendar(WEEK, closed=[f"2027-03-{one:02}" for one in range(2, 27)]),
        day(1, "17:30"), 1, day(29, "09:30"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOURS)
def test_a_target_is_due_in_open_hours(name: str) -> None:
    """Half of it is a warning in open hours as well."""
    desk, begin, hours, due = HOURS[name]
    within = timedelta(hours=hours)
    policy = Policy(desk, within, marks(within, (0.5,)))
    clock, lapses = advance(start("resolution", 0, begin, policy), due, policy)
    assert clock.due_at == due
    assert [one.at for one in lapses] == [desk.due(begin, within / 2)]


def test_only_public_holidays_are_holidays() -> None:
    """Some feeds name days on which everybody works: Easter Monday is one, its Tuesday none."""
    desk = calendar(WEEK, "Europe/Berlin", holidays=["DE"])
    zone = "Europe/Berlin"
    policy = Policy(desk, timedelta(hours=1))
    clock = start("resolution", 0, day(25, "17:30", zone), policy)
    assert clock.due_at == day(30, "09:30", zone)


# -- pains 15 and 16: escalations missing, late, repeated, suppressed


LADDER = """
ladders:
  duty:
    - {level: 1, after: 0s, notify: [lead]}
    - {level: 2, after: 5m, notify: [manager]}
    - {level: 3, after: 1h, notify: [director]}
"""
LONG = standard("ladder: duty", "warn: [50%]", "resolution: 40d", "queue_time: 30s") + LADDER


async def test_escalations_come_at_their_instants_with_nobody_logged_in() -> None:
    """No agent has ever been there."""
    story = await Story.begin(LONG)
    await story.request("x1")
    await story.at(5000)
    lapses = [one for one in story.told if one.topic == "sla.escalations"]
    assert lapses
    assert all(one.data["lapsed_at"] == one.data["detected_at"] for one in lapses)
    assert [at for at, _ in told(story, "escalated", "first_response")] == [60, 360, 3660]


async def test_a_month_unattended_tells_each_thing_once() -> None:
    """And a target of forty days is not too old to be looked at."""
    story = await Story.begin(LONG)
    await story.request("x1")
    for days in range(1, 42):
        await story.at(days * 86_400)
    lapses = Counter(
        (one.data["target"], one.type, one.data.get("level"))
        for one in story.told
        if one.topic == "sla.escalations"
    )
    assert set(lapses.values()) == {1}
    assert told(story, "breached", "resolution") == [(40 * 86_400, 0)]
    assert len(lapses) == 3 * 5, "of three targets a warning, the breach and three levels"


async def test_a_second_breach_on_the_same_day_is_told() -> None:
    """A daily digest of what is known already does not swallow it."""
    story = await assigned()
    await story.command("ann", "reply", "x1", text="hello")
    for seconds in (100, 1000, 2000):
        await story.at(seconds)
        await story.request(f"m{seconds}", text="and?")
        await story.at(seconds + 100)
        await story.command("ann", "reply", "x1", text="here")
    assert len(told(story, "breached", "next_response")) == 3


async def test_updates_do_not_hide_the_first_response() -> None:
    """A customer who writes again and again still waits for the first answer."""
    story = await Story.begin(standard("periodic: 10m", "next_response: 10m"))
    await story.request("x1")
    for seconds in (20, 40):
        await story.at(seconds)
        await story.request(f"m{seconds}", text="hello?")
    await story.after(60)
    assert told(story, "breached", "first_response") == [(60, 0)]


def test_however_many_tickets_are_overdue_all_are_told() -> None:
    """There is no batch that ends at two thousand."""
    core = Core()
    for number in range(2_100):
        core.step(triaged(f"x{number}"))
    breached = of(core.fire(61), SlaBreached.TYPE)
    assert len({fields_of(one)["ticket"] for one in breached}) == 2_100


# -- traps seen in source


@pytest.mark.parametrize("within", ["0.5s", "59.999s", "90.5s"])
def test_targets_are_not_cut_to_minutes(within: str) -> None:
    """Nor to seconds."""
    core = Core(standard(f"first_response: {within}"))
    core.step(triaged())
    seconds = float(within[:-1])
    assert of(core.fire(seconds), SlaBreached.TYPE) == []
    (breached,) = {one.id: one for one in of(core.fire(seconds + 1e-6), SlaBreached.TYPE)}.values()
    assert datetime.fromisoformat(fields_of(breached)["lapsed_at"]) == at(seconds)


def test_a_warning_that_is_long_past_is_given_all_the_same() -> None:
    """After two hours without the router: the warning, then the breach, with their instants."""
    core = Core(standard("warn: [50%]", "first_response: 1h", "resolution: null"))
    core.step(triaged())
    lapses = [fields_of(one) for one in core.fire(7200) if one.topic == "sla.escalations"]
    assert [one["lapsed_at"] for one in lapses] == ["2027-03-01T09:30:00Z", "2027-03-01T10:00:00Z"]
    assert {one["detected_at"] for one in lapses} == {"2027-03-01T11:00:00Z"}
