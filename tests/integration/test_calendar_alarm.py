"""A running Switchboard says that a calendar is not covered."""

import asyncio
from pathlib import Path

import pytest

from channels.contract import decode
from router import bootstrap
from router.log.protocol import Log
from router.operations import CalendarUncovered
from router.settings import load
from router.topics import OPERATIONS

RULES = """
calendars:
  shop:
    timezone: UTC
    hours: {mon-fri: ["09:00-18:00"]}
    overlay: calendars/2020.yaml
pools: {p: {queues: [q]}}
queues: {q: {}}
routes: [{id: all, then: {queue: q}}]
"""
WAIT_SECONDS = 30


async def first_alarm(log: Log) -> str:
    """What operations are told of calendars first."""
    async for delivery in log.subscribe([OPERATIONS], None, from_start=True):
        for record in delivery.records:
            if record.envelope.type == CalendarUncovered.TYPE:
                return decode(CalendarUncovered, record.value).problem
    raise AssertionError("the log has ended")


@pytest.mark.services
async def test_operations_are_told_of_an_overlay_that_has_ended(tmp_path: Path) -> None:
    """The alarm is part of what `serve` runs as a router."""
    book = tmp_path / "rulebook"
    (book / "calendars").mkdir(parents=True)
    (book / "rules.yaml").write_text(RULES)
    (book / "calendars" / "2020.yaml").write_text("2020-12-24: off\n")
    (tmp_path / "switchboard.yaml").write_text("{}")
    async with bootstrap.running(load(tmp_path), frozenset({"router"})) as app:
        said = await asyncio.wait_for(first_alarm(app.log), WAIT_SECONDS)
    assert said.startswith("calendar shop: ")
    assert said.endswith("covered: the overlay ends with 2020-12-24")
