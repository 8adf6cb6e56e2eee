"""`switchboard rules stats`: which rules win, which never do, which are in each other's way."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from channels.contract import encode
from channels.errors import Unavailable
from router import bootstrap
from router.commands import output
from router.commands.given import book_in, book_of, instant, lines_of
from router.rule_stats import terminal
from router.rule_stats.cost import measured
from router.rule_stats.gather import Gathered, from_log, from_traffic
from router.rule_stats.report import Report
from router.rule_stats.standing import standing
from router.rulebook_history import Entry, find, history
from router.settings import load
from router.whatif.replay import Book
from router.whatif.traffic import Traffic, read

WIDE = 120
"""The width of the tables where nobody says how wide it may be."""
MEASURED = 1000


def stats(
    *,
    config: Annotated[Path, typer.Option(help="The config folder whose log is read.")] = Path(),
    start: Annotated[
        datetime | None,
        typer.Option("--from", metavar="T", parser=instant, help="What was decided since then."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="T", parser=instant, help="What was decided before then."),
    ] = None,
    rulebook: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|VERSION",
            help="Decide anew by this rulebook: a folder, or a version in the log (its hash or "
            "the beginning of it, or an activation's number).",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="FILE", help="Decide about these CustomerRequest lines; - is stdin."
        ),
    ] = None,
    measure: Annotated[
        int, typer.Option(min=0, metavar="N", help="Measure with N of the requests at most.")
    ] = MEASURED,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count what the rules decided: hits, rules never hit, overlaps, the default, the slowest."""
    if source is not None and (start or until):
        raise typer.BadParameter("--from and --to choose from the log; --input counts a file")
    if start is not None and until is not None and start >= until:
        raise typer.BadParameter("--from must be before --to")
    wanted = _Wanted(config, start, until, rulebook, source, measure)
    report = asyncio.run(wanted.read()).report()
    if as_json:
        with output.lines() as write:
            write(encode(report.as_data()))
        return
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = WIDE
    terminal.show(report, console)


@dataclass(frozen=True)
class _Read:
    """What was read: the rulebook, what was decided, and the log's history, if one was asked.

    With `anew` the rulebook has decided just now.
    """

    source: str
    book: Book
    gathered: Gathered
    entries: Sequence[Entry] = ()
    anew: bool = True

    def report(self) -> Report:
        """All that is shown; the cost is measured now."""
        figures, facts = self.gathered.figures, self.gathered.facts
        activations: dict[str, list[int]] = defaultdict(list)
        for entry in self.entries:
            activations[entry.version].append(entry.activation)
        made = {version: one.decisions for version, one in figures.versions.items()}
        routes = self.book.compiled.rulebook.routes
        return Report(
            source=self.source,
            anew=self.anew,
            book=self.book,
            since=None if self.anew else self.entries[-1].at,
            activations=activations,
            standing={} if self.anew else standing(self.entries, routes, made),
            figures=figures,
            besides=self.gathered.besides,
            sample=facts,
            cost=measured(self.book.compiled, facts) if facts else None,
        )


@dataclass(frozen=True)
class _Wanted:
    """Where the rulebook and the decisions come from."""

    config: Path
    start: datetime | None
    until: datetime | None
    rulebook: str | None
    source: str | None
    measure: int

    async def read(self) -> _Read:
        """The rulebook and the decisions, from files or the log."""
        traffic = self._traffic()
        book = self._folder()
        if traffic is not None and book is not None:
            return self._of_file(book, traffic)
        async with bootstrap.connected(load(self.config)) as log:
            entries = await history(log)
            book = book or self._version(entries)
            if traffic is not None:
                return self._of_file(book, traffic)
            anew = self.rulebook is not None
            gathered = await from_log(
                log, book.compiled, self.start, self.until, anew=anew, most=self.measure
            )
        return _Read(self._source(), book, gathered, entries, anew)

    def _of_file(self, book: Book, traffic: Traffic) -> _Read:
        return _Read(traffic.source, book, from_traffic(book.compiled, traffic, self.measure))

    def _traffic(self) -> Traffic | None:
        if self.source is None:
            return None
        return read(lines_of(self.source), "stdin" if self.source == "-" else self.source)

    def _folder(self) -> Book | None:
        """The rulebook in a folder, where one is named: it is there, or its name has a slash."""
        if self.rulebook is None:
            return None
        if "/" not in self.rulebook and not Path(self.rulebook).is_dir():
            return None
        return book_in(self.rulebook)

    def _version(self, entries: Sequence[Entry]) -> Book:
        """The version that is named, or the one in force."""
        if self.rulebook is not None:
            entry = find(entries, self.rulebook)
        elif entries:
            entry = entries[-1]
        else:
            raise Unavailable("no rulebook is in force yet: start `switchboard serve` first")
        return book_of(entry)

    def _source(self) -> str:
        since = f" from {self.start.isoformat()}" if self.start else ""
        until = f" to {self.until.isoformat()}" if self.until else ""
        return f"the log{since}{until}"
