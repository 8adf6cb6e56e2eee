"""`switchboard rulebook diff`: what differs in meaning between two versions, or folders."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import Unavailable
from router import bootstrap
from router.commands.check import errors_shown
from router.rulebook_files import read_folder
from router.rulebook_history import CURRENT, Entry, find, history
from router.settings import Config, load
from rules.diff import differences
from rules.diff_words import in_words
from rules.index import compile_rulebook
from rules.load import version

_SIDE = "A folder, a version, at least 4 digits of it, an activation's number, or current."


@dataclass(frozen=True)
class _Side:
    """One of the two: its name, and its files."""

    name: str
    files: Mapping[str, str]


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_SIDE)],
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="NEW",
            help="By default what is in force; where OLD is that, or no log answers, the folder "
            "of the config.",
        ),
    ] = None,
    config: Annotated[Path, typer.Option("--config", help="The config folder.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a difference.")] = False,
) -> None:
    """Say what differs in meaning, section by section; exit 0 also when something does."""
    with errors_shown(as_json=as_json):
        sides = asyncio.run(_sides(old, new, config))
    for one in sides:
        with errors_shown(as_json=as_json, what=f"{one.name} is wrong:"):
            compile_rulebook(one.files)
    changes = differences(sides[0].files, sides[1].files)
    if as_json:
        for change in changes:
            print(json.dumps(asdict(change), ensure_ascii=False))
        return
    print(f"from {sides[0].name} to {sides[1].name}")
    for line in in_words(changes):
        print(line)


async def _sides(old: str, new: str | None, config: Path) -> tuple[_Side, _Side]:
    if new is not None and _is_folder(old) and _is_folder(new):
        return _folder(Path(old)), _folder(Path(new))
    settings = load(config)
    try:
        async with bootstrap.connected(settings) as log:
            entries = await history(log)
    except Unavailable:
        if new is None and _is_folder(old):
            return _folder(Path(old)), _of_config(settings)
        raise
    before = _folder(Path(old)) if _is_folder(old) else _entry(find(entries, old))
    if new is not None:
        return before, _folder(Path(new)) if _is_folder(new) else _entry(find(entries, new))
    if entries and version(before.files) != entries[-1].version:
        return before, _entry(entries[-1])
    return before, _of_config(settings)


def _is_folder(side: str) -> bool:
    return side != CURRENT and ("/" in side or Path(side).is_dir())


def _folder(path: Path) -> _Side:
    files = read_folder(path)
    return _Side(f"the folder {path} (version {version(files)})", files)


def _of_config(config: Config) -> _Side:
    return _folder(config.path(config.settings.rulebook))


def _entry(entry: Entry) -> _Side:
    return _Side(str(entry), entry.files)
