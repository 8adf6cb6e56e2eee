"""Decisions counted as they come, from a file or the log, and requests kept to measure with."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from router.log.protocol import Log
from router.rule_stats.figures import Figures
from router.rule_stats.sources import Besides, Desk, Sample, recorded, requests
from router.whatif.recorded import customers
from router.whatif.traffic import Traffic
from rules.decision import Facts
from rules.index import Compiled


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was counted, what could not be, and the requests to measure with."""

    figures: Figures
    besides: Besides
    facts: list[Facts]


def from_traffic(compiled: Compiled, traffic: Traffic, most: int) -> Gathered:
    """Every request of a file decided anew, each once; at most `most` to measure with."""
    figures, besides, sample = Figures(_zone(compiled)), Besides(), Sample[Facts](most)
    desk = Desk(compiled)
    seen: set[str] = set()
    for at, request in traffic.arrivals:
        if request.id in seen:
            besides.repeated += 1
            continue
        seen.add(request.id)
        if request.kind == "command":
            besides.undecided["command"] += 1
            continue
        facts = desk.facts(request)
        figures.add(desk.decided(facts, at))
        sample.add(facts)
    return Gathered(figures, besides, sample.items)


async def from_log(
    log: Log,
    compiled: Compiled,
    since: datetime | None,
    until: datetime | None,
    *,
    anew: bool,
    most: int,
) -> Gathered:
    """What was decided between two instants, as it is recorded; or `anew`, about the same requests.

    Further messages of an open ticket are no decisions: of all requests in the log only those
    count that a decision is recorded of.
    """
    figures, besides, sample = Figures(_zone(compiled)), Besides(), Sample[Facts](most)
    when: dict[str, datetime] = {}
    async for one in recorded(log, since, until, besides):
        when[one.request] = one.at
        if not anew:
            figures.add(one)
    if when and (anew or most):
        desk = await _desk(log, compiled)
        async for request in requests(log):
            at = when.pop(request.id, None)
            if at is None:
                continue
            facts = desk.facts(request)
            sample.add(facts)
            if anew:
                figures.add(desk.decided(facts, at))
    if anew:
        besides.missing = len(when)
    return Gathered(figures, besides, sample.items)


async def _desk(log: Log, compiled: Compiled) -> Desk:
    """Who customers are is taken as it is known now."""
    traffic = Traffic("the log")
    return Desk(compiled, await customers(log, traffic))


def _zone(compiled: Compiled) -> ZoneInfo:
    """Where instants are shown, and days begin: the zone of the first calendar."""
    calendars = compiled.rulebook.calendars.values()
    return ZoneInfo(next((one.timezone for one in calendars), "UTC"))
