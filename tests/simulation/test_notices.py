"""Whatever crashes: each notice has one fate, disturbs nobody at night, and tells nothing stale."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.simulation import chaos
from tests.simulation.chaos import Chaos
from tests.simulation.checkers import Event, Run
from tests.simulation.invariants import remembered
from tests.simulation.rulebooks import WRITTEN

SEEDS = range(12)
MORE_SEEDS = range(12, 60)
STEPS = 700
GATHER = timedelta(seconds=20)

OPEN = [("09:01", "09:02"), ("09:04", "09:05"), ("09:08", "09:30"), ("09:50", "24:00")]


def notifying(text: str) -> str:
    """A rulebook of the chaos, its ladder's words being programs with hours and patience."""
    found: dict[str, Any] = yaml.safe_load(text)
    hours = {"mon-sun": [f"{start}-{end}" for start, end in OPEN]}
    found["calendars"]["day"] = {"timezone": "UTC", "hours": hours}
    found["slas"]["standard"]["warn_notify"] = ["lead"]
    found["contacts"] = {
        "lead": {"quiet": {"outside": "day"}, "gather": "0s"},
        "manager": {"gather": "20s"},
        "director": {"gather": "0s"},
    }
    for name, contact in found["contacts"].items():
        url = f"https://shop.example/{name}"
        contact["webhook"] = {"url": url, "secrets": "env:SECRET"}
    return yaml.safe_dump(found)


NOTIFYING = {name: notifying(text) for name, text in WRITTEN.items()}


def notices(run: Run) -> list[Event]:
    """The messages to contacts."""
    found = run.of("messages.outbound", "message.outbound")
    return [one for one in found if one.data["kind"] == "notice"]


def alarms(message: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """The notices that a message is, with their alarms."""
    data = message.data["attributes"]["data"]
    for alarm in data["alarms"]:
        yield f"{alarm['id']}/notice/{data['contact']}", alarm


def fates(run: Run) -> list[str]:
    """Each word that is a contact's is one notice, sent once or withheld once."""
    wanted = Counter(
        f"{event.id}/notice/{contact}"
        for event in run.of("sla.escalations", "sla.warning", "sla.escalated")
        for contact in event.data["notify"]
    )
    found = Counter(notice for message in notices(run) for notice, _ in alarms(message))
    found.update(one.data["notice"] for one in run.of("sla.escalations", "notice.withheld"))
    return [f"{one}: {found[one]} fates" for one in wanted | found if found[one] != wanted[one]]


def disturbed(run: Run) -> list[str]:
    """Nobody is written to while their calendar is closed."""
    return [
        f"{message.id} at {message.time}"
        for message in notices(run)
        if message.data["to"] == "lead"
        and not any(start <= f"{message.time:%H:%M}" < end for start, end in OPEN)
    ]


def hurried(run: Run) -> list[str]:
    """What comes close together is gathered."""
    last: dict[tuple[str, str], datetime] = {}
    found = []
    for message in notices(run):
        to = message.data["to"], message.data["pool"]
        if to[0] == "manager" and to in last and message.time - last[to] < GATHER:
            found.append(f"{message.id} {message.time - last[to]} after the one before")
        last[to] = message.time
    return found


def stale(run: Run) -> list[str]:
    """What was over is not told, as far as was known in the pool that tells it."""
    pools = defaultdict(set)
    for event in run.of("tickets.events", "ticket.queued", "ticket.transferred"):
        pools[event.data["ticket"]].add(event.data["pool"])
    over: dict[tuple[str, str, int], datetime] = defaultdict(lambda: run.ended_at)
    for event in run.of("sla.escalations", "sla.cleared"):
        over[event.data["ticket"], event.data["target"], event.data["cycle"]] = event.time
    return [
        f"{notice} at {message.time}"
        for message in notices(run)
        for notice, alarm in alarms(message)
        if len(pools[alarm["ticket"]]) == 1
        and over[alarm["ticket"], alarm["target"], alarm["cycle"]] < message.time
    ]


async def holds(seed: int) -> Run:
    """One run, in which all of this holds."""
    world = Chaos(seed)
    await world.play(STEPS)
    await world.settle()
    run = world.run()
    assert fates(run) == []
    assert disturbed(run) == []
    assert hurried(run) == []
    assert stale(run) == []
    assert not run.of("deadletter")
    for owner, restored in await world.restored():
        assert remembered(restored.core) == remembered(owner.core)
    return run


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
async def test_each_notice_has_one_fate(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent or withheld, once, when it may be, while it is true."""
    monkeypatch.setattr(chaos, "WRITTEN", NOTIFYING)
    run = await holds(seed)
    assert notices(run), "the seed must notify"


@pytest.mark.simulation
async def test_all_fates_occur(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeds show what they are for: held, gathered, overtaken, cleared."""
    monkeypatch.setattr(chaos, "WRITTEN", NOTIFYING)
    reasons: set[str] = set()
    largest = 0
    for seed in (3, 5):
        run = await holds(seed)
        reasons |= {one.data["reason"] for one in run.of("sla.escalations", "notice.withheld")}
        largest = max(largest, *(len(list(alarms(message))) for message in notices(run)))
    assert reasons == {"cleared", "overtaken"}
    assert largest > 1


@pytest.mark.simulation
@pytest.mark.soak
@pytest.mark.parametrize("seed", MORE_SEEDS)
async def test_each_notice_has_one_fate_on_more_seeds(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same, for as long as somebody has time."""
    monkeypatch.setattr(chaos, "WRITTEN", NOTIFYING)
    await holds(seed)
