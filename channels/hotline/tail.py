"""Follows a growing file through rotation. It reads; what the lines mean is not its affair.

Three ways in which a log is rotated, and what happens to the reader:

* rename and create: the old file is read to its end, and left once the new one has something in
  it, for the writer may go on in the old one for a while;
* copy and truncate: what had not been read is read from the copy;
* while nobody reads: the file in which the position lies is found by its inode and first line
  under its new name, and then every later one is read, in order of their last change.

A rotated file that was compressed or deleted before it was read cannot be followed: `lost` says so.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from channels.hotline.position import Place
from channels.hotline.queue_log import LONGEST_LINE

CHUNK = 262_144
"""Octets read at once; what has no line feed in so many is a line of its own."""

NumberedLine = tuple[int, bytes]


@dataclass(slots=True)
class _Open:
    """A file being read: `head` is the hash of its first line, None until that is whole."""

    file: BinaryIO
    inode: int
    head: str | None
    offset: int


class Tail:
    """Reads `path` from `place` on; without one from its start.

    Not for several threads at once. The methods block for as long as a disk does, and raise
    `OSError` when a file that is there cannot be read.
    """

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self._wanted = place
        self._open: _Open | None = None
        self.lost = 0

    @property
    def place(self) -> Place | None:
        """Up to where lines have been returned; None before a file was found."""
        current = self._open
        if current is None:
            return self._wanted
        return Place(inode=current.inode, offset=current.offset, first_line=current.head)

    def read(self) -> list[NumberedLine]:
        """The next lines with their offsets; empty when there is nothing new now."""
        if self._open is None and not self._begin():
            return []
        if self._was_truncated():
            self._find_again()
        lines = self._lines()
        while not lines and (rest := self._leave()) is not None:
            lines = rest or self._lines()
        return lines

    def close(self) -> None:
        """Close the file; `place` stays, and the next `read` goes on from there."""
        if self._open is not None:
            self._wanted = self.place
            self._open.file.close()
            self._open = None

    def _begin(self) -> bool:
        if self._wanted is not None:
            self._resume(self._wanted)
        else:
            self._turn_to(self._path, 0)
        return self._open is not None

    def _resume(self, place: Place) -> None:
        """Open the file in which `place` lies, whatever its name is now."""
        found = [
            path
            for path in (self._path, *self._rotated())
            if (one := _look(path)) and _is_of(place, one)
        ]
        # After copy and truncate, the copy has the first line and the file its inode.
        found.sort(key=lambda path: path.stat().st_ino != place.inode)
        if found:
            self._turn_to(found[0], place.offset)
            return
        if not self._path.exists():
            return
        if place.offset:
            self.lost += 1
        self._turn_to(self._path, 0)

    def _turn_to(self, path: Path, offset: int) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        self.close()
        self._open = _Open(file, os.fstat(file.fileno()).st_ino, _head(file), offset)

    def _was_truncated(self) -> bool:
        current = self._open
        assert current is not None  # noqa: S101 - read() opened it
        if os.fstat(current.file.fileno()).st_size < current.offset:
            return True
        head = _head(current.file)
        if current.head is None:
            current.head = head
        return head != current.head

    def _find_again(self) -> None:
        place = self.place
        assert place is not None  # noqa: S101 - a file is open
        self._resume(place)

    def _lines(self) -> list[NumberedLine]:
        current = self._open
        assert current is not None  # noqa: S101 - read() opened it
        chunk = os.pread(current.file.fileno(), CHUNK, current.offset)
        if len(chunk) < CHUNK or b"\n" in chunk:
            chunk = chunk[: chunk.rfind(b"\n") + 1]
        return self._numbered(chunk)

    def _numbered(self, chunk: bytes) -> list[NumberedLine]:
        current = self._open
        assert current is not None  # noqa: S101 - a file is open
        lines = []
        for line in BytesIO(chunk):
            lines.append((current.offset, line))
            current.offset += len(line)
        return lines

    def _leave(self) -> list[NumberedLine] | None:
        """Go on to the next file when this one is done with; what is left in it as a line."""
        current = self._open
        assert current is not None  # noqa: S101 - read() opened it
        following = self._following(current)
        if following is None:
            return None
        # The writer may have written between our last look and the birth of the next file.
        lines = self._lines()
        if lines:
            return lines
        rest = self._numbered(os.pread(current.file.fileno(), CHUNK, current.offset))
        self._turn_to(following, 0)
        return rest

    def _following(self, current: _Open) -> Path | None:
        """The file after `current`: the oldest of the later ones, and `path` when it has data."""
        now = _look(self._path)
        if now is None or now.inode == current.inode:
            return None
        changed = os.fstat(current.file.fileno()).st_mtime_ns
        between = [
            (seen.changed, path)
            for path in self._rotated()
            if (seen := _look(path)) and seen.changed > changed and seen.inode != current.inode
            if seen.head != current.head
        ]
        if between:
            return min(between)[1]
        return self._path if now.size else None

    def _rotated(self) -> Iterator[Path]:
        """The files beside `path` with its name and a number: `queue_log.1`, `queue_log-20260301`.

        Compressed ones do not end with a number.
        """
        name = re.compile(re.escape(self._path.name) + r"[.-]\d[\d.:_-]*", re.ASCII)
        return (path for path in self._path.parent.iterdir() if name.fullmatch(path.name))


@dataclass(frozen=True, slots=True)
class _Seen:
    inode: int
    size: int
    changed: int
    head: str | None


def _look(path: Path) -> _Seen | None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            return _Seen(status.st_ino, status.st_size, status.st_mtime_ns, _head(file))
    except (FileNotFoundError, IsADirectoryError):
        return None


def _is_of(place: Place, seen: _Seen) -> bool:
    if seen.size < place.offset:
        return False
    if place.first_line is None:
        return seen.inode == place.inode
    return seen.head == place.first_line


def _head(file: BinaryIO) -> str | None:
    start = os.pread(file.fileno(), LONGEST_LINE, 0)
    line, feed, _ = start.partition(b"\n")
    if not feed and len(start) < LONGEST_LINE:
        return None
    return hashlib.sha256(line).hexdigest()[:32]
