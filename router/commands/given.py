"""What several commands are given: instants, rulebooks with a name, files of JSON lines."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import typer

from channels.errors import Malformed
from router.rulebook_files import read_folder, rulebook_folder
from router.rulebook_history import Entry
from router.whatif.replay import Book
from rules.load import RulebookError


def instant(text: str) -> datetime:
    """An RFC 3339 instant, in UTC. Raises `BadParameter`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} is not an RFC 3339 instant (2027-01-04T09:00:00Z)")
    return at.astimezone(UTC)


def book_in(folder: str) -> Book:
    """The rulebook in a folder. Raises `Malformed`."""
    path = Path(folder)
    return _book(folder, read_folder(path), str(rulebook_folder(path)))


def book_of(entry: Entry) -> Book:
    """The rulebook of an activation. Raises `Malformed`."""
    return _book(str(entry), entry.files, str(entry))


def _book(name: str, files: Mapping[str, str], where: str) -> Book:
    """A rulebook, compiled; its errors name it, for there may be two."""
    try:
        return Book.of(name, files)
    except RulebookError as error:
        said = "\n".join(f"{where}/{problem}" for problem in error.problems)
        raise Malformed(f"this rulebook is wrong:\n{said}") from None


def lines_of(source: str) -> list[str]:
    """The lines of a file, or of stdin where it is `-`. Raises `Malformed`.

    A line ends at a line feed and nowhere else: in a JSON string U+2028 is a character like others.
    """
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return [line.removesuffix("\r") for line in data.decode().split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{source}: {error}") from None
