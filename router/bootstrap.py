"""The only wiring: from a config folder to the parts of a running Switchboard."""

import asyncio
import contextlib
import itertools
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import structlog

from channels.blobs import DirectoryBlobs
from channels.chat.hub import ChatHub
from channels.email.source import SmtpSource
from channels.errors import Unavailable
from channels.http import HttpSource
from channels.inbox import utc_now
from router.calendar_alarm import watch_calendars
from router.collector import calm_collector
from router.core.dispatch import Dispatch
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.counters import Counters
from router.edges import wiring
from router.edges.intake import Intake
from router.edges.pacing import CHAT, Pace
from router.edges.pulse import pulse
from router.edges.senders import Account, Senders
from router.edges.stream import streamed
from router.kafka_cluster import SCHEME, cluster
from router.log.kafka import KafkaLog
from router.log.kafka_membership import Membership
from router.log.protocol import Log
from router.log.valkey import ValkeyLog
from router.log.valkey_server import EmbeddedServer, socket_of
from router.rulebook_following import Folder, follow_budgets
from router.settings import Config
from router.shard import Shard
from router.sharing import FENCED_SECONDS, Shares
from router.stepping import Core
from router.topics import LEADING, Stage

ROLES = frozenset({"router", "channels", "senders"})
EMBEDDED = "embedded"
WORKER = "worker"
TRIM_SECONDS = 60.0
TRIMS_A_COMPACTION = 60
SWEEP_SECONDS = 3600.0
STOP_SECONDS = 40.0
"""Longer than any part's own grace; what has not ended by then is left behind."""

_log = structlog.get_logger(__name__)


@dataclass
class App:
    """A running Switchboard: what the demo and the tests look into.

    `edges` is the log as the sources and senders have it, `client` what the senders call out by.
    """

    config: Config
    log: Log
    edges: Log
    client: httpx.AsyncClient
    counters: Counters
    head: Letterhead
    shares: list[Shares] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    smtp: SmtpSource | None = None
    http: HttpSource | None = None
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` until the end; when it fails, `wait` raises its error."""
        self.tasks[name] = asyncio.create_task(work, name=name)

    async def wait(self) -> None:
        """Until some part fails; raises its error."""
        done, _ = await asyncio.wait(self.tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        names = ", ".join(sorted(task.get_name() for task in done))
        raise Unavailable(f"stopped unexpectedly: {names}")

    async def until(self, ready: "asyncio.Future[Any]") -> None:
        """Wait for `ready`; when a part fails first, raise its error."""
        failing = asyncio.create_task(self.wait())
        await asyncio.wait({ready, failing}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            failing.result()
        failing.cancel()

    async def stop(self) -> None:
        """Stop every part, in the order in which a message travels."""
        for task in self.tasks.values():
            task.cancel()
        if self.tasks:
            _, left = await asyncio.wait(self.tasks.values(), timeout=STOP_SECONDS)
            for task in left:
                _log.error("does_not_stop", part=task.get_name())
        await asyncio.gather(*(membership.stop() for membership in self.memberships))


def letterhead(config: Config) -> Letterhead:
    """What our messages are signed with; without secrets one is kept in the data folder."""
    names = config.settings.secrets
    secrets = config.secrets(names) if names else (own_secret(config),)
    return Letterhead(secrets=secrets, domain=config.settings.domain)


def own_secret(config: Config) -> bytes:
    """The secret of an installation that named none: drawn once, readable by its owner only."""
    path = config.path(config.settings.data) / "secret"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_bytes()


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Log]:
    """The log for a router: with `embedded`, our own server in the data folder, supervised."""
    settings = config.settings
    if settings.log != EMBEDDED:
        async with _client(config, settings.log) as log:
            yield log
        return
    server = EmbeddedServer(config.path(settings.data))
    await server.start()
    supervising = asyncio.create_task(server.supervise())
    try:
        async with _client(config, server.url) as log:
            yield log
    finally:
        supervising.cancel()
        await server.stop()


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Log]:
    """The log of a Switchboard that runs: for desks, watchers and tools. Raises `Unavailable`."""
    url = config.settings.log
    if url == EMBEDDED:
        folder = config.path(config.settings.data)
        socket = socket_of(folder)
        if socket is None or not socket.exists():
            raise Unavailable(f"nothing runs on {folder}: start it with `switchboard serve`")
        url = f"unix://{socket}"
    async with _client(config, url) as log:
        yield log


@asynccontextmanager
async def _client(config: Config, url: str) -> AsyncIterator[Log]:
    settings = config.settings
    log: KafkaLog | ValkeyLog
    if url.startswith(SCHEME):
        log = KafkaLog(
            cluster(config, url), settings.namespace, settings.partitions,
            replication=settings.kafka.replication, retention=settings.retention,
        )  # fmt: skip
    else:
        log = ValkeyLog(url, settings.namespace, settings.partitions)
    try:
        await log.open()
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def _edges(log: Log, worker: str) -> AsyncIterator[Log]:
    """The log as sources and senders see it: on Kafka FastStream carries them."""
    if isinstance(log, KafkaLog):
        async with streamed(log, worker) as edges:
            yield edges
    else:
        yield log


async def trim(config: Config, log: ValkeyLog) -> None:
    """Keep the log within its retention, behind all its readers."""
    for number in itertools.count():
        await asyncio.sleep(TRIM_SECONDS)
        with contextlib.suppress(Unavailable):
            await log.trim(config.settings.retention)
            if number % TRIMS_A_COMPACTION == 0:
                await log.compact(config.settings.retention)


async def sweep(keep: timedelta, blobs: DirectoryBlobs) -> None:
    """Delete the blobs that have not been stored for longer than `keep`."""
    while True:
        dropped = await blobs.sweep(utc_now() - keep)
        if dropped:
            _log.info("blobs_swept", blobs=dropped)
        await asyncio.sleep(SWEEP_SECONDS)


@asynccontextmanager
async def running(
    config: Config, roles: frozenset[str] = ROLES, worker: str = WORKER
) -> AsyncIterator[App]:
    """A running Switchboard; leaving the context stops it cleanly.

    `worker` is its name among those who share the shards of a Kafka log.
    """
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(opened(config))
        edges = await stack.enter_async_context(_edges(log, worker))
        client = await stack.enter_async_context(httpx.AsyncClient())
        app = App(config, log, edges, client, Counters(), letterhead(config))
        stack.push_async_callback(app.stop)
        if "router" in roles:
            folder = Folder(config, log)
            await folder.start()
            await start_router(app, worker)
            app.start("rulebook watcher", folder.watch())
            app.start("calendars", watch_calendars(log, clock=utc_now))
        if "senders" in roles or "channels" in roles:
            await start_edges(app, stack, roles)
        yield app


def _shard(log: Log, core: Callable[[], Core], partition: int) -> Shard:
    return Shard(log, core, partition, clock=utc_now)


async def start_router(app: App, worker: str) -> None:
    """The shards of both stages; returns when they have restored and caught up."""
    calm_collector()
    cores: dict[Stage, Callable[[], Core]] = {
        Stage.TRIAGE: lambda: Triage(app.head),
        Stage.DISPATCH: lambda: Dispatch(app.head),
    }
    for stage, core in cores.items():
        make = partial(_shard, app.log, core)
        if isinstance(app.log, KafkaLog):
            shares = Shares(make, again_seconds=FENCED_SECONDS)
            membership = await app.log.join(stage, worker, shares.assign)
            app.memberships.append(membership)
            told = partial(shares.positions, LEADING[stage])
            app.start(f"membership of {stage.value}", membership.watch(told))
        else:
            shares = Shares(make)
            shares.assign(frozenset(range(app.config.settings.partitions.count(stage))))
        app.shares.append(shares)
        app.start(f"shards of {stage.value}", shares.run())
    if isinstance(app.log, ValkeyLog):
        app.start("trimming", trim(app.config, app.log))
    await app.until(asyncio.gather(*(shares.until_ready() for shares in app.shares)))


async def start_edges(app: App, stack: AsyncExitStack, roles: frozenset[str]) -> None:
    """The sources and the senders; the web chat's hub joins the two."""
    hub = ChatHub()
    if "senders" in roles:
        ways = wiring.senders(app.config, hub, app.client)
        paces: dict[Account, Pace] = {account: CHAT for account in ways if account[0] == "chat"}
        sending = Senders(
            app.edges, ways, clock=utc_now, counters=app.counters, paces=paces,
            webhooks=wiring.webhooks(app.config, app.client),
        )  # fmt: skip
        app.start("senders", sending.run())
        app.start("budgets of the senders", follow_budgets(app.log, sending))
    if "channels" in roles:
        await start_sources(app, stack, hub)


async def start_sources(app: App, stack: AsyncExitStack, hub: ChatHub) -> None:
    """Whatever listens or follows, so that it stops before what it publishes to."""
    blobs = DirectoryBlobs(app.config.path(app.config.settings.data) / "blobs")
    keep = app.config.settings.keep_blobs
    if keep is not None:
        app.start("sweeping blobs", sweep(keep, blobs))
    intake = Intake(app.edges, blobs, clock=utc_now, counters=app.counters)
    proofs = app.head.secrets
    app.smtp = wiring.smtp_source(app.config, intake, proofs, app.counters)
    app.http = wiring.http_source(app.config, intake, hub, proofs, app.counters)
    for source in (app.smtp, app.http):
        if source is not None:
            await source.start()
            stack.push_async_callback(source.stop)
    for name, beside in app.http.beside.items() if app.http is not None else ():
        app.start(name, beside())
    for name, work in wiring.hotline_sources(app.config, intake).items():
        app.start(name, work)
    taken = {
        f"switchboard/channels/{channel}": partial(
            app.counters.__getitem__, f"intake.{channel}.received"
        )
        for channel in wiring.channels(app.config)
    }
    app.start("watermarks of sources", pulse(app.edges, taken, clock=utc_now))
