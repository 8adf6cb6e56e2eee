"""How a rulebook comes into force, by a command or by the folder that a Switchboard watches.

The folder speaks only when its content changes. So what was put in force over it, a rollback or a
version from elsewhere, stays in force until somebody changes the folder, or puts it in force by a
command. Across restarts the log is the memory: see `Folder.start`.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from channels.contract import decode
from channels.errors import Malformed, Unavailable
from router import records
from router.core.events import RulebookActivated
from router.core.packing import unpacked
from router.edges.senders import Senders
from router.log.protocol import Log, Record, TooLarge
from router.rulebook_files import read_folder
from router.rulebook_history import COMMAND, FOLDER, Entry, history
from router.settings import Config
from router.topics import RULEBOOK
from rules.index import compile_rulebook
from rules.load import version
from rules.model import AckPolicy, Budget

POLL_SECONDS = 1.0
LARGEST_FILES = 3

_log = structlog.get_logger(__name__)


class Overtaken(Malformed):
    """Another program has put another rulebook in force at the same moment; ours is not."""


async def put_in_force(
    files: Mapping[str, str],
    log: Log,
    *,
    by: str = "",
    note: str = "",
    origin: str = COMMAND,
    rollback_of: int | None = None,
    over: int | None = None,
) -> tuple[Entry, bool]:
    """Put these files in force unless they are; what is in force, and whether that is new.

    With `over` only while that activation is in force. Raises `Malformed` when the files are wrong
    or too large, `Overtaken`; then nothing has changed. Raises `Unavailable`.
    """
    compiled = await asyncio.to_thread(compile_rulebook, files)
    entries, named = await history(log), version(files)
    if entries and entries[-1].version == named:
        return entries[-1], False
    if over is not None and entries[-1].activation != over:
        raise _overtaken(entries[-1], named)
    number = entries[-1].activation + 1 if entries else 1
    message = await asyncio.to_thread(
        records.activation, files, number, datetime.now(UTC), by=by, note=note, origin=origin,
        rollback_of=rollback_of, routes=len(compiled.rulebook.routes),
    )  # fmt: skip
    try:
        await log.publish([message])
    except TooLarge as error:
        raise Malformed(_too_large(files, error)) from None
    # The number came from reading: whoever read at the same moment has taken it too. Of both
    # records the first counts, for us as for the shards.
    stored = next((one for one in await history(log) if one.activation == number), None)
    if stored is None:
        raise Unavailable(f"the log does not show activation {number}, which it has confirmed")
    if stored.version != named:
        raise _overtaken(stored, named)
    _log.info("rulebook_activated", activation=number, version=named)
    return stored, True


def _overtaken(stored: Entry, named: str) -> Overtaken:
    return Overtaken(
        f"{stored} was put in force at the same moment{_by(stored)}; version {named} is not: "
        "look at what has changed (`switchboard rulebook diff`), then try again"
    )


def _by(entry: Entry) -> str:
    return f" by {entry.by}" if entry.by else ""


def _too_large(files: Mapping[str, str], error: TooLarge) -> str:
    largest = sorted(files, key=lambda name: len(files[name]), reverse=True)[:LARGEST_FILES]
    sizes = ", ".join(f"{name} ({len(files[name].encode())} bytes)" for name in largest)
    return (
        f"the rulebook does not fit into one record of the log, even compressed: {error}; "
        f"the largest of its files: {sizes}"
    )


class Folder:
    """The rulebook's folder as a running Switchboard follows it: `start` once, then `watch`."""

    def __init__(self, config: Config, log: Log) -> None:
        self._config = config.folder
        self._path = config.path(config.settings.rulebook)
        self._by = f"{socket.gethostname()}:{self._path}"
        self._log = log
        self._good = ""
        """The last content that was no error: the folder speaks when it becomes another."""
        self._looked_at = ""
        self._refused = ""

    async def start(self) -> None:
        """Put the folder in force, unless something was put in force over just this content.

        That is so where its version was in force before, and what is in force now did not come
        from a folder. A wrong folder is refused: raises `Malformed` where nothing is in force.
        """
        entries = await history(self._log)
        try:
            files = await asyncio.to_thread(read_folder, self._path)
            named = version(files)
            if overruled(entries, named):
                _log.warning("rulebook_folder_overruled", **self._advice(entries[-1], named))
            else:
                await self._put(files)
            self._good = self._looked_at = named
        except Overtaken as error:
            _log.warning("rulebook_overtaken", reason=str(error))
        except Malformed as error:
            if not entries:
                raise
            self._refuse(error)

    def _advice(self, now: Entry, named: str) -> dict[str, str]:
        command, options = "switchboard rulebook", f"--config {self._config}"
        return {
            "folder": f"version {named}, in force before",
            "in_force": f"{now}{_by(now)}",
            "to_put_the_folder_in_force": f"{command} publish {self._path} {options}",
            "to_write_what_is_in_force": f"{command} show {now.version} --out DIR {options}",
        }

    async def watch(self) -> None:
        """Follow the folder: a right change comes into force as a whole, a wrong one not."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._look()
            except (Unavailable, Overtaken) as error:
                self._looked_at = ""
                _log.warning("rulebook_watch_waits", reason=str(error))
            except Malformed as error:
                self._refuse(error)

    async def _look(self) -> None:
        files = await asyncio.to_thread(read_folder, self._path)
        named = version(files)
        if named not in {self._good, self._looked_at}:
            self._looked_at = named
            await self._put(files)
            self._good = named
        if named == self._good:
            self._looked_at, self._refused = named, ""

    async def _put(self, files: Mapping[str, str]) -> None:
        await put_in_force(files, self._log, by=self._by, origin=FOLDER)

    def _refuse(self, error: Malformed) -> None:
        if str(error) != self._refused:
            self._refused = str(error)
            _log.error("rulebook_refused", problems=self._refused.splitlines())


def overruled(entries: Sequence[Entry], named: str) -> bool:
    """Whether somebody has put a rulebook in force over a folder with the version `named`."""
    return (
        bool(entries)
        and entries[-1].origin != FOLDER
        and entries[-1].version != named
        and any(one.version == named for one in entries[:-1])
    )


async def follow_budgets(log: Log, sending: Senders) -> None:
    """The senders' budgets are those of the rulebook in force, whoever puts it in force."""
    async for event in activations(log, waiting="budgets_wait_for_log"):
        sending.budgets = await asyncio.to_thread(_budgets, event)


async def activations(log: Log, *, waiting: str) -> AsyncIterator[RulebookActivated]:
    """What comes into force, from the first on; where several are read at once, the newest.

    While the log is away it waits, and logs `waiting`.
    """
    while True:
        try:
            newest = 0
            subscription = log.subscribe([RULEBOOK], None, from_start=True)
            async for delivery in subscription:
                event = _newest(delivery.records, newest)
                if event is not None:
                    newest = event.activation
                    yield event
        except Unavailable as error:
            _log.warning(waiting, reason=str(error))
            await asyncio.sleep(POLL_SECONDS)


def _newest(found: Sequence[Record], known: int) -> RulebookActivated | None:
    """Of the records the activation with the highest number, where that is higher than `known`."""
    newest: RulebookActivated | None = None
    for record in found:
        try:
            event = decode(RulebookActivated, record.value)
        except Malformed as error:
            _log.error("activation_unreadable", offset=record.offset, problem=str(error)[:300])
            continue
        if event.activation > known:
            newest, known = event, event.activation
    return newest


def _budgets(event: RulebookActivated) -> Sequence[Budget]:
    """The budgets of an activation; what the shards refuse too leaves the usual ones."""
    try:
        return compile_rulebook(unpacked(event)).rulebook.ack_policy.budgets
    except Malformed as error:
        _log.error("budgets_unreadable", activation=event.activation, problem=str(error)[:300])
        return AckPolicy().budgets
