"""Quix Streams' exactly-once stateful pass-through: what a user would pick instead.

It is run by `bench.kafka` in a virtual environment of its own (`bench/peers.lock`), and prints its
requests a second, from the first to the last commit.

    python quix_copy.py BOOTSTRAP SOURCE TARGET COUNT STATE_FOLDER
"""

import sys
import time
from typing import Any

from quixstreams import Application, State


def main() -> None:
    """Read `COUNT` messages, count each key's in a state, pass each on."""
    bootstrap, source, target, count, folder = sys.argv[1:]
    application = Application(
        broker_address=bootstrap,
        consumer_group=target,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=folder,
        commit_every=1_000,
        loglevel="ERROR",
    )
    began: list[float] = []

    def counted(value: Any, state: State) -> Any:
        if not began:
            began.append(time.perf_counter())
        state.set("seen", state.get("seen", 0) + 1)
        return value

    frame = application.dataframe(application.topic(source, value_deserializer="json"))
    frame = frame.apply(counted, stateful=True)
    frame.to_topic(application.topic(target, value_serializer="json"))
    application.run(count=int(count), timeout=60)
    print(int(count) / (time.perf_counter() - began[0]))


if __name__ == "__main__":
    main()
