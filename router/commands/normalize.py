"""`switchboard normalize`: files of any channel as `CustomerRequest` lines."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import Progress

from channels.contract import encode
from channels.errors import Malformed
from channels.formats import READERS, Options, Reader
from channels.parsed import Unreadable
from router.commands import output
from router.visible import visible_lines

STDIN = "-"
_FORMATS = ", ".join(READERS)


def normalize(
    format_name: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {_FORMATS}.")],
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...", help="Files, folders (with all in them), or - for stdin."
        ),
    ],
    account: Annotated[
        str,
        typer.Option(help="The account that received it; by default what the input itself says."),
    ] = "",
    received_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="RFC 3339; by default now, in a log the line's time."),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="CC", help="The country (CN, US) of numbers without its code."),
    ] = None,
) -> None:
    """Read files of a channel and print each message as one CustomerRequest in JSON.

    What cannot be read is named on stderr, as file:line: where: problem; the rest is read all the
    same, and the exit code is 1.
    """
    reader = READERS.get(format_name)
    if reader is None:
        raise typer.BadParameter(
            f"{format_name!r} is no format; known: {_FORMATS}", param_hint="FORMAT"
        )
    options = Options(account=account, received_at=_instant(received_at), region=_region(region))
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    run = _Run(reader, options, console)
    with (
        output.lines() as write,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        for name in progress.track(run.files(paths), description="reading"):
            run.read(name, write)
    if run.failures:
        raise Malformed(f"{run.failures} could not be read, {run.requests} could")


class _Run:
    """One call of the command: what it has read, and what it could not."""

    def __init__(self, reader: Reader, options: Options, console: Console) -> None:
        self._reader = reader
        self._options = options
        self._console = console
        self.requests = 0
        self.failures = 0

    def files(self, paths: Sequence[str]) -> list[str]:
        """The files that `paths` stand for, each folder's in the order of their names."""
        found: list[str] = []
        for path in paths:
            found += self._folder(path) if path != STDIN and Path(path).is_dir() else [path]
        return found

    def read(self, name: str, write: output.Write) -> None:
        """Read one file to its end, whatever is wrong in it."""
        try:
            with _opened(name) as file:
                self._read(name, file, write)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(f"{name}: {error.strerror or error}")

    def _read(self, name: str, file: BinaryIO, write: output.Write) -> None:
        for line, found in self._reader(file, self._options):
            if isinstance(found, Unreadable):
                where = "" if found.where == f"line {line}" else f"{found.where}: "
                self._fail(f"{name}:{line}: {where}{found.problem}")
            else:
                write(encode(found.request))
                self.requests += 1

    def _folder(self, folder: str) -> list[str]:
        def failed(error: OSError) -> None:
            self._fail(f"{error.filename}: {error.strerror}")

        return [
            str(Path(directory, name))
            for directory, folders, names in os.walk(folder, onerror=failed)
            for name in _in_order(folders, names)
            if Path(directory, name).is_file()
        ]

    def _fail(self, message: str) -> None:
        self.failures += 1
        self._console.print(visible_lines(message))


def _in_order(folders: list[str], names: list[str]) -> list[str]:
    # os.walk goes into the folders in the order in which it finds them here afterwards.
    folders.sort()
    return sorted(names)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter(
        f"{text!r} is no instant; expected one such as 2026-03-02T09:00:00Z",
        param_hint="--received-at",
    )


def _region(text: str | None) -> str | None:
    import phonenumbers  # noqa: PLC0415 - its tables take a while, and only this option needs them

    if text is not None and text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise typer.BadParameter(
            f"{text!r} is no country; expected two letters such as CN", param_hint="--region"
        )
    return text.upper() if text else None
