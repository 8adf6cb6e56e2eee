"""The rulebook's history, read from the log: what was in force from when on, and who wanted it so.

Of several records with one activation number the first counts, as it does for the shards.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import structlog

from channels.contract import decode
from channels.errors import Malformed, Unavailable
from router.core.events import RulebookActivated
from router.core.packing import unpacked
from router.log.protocol import Log
from router.log.reading import stored
from router.topics import RULEBOOK
from rules.index import Compiled, compile_rulebook
from rules.wording import did_you_mean

FOLDER = "folder"
COMMAND = "command"
CURRENT = "current"
SHORTEST_PREFIX = 4

_NUMBER = re.compile(r"#?(\d{1,9})", re.ASCII)
_HASH = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},12}}")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One activation: `version` is in force from `at` on, until the next one.

    `origin` is `folder` (the watched folder brought it) or `command`; `rollback_of` the activation
    that it goes back to; `routes` how many it has, 0 where that was not counted. `files` may raise
    `Malformed` when they are looked at: what nobody can unpack was never in force.
    """

    activation: int
    version: str
    files: Mapping[str, str]
    at: datetime
    by: str = ""
    note: str = ""
    origin: str = FOLDER
    rollback_of: int | None = None
    routes: int = 0

    def __str__(self) -> str:
        return f"activation {self.activation} (version {self.version})"


class _Files(Mapping[str, str]):
    """An activation's files, unpacked when they are first looked at: there may be hundreds."""

    def __init__(self, event: RulebookActivated) -> None:
        self._event = event

    @cached_property
    def _texts(self) -> dict[str, str]:
        try:
            return unpacked(self._event)
        except Malformed as error:
            raise Malformed(f"activation {self._event.activation}: {error}") from None

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


async def history(log: Log) -> list[Entry]:
    """Every activation in the log, oldest first; the last one is in force."""
    found: dict[int, Entry] = {}
    async for record in stored(log, RULEBOOK):
        try:
            event = decode(RulebookActivated, record.value)
        except Malformed as error:
            _unreadable(record.offset, error)
            continue
        entry = Entry(
            event.activation, event.version, _Files(event), record.envelope.time,
            event.by, event.note, event.origin, event.rollback_of, event.routes,
        )  # fmt: skip
        first = found.get(event.activation)
        if first is None or not _unpacks(first):
            found[event.activation] = entry
    entries = [found[number] for number in sorted(found)]
    while entries and not _unpacks(entries[-1]):
        entries.pop()
    return entries


def _unpacks(entry: Entry) -> bool:
    try:
        len(entry.files)
    except Malformed as error:
        _unreadable(entry.activation, error)
        return False
    return True


def _unreadable(name: object, error: Malformed) -> None:
    """The shards refuse it too: it was never in force."""
    _log.warning("activation_unreadable", record=str(name), problem=str(error)[:300])


async def in_force(log: Log) -> Entry:
    """The activation in force. Raises `Unavailable` when there is none yet."""
    entries = await history(log)
    if not entries:
        raise Unavailable("no rulebook is in force yet: start `switchboard serve` first")
    return entries[-1]


async def rulebook_in_force(log: Log) -> Compiled:
    """The rulebook in force, compiled. Raises `Unavailable` when there is none yet."""
    return compile_rulebook((await in_force(log)).files)


def find(entries: Sequence[Entry], wanted: str) -> Entry:
    """The activation that `wanted` names; of a version that was in force often, the newest.

    It is a version, a prefix of at least 4 digits that no other version has, the number of an
    activation (`7` or `#7`), or `current`. Raises `Malformed` that says what there is.
    """
    if not entries:
        raise Malformed(f"no version {wanted!r}: no rulebook was ever in force here")
    if wanted == CURRENT:
        return entries[-1]
    by_version = {one.version: one for one in entries if _begins(one.version, wanted)}
    if wanted.lower() in by_version:
        return by_version[wanted.lower()]
    by_number = {one.activation: one for one in entries if _is_number(one, wanted)}
    found = by_number | {one.activation: one for one in by_version.values()}
    if not found:
        raise Malformed(_unknown(entries, wanted))
    if len(found) > 1:
        means = " or ".join(str(found[number]) for number in sorted(found))
        raise Malformed(f"{wanted!r} may be {means}: say #NUMBER, or more digits of the version")
    return next(iter(found.values()))


def _is_number(entry: Entry, wanted: str) -> bool:
    number = _NUMBER.fullmatch(wanted)
    return number is not None and int(number[1]) == entry.activation


def _begins(version: str, wanted: str) -> bool:
    return bool(_HASH.fullmatch(wanted.lower())) and version.startswith(wanted.lower())


def _unknown(entries: Sequence[Entry], wanted: str) -> str:
    first, last = entries[0].activation, entries[-1].activation
    if _NUMBER.fullmatch(wanted):
        known = f"#{first}" if first == last else f"#{first} to #{last}"
        return f"no activation {wanted!r} in the log: there are {known}"
    if _HASH.fullmatch(wanted.lower()):
        hint = did_you_mean(wanted, {one.version for one in entries})
        return f"no version {wanted!r} in the log{hint}: `switchboard rulebook list` shows all"
    return (
        f"{wanted!r} names no version: expected one such as {entries[-1].version}, "
        f"at least {SHORTEST_PREFIX} digits of its beginning, an activation's number such as "
        f"{last} or #{last}, or {CURRENT}"
    )


def before(entries: Sequence[Entry]) -> Entry:
    """What a rollback without a version goes back to. Raises `Malformed` where there is nothing.

    From a rollback it goes further back, from where that one went to: never to what it left.
    """
    if not entries:
        raise Malformed("there is nothing to go back to: no rulebook was ever in force here")
    by_number = {one.activation: one for one in entries}
    at = entries[-1]
    while at.rollback_of in by_number and at.rollback_of < at.activation:
        at = by_number[at.rollback_of]
    for one in reversed(entries):
        if one.activation < at.activation and one.version != entries[-1].version:
            return one
    raise Malformed(f"there is nothing to go back to before {at}: say which version")
