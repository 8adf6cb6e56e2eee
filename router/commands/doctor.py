"""`switchboard doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from channels.errors import SwitchboardError
from router import bootstrap
from router.edges import wiring
from router.edges.reaching import obstacles
from router.log.kafka import KafkaLog
from router.log.protocol import Log
from router.log.valkey_server import binary
from router.rulebook_files import read_folder
from router.rulebook_history import Entry, history
from router.settings import Config, load
from router.shard import MAX_CLOCK_SKEW
from rules.coverage import gaps_ahead
from rules.index import compile_rulebook
from rules.lint import lint
from rules.load import version

LOW_BYTES = 2 * 1024**3


def doctor(
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
) -> None:
    """Check settings, secrets, rulebook, disk, log and clock; exit 1 when something is wrong.

    A note is no fault: who only listens on an account may want it so, and a year's days off may not
    be announced yet.
    """
    settings = load(config)
    bad = False
    for good, text in [*_offline(settings), *asyncio.run(_online(settings))]:
        bad = bad or not good
        typer.echo(f"{'ok  ' if good else 'BAD '} {text}")
    for account, setting in wiring.without_way_out(settings).items():
        typer.echo(f"note {account}: no way out; answers fail until `{setting}` is set")
    for text in (*_uncovered(settings), *_untold(settings)):
        typer.echo(f"note {text}")
    if bad:
        raise typer.Exit(1)


def _offline(config: Config) -> Iterator[tuple[bool, str]]:
    yield _secrets(config)
    yield _rulebook(config)
    yield from _notices(config)
    yield from _disk(config)
    if config.settings.log == bootstrap.EMBEDDED:
        try:
            yield True, f"embedded server: {binary()}"
        except SwitchboardError as error:
            yield False, str(error)


def _secrets(config: Config) -> tuple[bool, str]:
    try:
        if config.settings.secrets:
            config.secrets(config.settings.secrets)
            return True, "proof secrets: named in the settings, and there"
    except SwitchboardError as error:
        return False, f"proof secrets: {error}"
    return True, "proof secrets: none named; one is kept in the data folder"


def _rulebook(config: Config) -> tuple[bool, str]:
    folder = config.path(config.settings.rulebook)
    try:
        files = read_folder(folder)
        compiled = compile_rulebook(files)
    except SwitchboardError as error:
        return False, f"rulebook: {str(error).splitlines()[0]} (`switchboard check {folder}`)"
    return True, f"rulebook {compiled.version}: {len(lint(files, datetime.now(UTC)))} warnings"


def _notices(config: Config) -> Iterator[tuple[bool, str]]:
    """Whether notices can reach the contacts; a wrong rulebook is said."""
    try:
        files = read_folder(config.path(config.settings.rulebook))
        rulebook = compile_rulebook(files).rulebook
    except SwitchboardError:
        return
    found = list(obstacles(config, rulebook))
    yield from ((False, f"notices: {one}") for one in found)
    if rulebook.contacts and not found:
        yield True, f"notices: the ways to {len(rulebook.contacts)} contacts are there"


def _uncovered(config: Config) -> Iterator[str]:
    """The folder's calendars that are not known for the coming weeks; a wrong rulebook is said."""
    try:
        files = read_folder(config.path(config.settings.rulebook))
        calendars = compile_rulebook(files).calendars
    except SwitchboardError:
        return
    for name, calendar in calendars.items():
        for gap in gaps_ahead(calendar.spec, datetime.now(UTC)):
            yield f"calendar {name}: {gap}"


def _untold(config: Config) -> Iterator[str]:
    """Workers whom no SMS can tell of their orders; a wrong rulebook is said elsewhere."""
    try:
        rulebook = compile_rulebook(read_folder(config.path(config.settings.rulebook))).rulebook
    except SwitchboardError:
        return
    account = rulebook.orders.account
    sms = config.settings.sms.get(account or "")
    if rulebook.workers and (sms is None or sms.url is None):
        yield f"orders: workers are not told of them until `sms.{account}.url` is set"


def _disk(config: Config) -> Iterator[tuple[bool, str]]:
    folder = config.path(config.settings.data)
    there = next(one for one in (folder, *folder.parents) if one.exists())
    writable = os.access(there, os.W_OK)
    yield writable, f"data folder {folder}: {'writable' if writable else 'not writable'}"
    free = shutil.disk_usage(there).free
    advice = "" if free > LOW_BYTES else "; free some, or the log will take nothing more"
    yield free > LOW_BYTES, f"disk: {free / 1024**3:.1f} GiB free{advice}"


async def _online(config: Config) -> list[tuple[bool, str]]:
    try:
        async with bootstrap.connected(config) as log:
            brokers = await log.examined() if isinstance(log, KafkaLog) else []
            if not all(good for good, _ in brokers):
                return brokers
            skew = abs(await log.now() - datetime.now(UTC))
            entries = await history(log)
            topics = await log.topics()
            of_kafka = await _topics(config, log)
    except SwitchboardError as error:
        running = config.settings.log != bootstrap.EMBEDDED
        return [(not running, f"log: {error}")]
    near = skew <= MAX_CLOCK_SKEW
    advice = "" if near else "; set this machine's clock (NTP)"
    force = f"{entries[-1]}{_apart(config, entries[-1])}" if entries else "none"
    return [
        (True, f"log: answers, {len(topics)} topics, rulebook in force: {force}"),
        (near, f"clock: {skew.total_seconds():.3f} s from the log's{advice}"),
        *brokers,
        *of_kafka,
    ]


def _apart(config: Config, entry: Entry) -> str:
    """A word to whoever expects the folder's rulebook to be in force."""
    try:
        same = version(read_folder(config.path(config.settings.rulebook))) == entry.version
    except SwitchboardError:
        return ""
    return "" if same else ", not the folder's: see `switchboard rulebook diff current`"


async def _topics(config: Config, log: Log) -> list[tuple[bool, str]]:
    """What is wrong with the topics of a log on Kafka."""
    if not isinstance(log, KafkaLog):
        return []
    files = read_folder(config.path(config.settings.rulebook))
    found = await log.differences(compile_rulebook(files).rulebook.queues)
    if not found:
        return [(True, "topics: as the settings and the rulebook want them")]
    return [
        (False, f"topics: {len(found)} differences, the first: {found[0]} (`switchboard topics`)")
    ]
