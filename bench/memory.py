"""Memory of one hot process, both stages, with 100,000 open tickets: RSS above its start."""

import gc
import resource
from datetime import UTC, datetime
from pathlib import Path

from bench.workload import requests, rulebook
from channels.contract import decode, encode
from channels.request import CustomerRequest
from router import records
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated, TicketTriaged
from router.core.letters import Letterhead
from router.core.outputs import Given
from router.core.triage import Triage

COUNT = 100_000
SLICE = 1_000
TARGET_MIB = 400
HEAD = Letterhead(secrets=(b"bench-secret-of-32-bytes-or-more",), domain="bench.example")


def resident_mib() -> float:
    """The resident set now, in MiB."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return pages * resource.getpagesize() / 1024**2


def measure() -> list[str]:
    """Open the tickets through both cores, committing as a shard does."""
    triage, dispatch = Triage(HEAD), Dispatch(HEAD)
    now = datetime.now(UTC)
    order = decode(RulebookActivated, records.activation(rulebook(), 1, now).value or b"")
    for core in (triage, dispatch):
        core.step(order, Given("rulebook/1", now), now)
        core.journal.committed()
    gc.collect()
    start = resident_mib()
    for first in range(0, COUNT, SLICE):
        for message in requests(SLICE, first):
            value = message.value or b""
            outputs = triage.step(
                decode(CustomerRequest, value), Given(message.envelope.id, now, value), now
            )
            for output in outputs:
                if output.type == TicketTriaged.TYPE:
                    triaged = encode(output.data)
                    given = Given(output.id, now, triaged)
                    dispatch.step(decode(TicketTriaged, triaged), given, now)
        triage.journal.committed()
        dispatch.journal.committed()
    gc.collect()
    used = resident_mib() - start
    return [
        f"{len(dispatch.desk.tickets):,} open tickets, both stages: {used:,.0f} MiB above the "
        f"start (target {TARGET_MIB}), {used * 1024 / COUNT:.1f} KiB a ticket"
    ]


def main() -> None:
    """Print the row."""
    print(*measure(), sep="\n")


if __name__ == "__main__":
    main()
