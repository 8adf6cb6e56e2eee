"""Where the bytes lie that a request only refers to: content-addressed, `sha256:<hex>`.

A blob is there before the request that names it, so that nobody reads a reference to nothing.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from channels.errors import Full, Malformed, Unavailable

_REF = re.compile(r"sha256:[0-9a-f]{64}")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def ref_of(data: bytes) -> str:
    """The reference of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Blobs(Protocol):
    """A store of bytes by their hash."""

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store all; return when they are safe. Raises `Full`, `Unavailable`."""
        ...

    async def get(self, ref: str) -> bytes:
        """The bytes of `ref`. Raises `Malformed` when there are none or they are damaged."""
        ...


class MemoryBlobs:
    """The twin in memory, for tests and simulation."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store all."""
        for ref, data in blobs.items():
            _check(ref, data)
            self._blobs[ref] = data

    async def get(self, ref: str) -> bytes:
        """The bytes of `ref`."""
        try:
            return self._blobs[ref]
        except KeyError:
            raise Malformed(f"no blob {ref}") from None


class DirectoryBlobs:
    """A folder on a local disk: `<root>/ab/cdef…`, written aside, fsynced, then renamed.

    One process at a time owns the folder (the data folder's lock sees to that), so what a crash
    left half written is swept away when it is opened.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._partial = root / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)
        for leftover in self._partial.iterdir():
            leftover.unlink()

    async def put(self, blobs: Mapping[str, bytes]) -> None:
        """Store all, in a thread, for fsync blocks."""
        if blobs:
            await asyncio.to_thread(self._put_all, dict(blobs))

    async def get(self, ref: str) -> bytes:
        """The bytes of `ref`, checked against their hash."""
        path = self._path(ref)
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise Malformed(f"no blob {ref}") from None
        except OSError as error:
            raise Unavailable(f"blob {ref}: {error.strerror}") from error
        if ref_of(data) != ref:
            raise Malformed(f"blob {ref} is damaged on the disk")
        return data

    async def sweep(self, before: datetime) -> int:
        """Delete what was last stored before that instant; returns how many."""
        return await asyncio.to_thread(self._sweep, before.timestamp())

    def _sweep(self, before: float) -> int:
        dropped = 0
        for path in self._root.glob("[0-9a-f][0-9a-f]/*"):
            # It may be stored again, or deleted by hand, at this very moment.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    dropped += 1
        return dropped

    def _path(self, ref: str) -> Path:
        if not _REF.fullmatch(ref):
            raise Malformed(f"{ref!r} is no blob reference (sha256:<64 hex digits>)")
        digest = ref.removeprefix("sha256:")
        return self._root / digest[:2] / digest[2:]

    def _put_all(self, blobs: dict[str, bytes]) -> None:
        try:
            for ref, data in blobs.items():
                _check(ref, data)
                self._put(self._path(ref), data)
        except OSError as error:
            kind = Full if error.errno in _NO_ROOM else Unavailable
            raise kind(f"blob store {self._root}: {error.strerror}") from error

    def _put(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            os.utime(path)  # stored anew: it is kept for as long again
        else:
            self._write_aside(path, data)
        # Also for a blob that stood there: whoever wrote it may not have come this far.
        _fsync_directory(path.parent)
        _fsync_directory(self._root)

    def _write_aside(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._partial)
        aside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise


def _check(ref: str, data: bytes) -> None:
    if ref_of(data) != ref:
        raise ValueError(f"{ref} is not the hash of these {len(data)} bytes")


def _fsync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
