"""A tailed queue_log, with real files: rotation, truncation, restarts, and a log that is down."""

import asyncio
import gzip
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.errors import Malformed, Unavailable
from channels.hotline.position import Place, Position, load, save
from channels.hotline.source import QueueLog, run
from channels.hotline.tail import CHUNK, Tail
from channels.inbox import Inbound
from channels.parsed import Parsed, Unreadable

START = 1_700_000_000
PATIENCE_SECONDS = 30


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the PBX writes."""
    return tmp_path / "queue_log"


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode())


def _compress(path: Path) -> None:
    with gzip.open(path.with_name(path.name + ".1.gz"), "wb") as file:
        file.write(path.read_bytes())
    path.unlink()


def _become_folder(path: Path) -> None:
    path.mkdir()


def _become_file(path: Path, text: str) -> None:
    path.rmdir()
    _append(path, text)


def _older(path: Path, seconds: int) -> None:
    """Make a file's last change that much older: test files are written within a clock's tick."""
    then = path.stat().st_mtime_ns - seconds * 1_000_000_000
    os.utime(path, ns=(then, then))


def _all(tail: Tail) -> str:
    found = ""
    while lines := tail.read():
        found += b"".join(line for _, line in lines).decode()
    return found


def test_growing(log: Path) -> None:
    """Lines come once, when they are whole; a file may come late."""
    tail = Tail(log)
    assert tail.read() == []
    assert tail.place is None
    _append(log, "one\ntw")
    assert tail.read() == [(0, b"one\n")]
    assert tail.read() == []
    _append(log, "o\nthree\n")
    assert tail.read() == [(4, b"two\n"), (8, b"three\n")]
    tail.close()


def test_rename_and_create(log: Path) -> None:
    """The writer may go on in the old file until the new one has something in it."""
    _append(log, "one\ntw")
    tail = Tail(log)
    assert _all(tail) == "one\n"
    rotated = log.rename(log.with_name("queue_log.1"))
    assert _all(tail) == ""
    log.touch()
    _append(rotated, "o\nthree\n")
    assert _all(tail) == "two\nthree\n"
    _append(rotated, "four\nfiv")
    _append(log, "six\n")
    assert _all(tail) == "four\nfivsix\n"
    assert tail.place is not None
    assert (tail.place.inode, tail.place.offset) == (log.stat().st_ino, 4)
    assert tail.lost == 0
    tail.close()


def test_two_rotations_at_once(log: Path) -> None:
    """Every file between the one that was read and the present one is read."""
    _append(log, "one\n")
    tail = Tail(log)
    assert _all(tail) == "one\n"
    log.rename(log.with_name("queue_log.2"))
    _append(log.with_name("queue_log.2"), "two\n")
    _older(log.with_name("queue_log.2"), 20)
    _append(log.with_name("queue_log.1"), "three\n")
    _older(log.with_name("queue_log.1"), 10)
    _append(log.with_name("queue_log.0.gz"), "compressed\n")
    _append(log, "four\n")
    assert _all(tail) == "two\nthree\nfour\n"
    tail.close()


def test_truncated_without_a_copy(log: Path) -> None:
    """A file that was truncated is read from its start, and the loss is known."""
    _append(log, "one\ntwo\n")
    tail = Tail(log)
    assert _all(tail) == "one\ntwo\n"
    log.write_bytes(b"3\n")
    assert _all(tail) == "3\n"
    assert tail.lost == 1
    tail.close()


def test_truncated_and_grown_beyond(log: Path) -> None:
    """Truncation is seen by the first line when the size does not tell."""
    _append(log, "one\n")
    tail = Tail(log)
    assert _all(tail) == "one\n"
    log.write_bytes(b"another\nlonger\n")
    assert _all(tail) == "another\nlonger\n"
    tail.close()


def test_copy_and_truncate(log: Path) -> None:
    """What was not read before the truncation is read from the copy."""
    _append(log, "one\n")
    tail = Tail(log)
    assert _all(tail) == "one\n"
    _append(log, "two\nthree\n")
    shutil.copy2(log, log.with_name("queue_log-20260302"))
    os.truncate(log, 0)
    assert _all(tail) == "two\nthree\n"
    _append(log, "four\n")
    assert _all(tail) == "four\n"
    assert tail.lost == 0
    tail.close()


@pytest.mark.parametrize("way", ["rename", "copy"])
def test_rotation_while_nobody_reads(log: Path, way: str) -> None:
    """The file of the position is found under its new name, after a restart."""
    _append(log, "one\n")
    first = Tail(log)
    assert _all(first) == "one\n"
    first.close()
    _append(log, "two\n")
    rotated = log.with_name("queue_log.1")
    if way == "rename":
        log.rename(rotated)
    else:
        shutil.copy2(log, rotated)
        os.truncate(log, 0)
    _append(log, "three\n")
    second = Tail(log, first.place)
    assert _all(second) == "two\nthree\n"
    assert second.lost == 0
    second.close()


def test_the_rotated_file_is_gone(log: Path) -> None:
    """When the file of the position is gone, the present one is read whole, and the loss known."""
    _append(log, "new\n")
    tail = Tail(log, Place(inode=1, offset=10, first_line="0" * 32))
    assert _all(tail) == "new\n"
    assert tail.lost == 1
    tail.close()


def test_a_line_without_measure(log: Path) -> None:
    """What never has a line feed is taken in pieces."""
    log.write_bytes(b"x" * (CHUNK + 1))
    tail = Tail(log)
    assert [(offset, len(line)) for offset, line in tail.read()] == [(0, CHUNK)]
    assert tail.read() == []
    tail.close()


def test_position(tmp_path: Path) -> None:
    """A position is stored as a whole, with its lines' octets; a damaged one is said."""
    path = tmp_path / "positions" / "pbx.json"
    assert load(path) is None
    position = Position(
        place=Place(inode=7, offset=9, first_line="ab"), open_lines=(b"\xff|x\n", b"y")
    )
    save(path, position)
    assert load(path) == position
    assert [one.name for one in path.parent.iterdir()] == ["pbx.json"]
    path.write_bytes(b"{")
    with pytest.raises(Malformed, match=r"pbx\.json: not a position"):
        load(path)


class Sink:
    """A log that confirms, or is down."""

    def __init__(self) -> None:
        self.found: list[Inbound] = []
        self.down = False
        self.refusals = 0

    async def publish(self, items: Sequence[Inbound]) -> None:
        """Take all or nothing."""
        if self.down:
            self.refusals += 1
            raise Unavailable("the log is down")
        self.found += items

    def outcomes(self) -> list[str]:
        """What became of the calls, by call id."""
        calls = [one.request.call for one in self.found if isinstance(one, Parsed)]
        return [f"{call.id} {call.outcome}" for call in calls if call]


def _line(after: int, call: int, event: str) -> str:
    agent = "NONE" if event.startswith(("ENTER", "ABANDON")) else "PJSIP/ann"
    return f"{START + after}|c.{call}|sales|{agent}|{event}\n"


def _enter(after: int, call: int) -> str:
    return _line(after, call, "ENTERQUEUE||+8613800138000|1")


@asynccontextmanager
async def _running(log: Path, sink: Sink, since: datetime | None = None) -> AsyncIterator[None]:
    queue_log = QueueLog(
        account="pbx",
        path=log,
        position_path=log.parent / "positions" / "pbx.json",
        interval_seconds=0.001,
        since=since,
    )
    task = asyncio.create_task(run(queue_log, sink.publish))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is a file's content
            await asyncio.sleep(0.001)


def _read_through(log: Path) -> bool:
    position = load(log.parent / "positions" / "pbx.json")
    return position is not None and position.place.offset == log.stat().st_size


async def test_restart_within_calls(log: Path) -> None:
    """Calls that are open at a restart keep their caller, and none that has ended comes twice."""
    sink = Sink()
    _append(log, _enter(0, 1) + _enter(1, 2))
    async with _running(log, sink):
        _append(log, _line(5, 1, "ABANDON|1|1|5") + _line(6, 2, "CONNECT|5|c.9|1") + "17000")
        await _until(lambda: sink.outcomes() == ["c.1 abandoned"])
        await _until(lambda: _has_open(log))
    with log.open("rb+") as file:
        file.seek(-5, os.SEEK_END)
        file.write(_line(36, 2, "COMPLETEAGENT|5|30|1").encode())
    async with _running(log, sink):
        await _until(lambda: len(sink.found) > 1)
        await _until(lambda: _read_through(log))
    assert sink.outcomes() == ["c.1 abandoned", "c.2 answered"]
    assert all(isinstance(one, Parsed) and not one.request.defects for one in sink.found)


def _has_open(log: Path) -> bool:
    position = load(log.parent / "positions" / "pbx.json")
    return position is not None and len(position.open_lines) == 2


async def test_a_call_over_a_rotation_and_a_restart(log: Path) -> None:
    """A call whose beginning was rotated away and compressed still has its caller."""
    sink = Sink()
    _append(log, _enter(0, 1))
    async with _running(log, sink):
        await _until(lambda: _read_through(log))
    _compress(log)
    _append(log, _line(9, 1, "ABANDON|1|1|9"))
    async with _running(log, sink):
        await _until(lambda: _read_through(log) and bool(sink.found))
    (call,) = sink.found
    assert isinstance(call, Parsed)
    assert call.request.sender.address == "+8613800138000"
    assert call.request.defects == ()


async def test_the_log_is_down(log: Path) -> None:
    """While the log is down nothing is skipped and no position is stored beyond it."""
    sink = Sink()
    sink.down = True
    _append(log, _enter(0, 1) + _line(5, 1, "ABANDON|1|1|5") + "broken\n")
    async with _running(log, sink):
        await _until(lambda: sink.refusals > 2)
        _append(log, _enter(10, 2) + _line(12, 2, "ABANDON|1|1|2"))
    assert not _read_through(log)
    sink.down = False
    async with _running(log, sink):
        await _until(lambda: _read_through(log))
    assert sink.outcomes() == ["c.1 abandoned", "c.2 abandoned"]
    (broken,) = [one for one in sink.found if isinstance(one, Unreadable)]
    assert (broken.raw, broken.origin) == (b"broken\n", "hotline/pbx")


async def test_recovery_without_a_restart(log: Path) -> None:
    """When the log comes back, the same batch is published once."""
    sink = Sink()
    sink.down = True
    _append(log, _enter(0, 1) + _line(5, 1, "ABANDON|1|1|5"))
    async with _running(log, sink):
        await _until(lambda: sink.refusals > 1)
        sink.down = False
        await _until(lambda: _read_through(log))
    assert sink.outcomes() == ["c.1 abandoned"]


async def test_an_unreadable_file_is_waited_for(log: Path) -> None:
    """A path that is a folder for now is tried again, and read when it is a file."""
    sink = Sink()
    _become_folder(log)
    async with _running(log, sink):
        await asyncio.sleep(0.01)
        _become_file(log, _enter(0, 1) + _line(5, 1, "ABANDON|1|1|5"))
        await _until(lambda: len(sink.found) == 1)
    assert sink.outcomes() == ["c.1 abandoned"]


HISTORY = _enter(0, 1) + _line(5, 1, "ABANDON|1|1|5") + "nonsense\n" + _enter(6, 2) + _enter(7, 3)
LATER = _line(90, 2, "ABANDON|1|1|84") + _enter(91, 4) + _line(95, 4, "ABANDON|1|1|4")


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, ["c.1 abandoned", "nonsense", "c.2 abandoned", "c.4 abandoned"]),
        (START + 1_000, ["c.2 abandoned", "c.4 abandoned"]),
        (START + 6, ["c.2 abandoned", "c.4 abandoned"]),
        (START + 5, ["c.1 abandoned", "nonsense", "c.2 abandoned", "c.4 abandoned"]),
    ],
)
async def test_a_first_start_beside_an_old_log(
    log: Path, since: int | None, expected: list[str]
) -> None:
    """History stays history; who was calling just then is followed, and restarts change nothing."""
    sink = Sink()
    _append(log, HISTORY)
    instant = None if since is None else datetime.fromtimestamp(since, UTC)
    async with _running(log, sink, instant):
        await _until(lambda: _read_through(log))
    _append(log, LATER)
    async with _running(log, sink, instant):
        await _until(lambda: _read_through(log))
    told = [
        f"{one.request.call.id} {one.request.call.outcome}"
        if isinstance(one, Parsed) and one.request.call
        else "nonsense"
        for one in sink.found
    ]
    assert told == expected
    assert all(not one.request.defects for one in sink.found if isinstance(one, Parsed))


async def test_a_log_that_appears_later_has_no_history(log: Path) -> None:
    """The telephone system makes it with its first call."""
    sink = Sink()
    async with _running(log, sink, datetime.now(UTC)):
        await asyncio.sleep(0.02)
        _append(log, _enter(0, 1) + _line(5, 1, "ABANDON|1|1|5"))
        await _until(lambda: _read_through(log))
    assert sink.outcomes() == ["c.1 abandoned"]
