"""Memory of one hot process, both stages, by open tickets; and whether they make it slower."""

import gc
import os
import resource
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.workload import requests, rulebook
from channels.contract import decode, encode
from channels.request import CustomerRequest
from router import records
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated, TicketTriaged
from router.core.letters import Letterhead
from router.core.outputs import Given
from router.core.triage import Triage
from router.log.protocol import Message

COUNT = 100_000
MOST = int(os.environ.get("SWITCHBOARD_BENCH_TICKETS", "1000000"))
SLICE, SLICES = 200, 15
TARGET_MIB = 400
HEAD = Letterhead(secrets=(b"bench-secret-of-32-bytes-or-more",), domain="bench.example")


def resident_mib() -> float:
    """The resident set now, in MiB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return pages * resource.getpagesize() / 1024**2


class Process:
    """Both cores of one process under the rulebook, which take requests and commit as shards do."""

    def __init__(self) -> None:
        self.triage, self.dispatch = Triage(HEAD), Dispatch(HEAD)
        self.taken = 0
        self._now = datetime.now(UTC)
        value = records.activation(rulebook(), 1, self._now).value or b""
        for core in (self.triage, self.dispatch):
            core.step(decode(RulebookActivated, value), self._given("rulebook/1", value), self._now)

    def _given(self, cause: str, value: bytes) -> Given:
        return Given(cause, self._now, value)

    def step(self, batch: Sequence[Message]) -> None:
        """Open a ticket for each request; nothing is committed yet."""
        self.taken += len(batch)
        for message in batch:
            value = message.value or b""
            given = self._given(message.envelope.id, value)
            for output in self.triage.step(decode(CustomerRequest, value), given, self._now):
                if output.type == TicketTriaged.TYPE:
                    event = encode(output.data)
                    given = self._given(output.id, event)
                    self.dispatch.step(decode(TicketTriaged, event), given, self._now)

    def commit(self) -> None:
        """All that was changed is stored."""
        self.triage.journal.committed()
        self.dispatch.journal.committed()

    def take(self, count: int) -> float:
        """Open so many tickets more; the seconds of CPU for each."""
        batch = requests(count, self.taken)
        began = time.process_time()
        self.step(batch)
        self.commit()
        return (time.process_time() - began) / count


def measure() -> list[str]:
    """The rows: memory at 100,000 open tickets, memory and the cost of a request at the most."""
    process = Process()
    process.commit()
    calm_collector()
    start = resident_mib()
    few = median(process.take(SLICE) for _ in range(SLICES))
    while process.taken < COUNT:
        process.take(SLICE)
    gc.collect()
    used = resident_mib() - start
    while process.taken < MOST:
        process.take(SLICE)
    gc.collect()
    most = resident_mib() - start
    many = median(process.take(SLICE) for _ in range(SLICES))
    return [
        f"{COUNT:,} open tickets, both stages: {used:,.0f} MiB above the "
        f"start (target {TARGET_MIB}), {used * 1024 / COUNT:.1f} KiB a ticket",
        f"{MOST:,} open tickets: {most * 1024 / MOST:.1f} KiB a ticket (target 4)",
        f"a request through both cores costs {few * 1e6:.0f} µs of CPU with up to "
        f"{SLICES * SLICE:,} tickets open, {many * 1e6:.0f} µs with {MOST:,}: "
        f"{many / few:.2f} times (target 1.3)",
    ]


def main() -> None:
    """Print the row."""
    print(*measure(), sep="\n")


if __name__ == "__main__":
    main()
