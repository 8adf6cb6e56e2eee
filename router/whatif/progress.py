"""How far a replay is, on stderr where that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, TaskID


class Shown:
    """How far it is, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._total: int | None = None

    def expect(self, inputs: int) -> None:
        """So many inputs are played in each run."""
        self._total = inputs

    def read(self, what: str) -> None:
        """Another record was read."""
        self._advance(f"reading {what}", None)

    def replayed(self, run: str) -> None:
        """Another input was played."""
        self._advance(run, self._total)

    def _advance(self, what: str, total: int | None) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.advance(self._tasks[what])


@contextmanager
def shown() -> Iterator[Shown]:
    """Show it on stderr, if that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Shown(progress)
