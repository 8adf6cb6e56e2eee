"""What comes into force, and what does not: commands, the watched folder, two programs at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from channels.errors import Malformed, Unavailable
from router import records, rulebook_following
from router.counters import Counters
from router.edges.senders import Senders
from router.log.memory import MemoryLog
from router.log.protocol import Message
from router.rulebook_following import Folder, Overtaken, follow_budgets, put_in_force
from router.rulebook_history import FOLDER, Entry, history
from router.settings import load
from rules.index import Compiled, compile_rulebook
from rules.load import RulebookError, version
from rules.model import AckPolicy
from tests.waiting import until

RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"


def book(tier: str) -> dict[str, str]:
    """A right rulebook, another one for each tier."""
    return {"a.yaml": f"{RULES}tiers: {{{tier}: {{priority: 1}}}}\n"}


def clock() -> datetime:
    """The real one: nothing here depends on it."""
    return datetime.now(UTC)


def log() -> MemoryLog:
    """A log to which nothing was ever written."""
    return MemoryLog(clock)


async def numbers(memory: MemoryLog) -> list[tuple[int, str]]:
    """The history: numbers and versions."""
    return [(one.activation, one.version) for one in await history(memory)]


# -- putting in force


async def test_each_activation_has_the_next_number_and_says_who_wanted_it() -> None:
    """What is in force already gets no new one."""
    memory = log()
    first = await put_in_force(book("a"), memory, by="ann", note="the first")
    assert first == ((await history(memory))[0], True)
    assert (first[0].activation, first[0].by, first[0].note) == (1, "ann", "the first")
    assert first[0].routes == 1
    assert await put_in_force(book("a"), memory, by="bob") == (first[0], False)
    back, new = await put_in_force(book("b"), memory, rollback_of=1)
    assert (back.activation, back.rollback_of, back.origin, new) == (2, 1, "command", True)


async def test_a_wrong_rulebook_changes_nothing() -> None:
    """A broken version never replaces a good one."""
    memory = log()
    await put_in_force(book("a"), memory)
    with pytest.raises(RulebookError, match=r"a\.yaml:3:\d+: routes\.all\.then\.queue"):
        await put_in_force({"a.yaml": RULES.replace("queue: q}", "queue: x}")}, memory)
    assert len(await history(memory)) == 1


async def test_a_rulebook_that_the_log_does_not_take_is_refused_with_what_is_large() -> None:
    """The operator learns the bound, and which files to look at."""
    memory = MemoryLog(clock, max_bytes=500)
    with pytest.raises(
        Malformed, match=r"does not fit .* where 500 are taken; .* large\.txt \(3000 "
    ):
        await put_in_force(book("a") | {"large.txt": "投" * 1_000}, memory)
    assert await history(memory) == []


class Crowded(MemoryLog):
    """Just before our next record somebody else stores one with the same number."""

    def __init__(self, other: Mapping[str, str]) -> None:
        super().__init__(clock)
        self.other: Mapping[str, str] | None = other

    async def publish(self, messages: Sequence[Message]) -> None:
        """See `Log.publish`."""
        other, self.other = self.other, None
        if other is not None:
            number = int(messages[0].key.partition("/")[0])
            await super().publish([records.activation(other, number, clock(), by="bob@elsewhere")])
        await super().publish(messages)


async def test_of_two_programs_that_publish_at_once_one_learns_that_it_came_too_late() -> None:
    """The first record of a number counts; the other's rulebook is not in force, and can be."""
    memory = Crowded(book("theirs"))
    with pytest.raises(Overtaken, match=r"activation 1 \(version \w+\) .* by bob@elsewhere; ver"):
        await put_in_force(book("ours"), memory)
    assert await numbers(memory) == [(1, version(book("theirs")))]
    await put_in_force(book("ours"), memory)
    assert await numbers(memory) == [
        (1, version(book("theirs"))), (2, version(book("ours"))),
    ]  # fmt: skip


async def test_who_publishes_the_same_at_once_has_what_they_wanted() -> None:
    """Two workers see one folder change in the same second."""
    memory = Crowded(book("ours"))
    entry, _ = await put_in_force(book("ours"), memory)
    assert (entry.activation, entry.by) == (1, "bob@elsewhere")
    assert len(await history(memory)) == 1


async def test_who_wants_to_replace_what_is_no_longer_in_force_is_refused() -> None:
    """Somebody else was quicker; whether that settles the matter is for people to say."""
    memory = log()
    for tier in "ab":
        await put_in_force(book(tier), memory)
    with pytest.raises(Overtaken, match=r"^activation 2 .* was put in force at the same moment; "):
        await put_in_force(book("c"), memory, over=1)
    assert await put_in_force(book("b"), memory, over=1) == ((await history(memory))[1], False)
    entry, new = await put_in_force(book("c"), memory, over=2)
    assert (entry.activation, new) == (3, True)


# -- the senders' budgets


def budget(limit: int) -> dict[str, str]:
    """A rulebook that allows so many automatic messages an hour."""
    policy = f"ack_policy: {{budgets: [{{limit: {limit}, within: 1h}}]}}\n"
    return {"a.yaml": RULES + policy}


async def test_budgets_are_those_in_force_whatever_else_is_in_the_log() -> None:
    """Not of a record that came too late, nor of one that cannot be read."""
    memory = log()
    sending = Senders(memory, {}, clock=clock, counters=Counters())
    following = asyncio.create_task(follow_budgets(memory, sending))

    def limit() -> int:
        return sending.budgets[0].limit

    try:
        await memory.publish([records.activation(budget(3), 1, clock())])
        await until(lambda: limit() == 3)
        late, broken = records.activation(budget(4), 1, clock()), records.activation({}, 2, clock())
        await memory.publish([late, msgspec.structs.replace(broken, value=b"7")])
        await memory.publish([records.activation(budget(5), 2, clock())])
        await until(lambda: limit() != 3)
        assert limit() == 5
        await memory.publish([records.activation(BROKEN, 3, clock())])
        await until(lambda: limit() != 5)
        assert sending.budgets == AckPolicy().budgets
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


# -- the folder, at start


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Make this the rulebook's folder of a config folder."""
    (folder / "rulebook").mkdir(exist_ok=True)
    (folder / "switchboard.yaml").write_text("{}")
    for name, text in files.items():
        (folder / "rulebook" / name).write_text(text)


BROKEN = {"a.yaml": "queues: 7"}


@pytest.mark.parametrize(
    ("before", "folder", "in_force"),
    [
        ("", "a", "a"),
        ("a", "a", "a"),
        ("a", "b", "b"),  # changed while nobody looked
        ("ab", "a", "a"),  # changed back: it is the folder's own word
        ("aB", "a", "B"),  # published over it: stays
        ("abA", "b", "A"),  # rolled back: stays
        ("abA", "a", "A"),
        ("aBc", "a", "a"),  # since then the folder has spoken
        ("aB", "c", "c"),  # new content: somebody has changed the folder
        ("A", "b", "b"),
        ("a", "broken", "a"),
    ],
)
async def test_at_start_the_folder_comes_into_force_unless_it_was_overruled(
    tmp_path: Path, before: str, folder: str, in_force: str
) -> None:
    """`before` are activations, capital by command and small by the folder."""
    memory = log()
    for number, one in enumerate(before, 1):
        origin = "command" if one.isupper() else FOLDER
        await memory.publish(
            [records.activation(book(one.lower()), number, clock(), origin=origin)]
        )
    write(tmp_path, BROKEN if folder == "broken" else book(folder))
    with capture_logs() as logged:
        await Folder(load(tmp_path), memory).start()
    entries = await history(memory)
    assert entries[-1].version == version(book(in_force.lower()))
    changed = len(entries) - len(before)
    assert changed == (before[-1:].lower() != in_force.lower())
    events = {one["event"] for one in logged} - {"rulebook_activated"}
    stays = in_force.lower() != folder
    assert events == (
        {"rulebook_refused" if folder == "broken" else "rulebook_folder_overruled"}
        if stays
        else set()
    )


async def test_who_is_overruled_is_told_what_to_do(tmp_path: Path) -> None:
    """Both ways: the folder into force, or what is in force into a folder."""
    memory = log()
    await put_in_force(book("a"), memory, origin=FOLDER)
    await put_in_force(book("b"), memory, by="ann@desk")
    write(tmp_path, book("a"))
    with capture_logs() as logged:
        await Folder(load(tmp_path), memory).start()
    assert logged == [
        {
            "event": "rulebook_folder_overruled",
            "log_level": "warning",
            "folder": f"version {version(book('a'))}, in force before",
            "in_force": f"activation 2 (version {version(book('b'))}) by ann@desk",
            "to_put_the_folder_in_force": f"switchboard rulebook publish {tmp_path}/rulebook "
            f"--config {tmp_path}",
            "to_write_what_is_in_force": f"switchboard rulebook show {version(book('b'))} "
            f"--out DIR --config {tmp_path}",
        }
    ]


async def test_a_first_start_with_a_wrong_folder_is_refused(tmp_path: Path) -> None:
    """There is nothing that could stay in force."""
    write(tmp_path, BROKEN)
    with pytest.raises(RulebookError, match="expected names with their settings"):
        await Folder(load(tmp_path), log()).start()


async def test_who_starts_a_moment_too_late_looks_again(tmp_path: Path) -> None:
    """Another worker with another folder was first: ours speaks when it next looks."""
    memory = Crowded(book("theirs"))
    write(tmp_path, book("ours"))
    async with followed(tmp_path, memory) as logged:
        await until_in_force(memory, book("ours"))
    assert [one["event"] for one in logged if one["log_level"] == "warning"] == [
        "rulebook_overtaken"
    ]


# -- the folder, watched


@asynccontextmanager
async def followed(folder: Path, memory: MemoryLog) -> AsyncIterator[list[Mapping[str, object]]]:
    """A Switchboard that has started and watches its folder; gives what it logs."""
    following = Folder(load(folder), memory)
    with capture_logs() as logged:
        await following.start()
        watching = asyncio.create_task(following.watch())
        try:
            yield list_of(logged)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching


def list_of(logged: object) -> list[Mapping[str, object]]:
    """The list that grows."""
    assert isinstance(logged, list)
    return logged


async def until_in_force(memory: MemoryLog, files: Mapping[str, str]) -> Entry:
    """Wait until this is the newest activation."""
    async with asyncio.timeout(20):
        while not (found := await history(memory)) or found[-1].version != version(files):  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.005)
    return found[-1]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is looked at all the time."""
    monkeypatch.setattr(rulebook_following, "POLL_SECONDS", 0.001)


SEVERAL_LOOKS = 0.1


async def test_a_folder_that_does_not_change_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at all the time; a change counts at once, a wrong one is refused once."""
    compiled: list[int] = []

    def counting(files: dict[str, str]) -> Compiled:
        compiled.append(len(files))
        return compile_rulebook(files)

    monkeypatch.setattr(rulebook_following, "compile_rulebook", counting)
    write(tmp_path, book("a"))
    memory = log()
    async with followed(tmp_path, memory) as logged:
        await asyncio.sleep(SEVERAL_LOOKS)
        assert len(compiled) == 1
        write(tmp_path, BROKEN)
        await until(lambda: any(one["event"] == "rulebook_refused" for one in logged))
        await asyncio.sleep(SEVERAL_LOOKS)
        assert len(compiled) == 2
        write(tmp_path, book("b"))
        entry = await until_in_force(memory, book("b"))
        assert len(compiled) == 3
    assert entry.by.endswith(f":{tmp_path}/rulebook")
    assert entry.origin == FOLDER


async def test_a_rollback_stays_in_force_until_the_folder_changes(tmp_path: Path) -> None:
    """An unchanged folder is silent, also when it was wrong for a moment."""
    memory = log()
    write(tmp_path, book("a"))
    async with followed(tmp_path, memory) as logged:
        write(tmp_path, book("b"))
        await until_in_force(memory, book("b"))
        await put_in_force(book("a"), memory, rollback_of=1)
        await asyncio.sleep(SEVERAL_LOOKS)
        write(tmp_path, BROKEN)
        await until(lambda: any(one["event"] == "rulebook_refused" for one in logged))
        write(tmp_path, book("b"))
        await asyncio.sleep(SEVERAL_LOOKS)
        assert (await history(memory))[-1].rollback_of == 1
        write(tmp_path, book("c"))
        await until_in_force(memory, book("c"))
    assert len(await history(memory)) == 4


async def test_an_unreadable_folder_is_said_once(tmp_path: Path) -> None:
    """And again when it went away a second time."""
    memory = log()
    write(tmp_path, book("a"))
    gone = tmp_path / "gone"

    async with followed(tmp_path, memory) as logged:
        for times in (1, 2):
            (tmp_path / "rulebook").rename(gone)
            await asyncio.sleep(SEVERAL_LOOKS)
            gone.rename(tmp_path / "rulebook")
            await asyncio.sleep(SEVERAL_LOOKS)
            assert [one["event"] for one in logged].count("rulebook_refused") == times
    assert len(await history(memory)) == 1


async def test_an_outage_of_the_log_is_waited_out(tmp_path: Path) -> None:
    """What has changed meanwhile comes into force after it."""

    class Failing(MemoryLog):
        down = False

        async def publish(self, messages: Sequence[Message]) -> None:
            if self.down:
                raise Unavailable("the log does not answer")
            await super().publish(messages)

    memory = Failing(clock)
    write(tmp_path, book("a"))
    async with followed(tmp_path, memory) as logged:
        memory.down = True
        write(tmp_path, book("b"))
        await until(lambda: any(one["event"] == "rulebook_watch_waits" for one in logged))
        memory.down = False
        await until_in_force(memory, book("b"))
