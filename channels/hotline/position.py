"""How far a log file has been read: a small JSON file, replaced as a whole."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from channels.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A byte of a file that may have been renamed since: `first_line` is the hash of its first.

    It is None while that line is not whole; then the inode alone tells the file.
    """

    inode: int
    offset: int
    first_line: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """All before `place` is published, but for the calls that are open there: `open_lines`.

    A call's own lines are kept and not their offset, for the file in which they stand may be
    truncated or compressed when they are wanted; and calls between them, long published, would be
    read a second time without their beginning.
    """

    place: Place
    open_lines: tuple[bytes, ...] = ()


def load(path: Path) -> Position | None:
    """The position stored at `path`, or None. Raises `Malformed` when it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Position)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise Malformed(
            f"{path}: not a position ({error}); without the file, reading begins anew"
        ) from error


def save(path: Path, position: Position) -> None:
    """Replace the position at `path`; on the disk when this returns. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        file.write(msgspec.json.encode(position))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
