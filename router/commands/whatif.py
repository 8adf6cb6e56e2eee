"""`switchboard whatif`: recorded or given requests through two rulebooks; what would change."""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from channels.contract import encode
from channels.errors import Malformed
from router import bootstrap
from router.collector import calm_collector
from router.commands import output
from router.commands.given import book_in, book_of, instant, lines_of
from router.log.protocol import Log
from router.rulebook_history import find, history, in_force
from router.settings import load
from router.whatif import terminal
from router.whatif.agents import Pace
from router.whatif.compare import Report
from router.whatif.progress import Shown, shown
from router.whatif.recorded import recorded
from router.whatif.replay import Book, Wishes
from router.whatif.replay import whatif as compared
from router.whatif.traffic import Traffic, read
from router.whatif.view import Viewer
from router.whatif.words import Say
from rules.scalars import parse_duration

WIDE = 120
"""The width of the tables where nobody says how wide it may be."""


class Language(StrEnum):
    """The languages of the report."""

    EN = "en"
    ZH = "zh"


class Who(StrEnum):
    """Who answers in the replay."""

    AUTO = "auto"
    RECORDED = "recorded"
    MODEL = "model"


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _interval(text: str) -> timedelta:
    found = _duration(text)
    if found < timedelta(seconds=1):
        raise typer.BadParameter(f"{text!r} is too short: a second at least")
    return found


def whatif(
    *,
    new: Annotated[Path, typer.Option(help="The folder of the rulebook that is tried.")],
    old: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|VERSION",
            help="The rulebook it is compared with: a folder, or a version in the log (its hash or "
            "the beginning of it, or an activation's number); by default what is in force there.",
        ),
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", metavar="T", parser=instant, help="Replay what came since then."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="T", parser=instant, help="Replay what came before then."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Replay this script, or CustomerRequest lines; - is stdin.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The config folder whose log is read; by default this one.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    lang: Annotated[Language, typer.Option(help="The report's language.")] = Language.EN,
    agents: Annotated[
        Who, typer.Option(help="Recorded commands, or a model; auto takes what applies.")
    ] = Who.AUTO,
    accept: Annotated[
        timedelta,
        typer.Option(
            parser=_duration, metavar="D", show_default="20s", help="The model accepts after."
        ),
    ] = Pace.accept,
    reply: Annotated[
        timedelta,
        typer.Option(
            parser=_duration, metavar="D", show_default="5m", help="The model replies after."
        ),
    ] = Pace.reply,
    resolve: Annotated[
        timedelta,
        typer.Option(
            parser=_duration, metavar="D", show_default="10m", help="The model resolves after."
        ),
    ] = Pace.resolve,
    tail: Annotated[
        timedelta | None,
        typer.Option(parser=_duration, metavar="D", help="Go on so long after the last input."),
    ] = None,
    bucket: Annotated[
        timedelta | None,
        typer.Option(parser=_interval, metavar="D", help="The interval of samples over time."),
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="So many examples at most.")] = 10,
    decisions_only: Annotated[
        bool, typer.Option("--decisions-only", help="Compare decisions alone: much faster.")
    ] = False,
) -> None:
    """Replay requests through two rulebooks in virtual time; report what would change."""
    if source is not None and (start or until):
        raise typer.BadParameter("--from and --to choose from the log; --input replays a file")
    if source is not None and old is None and config is None:
        raise typer.BadParameter("--input needs --old DIR, or --config DIR for what is in force")
    wishes = Wishes(
        agents=None if agents is Who.AUTO else agents.value,
        pace=Pace(accept, reply, resolve),
        tail=tail,
        bucket=bucket,
        examples=examples,
        decisions_only=decisions_only,
    )
    wanted = _Wanted(old, source, config, start, until)
    with shown() as progress:
        book = book_in(str(new))
        before, traffic = asyncio.run(wanted.read(progress))
        calm_collector()
        progress.expect(len(traffic.inputs))
        report = compared(before, book, traffic, wishes, progress.replayed)
    if html is not None:
        _write_page(report, Say(lang.value), html)
    _print(report, Say(lang.value), as_json=as_json)


class _Wanted:
    """Where the old rulebook and the traffic come from."""

    def __init__(
        self,
        old: str | None,
        source: str | None,
        config: Path | None,
        start: datetime | None,
        until: datetime | None,
    ) -> None:
        self._old = old
        self._source = source
        self._config = config
        self._start = start
        self._until = until

    async def read(self, progress: Shown) -> tuple[Book, Traffic]:
        """The old rulebook and what is replayed, from files or the log."""
        folder, given = self._is_folder(), self._given()
        if given is not None and self._config is None:
            return book_in(str(self._old)), given
        async with bootstrap.connected(load(self._config or Path())) as log:
            old = book_in(str(self._old)) if folder else await self._version(log)
            if given is None:
                given = await recorded(log, self._start, self._until, progress.read)
        return old, given

    def _is_folder(self) -> bool:
        return self._old is not None and Path(self._old).is_dir()

    def _given(self) -> Traffic | None:
        return None if self._source is None else read(lines_of(self._source), self._source)

    async def _version(self, log: Log) -> Book:
        entry = await in_force(log) if self._old is None else find(await history(log), self._old)
        return book_of(entry)


# -- what is shown


def _print(report: Report, say: Say, *, as_json: bool) -> None:
    if as_json:
        with output.lines() as write:
            write(encode(report))
        return
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = WIDE
    terminal.show(Viewer(report, say).view(), say, console)


def _write_page(report: Report, say: Say, path: Path) -> None:
    from router.whatif.page import page  # noqa: PLC0415 - matplotlib takes a second to import

    try:
        path.write_text(page(report, say), encoding="utf-8")
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from None
