"""100,000 requests through two rulebooks: with agents by the model, and the decisions alone."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.workload import requests, rulebook
from channels.contract import decode
from channels.request import CustomerRequest
from router.collector import calm_collector
from router.whatif.replay import Book, Wishes, whatif
from router.whatif.traffic import Arrival, Traffic

COUNT = 100_000
DAYS = 10
AGENTS = 40
START = datetime(2026, 3, 2, tzinfo=UTC)


def traffic(count: int) -> Traffic:
    """The requests, evenly over ten days."""
    found = Traffic("the workload")
    for number, message in enumerate(requests(count)):
        at = START + timedelta(days=DAYS) * (number / count)
        request = decode(CustomerRequest, message.value or b"")
        found.inputs.append(Arrival(at, replace(request, received_at=at)))
    return found


def files(old: str = "", new: str = "") -> dict[str, str]:
    """The workload's rulebook with agents enough for so many requests, and one change."""
    staff = ", ".join(
        f"a{number}: {{pool: service, queues: [q1, q2], capacity: 5}}" for number in range(AGENTS)
    )
    agents = "agents: {ann: {pool: service, queues: [q1]}}"
    text = rulebook()["rules.yaml"]
    assert agents in text
    assert old in text
    return {"rules.yaml": text.replace(agents, f"agents: {{{staff}}}").replace(old, new)}


def timed(count: int, *, decisions_only: bool) -> tuple[float, int]:
    """Seconds, and how many requests are decided differently."""
    old = Book.of("old", files())
    new = Book.of("new", files("[投诉, complaint]", "[投诉, complaint, invoice]"))
    given = traffic(count)
    calm_collector()
    wishes = Wishes(decisions_only=decisions_only)
    began = time.perf_counter()
    report = whatif(old, new, given, wishes, lambda _: None)
    return time.perf_counter() - began, report.decisions.changed


def main() -> None:
    """Print the rows."""
    for what, decisions_only in (("with agents by the model", False), ("decisions alone", True)):
        seconds, changed = timed(COUNT, decisions_only=decisions_only)
        assert changed == COUNT // 4
        print(
            f"what-if of {COUNT:,} requests through two rulebooks of 200 routes, {what}: "
            f"{seconds:,.0f} s, {2 * COUNT / seconds:,.0f} requests/s"
        )


if __name__ == "__main__":
    main()
