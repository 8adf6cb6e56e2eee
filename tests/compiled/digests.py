"""What the router tells in some simulated runs, as a digest each; beside it, how it is run.

`python -m tests.compiled.digests SEED...` prints a JSON object: the suffix of the core's files,
and the digest of each seed.
"""

import asyncio
import hashlib
import json
import sys

from router.core import dispatch
from tests.simulation.test_chaos import play


async def digest(seed: int) -> str:
    """Of every event of every ticket in the run, with its data and its instant."""
    run = (await play(seed)).run()
    told = [
        [key, event.type, event.time.isoformat(), event.data]
        for key, events in sorted(run.tickets.items())
        for event in events
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def digests(seeds: list[int]) -> dict[str, str]:
    """Of each seed, and how the core that has played it is run."""
    found = {str(seed): asyncio.run(digest(seed)) for seed in seeds}
    return {"core": str(dispatch.__file__).rpartition(".")[2], **found}


if __name__ == "__main__":
    print(json.dumps(digests([int(seed) for seed in sys.argv[1:]])))
