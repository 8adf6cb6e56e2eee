"""What happened how often, in this process: names to integers, read by `doctor` and metrics."""

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Counts by name; a name is dotted, from the general to the particular.

    Names come from the code and never from input, so that there are as many as the code has.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, by: int = 1) -> None:
        """Count `by` more of `name`."""
        self._counts[name] += by

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def snapshot(self) -> Mapping[str, int]:
        """All counts as they are now, by name."""
        return dict(sorted(self._counts.items()))
