"""The blob stores: what is put is there, whole, and a crash leaves no half of it."""

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from channels.blobs import Blobs, DirectoryBlobs, MemoryBlobs, ref_of
from channels.errors import Full, Malformed, Unavailable

DATA = "投诉".encode()
REF = ref_of(DATA)
STORES: dict[str, Callable[[Path], Blobs]] = {
    "memory": lambda _: MemoryBlobs(),
    "directory": DirectoryBlobs,
}


def files(folder: Path) -> list[Path]:
    """All files in a folder and below."""
    return [found for found in folder.rglob("*") if found.is_file()]


@pytest.fixture(params=list(STORES))
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Each of the stores, empty."""
    return STORES[request.param](tmp_path / "blobs")


async def test_what_is_put_is_there(blobs: Blobs) -> None:
    """Also when it is put twice, and when nothing is put."""
    await blobs.put({})
    await blobs.put({REF: DATA, ref_of(b""): b""})
    await blobs.put({REF: DATA})
    assert await blobs.get(REF) == DATA
    assert await blobs.get(ref_of(b"")) == b""


async def test_unknown_reference_is_malformed(blobs: Blobs) -> None:
    """There is a sentence for it."""
    with pytest.raises(Malformed, match="no blob sha256:"):
        await blobs.get(REF)


async def test_reference_must_be_the_hash(blobs: Blobs) -> None:
    """A wrong one is the program's error."""
    with pytest.raises(ValueError, match="is not the hash"):
        await blobs.put({REF: b"something else"})


@pytest.mark.parametrize("ref", ["sha256:../../etc/passwd", "md5:00", "", "sha256:" + "0" * 63])
async def test_reference_leads_nowhere_else(tmp_path: Path, ref: str) -> None:
    """A reference is 64 hex digits, and no path."""
    with pytest.raises(Malformed, match="no blob reference"):
        await DirectoryBlobs(tmp_path).get(ref)


async def test_damaged_blob_is_noticed(tmp_path: Path) -> None:
    """Nobody reads what was not put."""
    blobs = DirectoryBlobs(tmp_path)
    await blobs.put({REF: DATA})
    (path,) = files(tmp_path)
    path.write_bytes(b"other")
    with pytest.raises(Malformed, match="damaged"):
        await blobs.get(REF)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, Full),
        (errno.EDQUOT, Full),
        (errno.EFBIG, Full),
        (errno.EIO, Unavailable),
    ],
)
async def test_disk_that_fails_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Unavailable]
) -> None:
    """A filled disk is `Full`; what was begun is taken away, and works when there is room."""
    blobs = DirectoryBlobs(tmp_path)

    def fails(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails)
        with pytest.raises(Unavailable) as raised:
            await blobs.put({REF: DATA})
    assert type(raised.value) is kind
    assert files(tmp_path) == []
    await blobs.put({REF: DATA})
    assert await blobs.get(REF) == DATA


async def test_leftovers_of_a_crash_are_swept(tmp_path: Path) -> None:
    """Opening the store removes what was never renamed, and nothing else."""
    blobs = DirectoryBlobs(tmp_path)
    await blobs.put({REF: DATA})
    (tmp_path / "partial" / "tmpabc").write_bytes(b"half")
    again = DirectoryBlobs(tmp_path)
    assert list((tmp_path / "partial").iterdir()) == []
    assert await again.get(REF) == DATA


async def test_a_sweep_deletes_what_was_not_stored_for_long(tmp_path: Path) -> None:
    """What is stored again is kept for as long again."""
    blobs = DirectoryBlobs(tmp_path)
    old, again, new = (ref_of(data) for data in (b"old", b"again", b"new"))
    await blobs.put({old: b"old", again: b"again"})
    _age(tmp_path)
    await blobs.put({again: b"again", new: b"new"})
    assert await blobs.sweep(datetime.now(UTC) - timedelta(days=1)) == 1
    assert [await blobs.get(ref) for ref in (again, new)] == [b"again", b"new"]
    with pytest.raises(Malformed, match="no blob"):
        await blobs.get(old)
    assert await blobs.sweep(datetime.now(UTC) - timedelta(days=1)) == 0


def _age(folder: Path) -> None:
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
