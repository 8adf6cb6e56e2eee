"""What several commands are given: instants, rulebooks with a name, files of JSON lines."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import typer

from channels.errors import Malformed
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


def named_book(name: str, files: Mapping[str, str]) -> Book:
    """A rulebook, compiled; its errors name it. Raises `Malformed`."""
    try:
        return Book.of(name, files)
    except RulebookError as error:
        said = "\n".join(f"{name}/{problem}" for problem in error.problems)
        raise Malformed(f"this rulebook is wrong:\n{said}") from None


def lines_of(source: str) -> list[str]:
    """The lines of a file, or of stdin where it is `-`. Raises `Malformed`."""
    try:
        if source == "-":
            return sys.stdin.read().splitlines()
        return Path(source).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{source}: {error}") from None
