"""Python's garbage collector beside state that lives long and has no cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def calm_collector() -> None:
    """Have it look less often.

    With 100,000 tickets a full collection stops everything for a third of a second; the default
    thresholds make one every few thousand requests (`python -m bench.embedded`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@contextmanager
def resting_collector() -> Iterator[None]:
    """Have it rest while a state is taken in: a third of that time it would look for nothing.

    See `python -m bench.restore`. What a shard had before is collected afterwards.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
