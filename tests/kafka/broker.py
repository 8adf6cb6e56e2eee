"""One broker: its addresses, its folder, its process."""

import asyncio
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kafka.guard import Guarded
from tests.kafka.installation import Installation
from tests.kafka.ports import LOOPBACK, Ports

LOGGING = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = {file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %c{{1}} %m%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""

MEMORY = ("-Xmx512m", "-Xms128m")

QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Half the work at the start, less speed later on: without them the JVM compiles what is hot."""

TAIL_CHARACTERS = 3_000


class DidNotStart(Exception):
    """A broker ended, or did not answer in time; the text has the end of its log."""


@dataclass(frozen=True)
class Addresses:
    """A broker's ports. It listens on all but `advertised`, which is a proxy's in front of it."""

    clients: int
    proxied: int
    advertised: int
    controller: int

    @classmethod
    def take(cls, ports: Ports) -> "Addresses":
        """Four free ones."""
        return cls(ports.take(), ports.take(), ports.take(), ports.take())


class Broker:
    """A broker and controller in one process, its files in `folder`, on the same ports for ever."""

    def __init__(
        self,
        folder: Path,
        name: str,
        addresses: Addresses,
        installation: Installation,
        *,
        at_speed: bool,
    ) -> None:
        self.addresses = addresses
        self._folder = folder
        self._name = name
        self._installation = installation
        self._jvm = MEMORY if at_speed else (*MEMORY, *QUICK)
        self._process: Guarded | None = None

    @property
    def log_file(self) -> Path:
        """What the broker logs."""
        return self._folder / "broker.log"

    async def format(
        self, cluster: str, properties: dict[str, str], users: Sequence[str] = ()
    ) -> None:
        """Write its settings and its empty storage. Raises `DidNotStart`."""
        self._folder.mkdir(parents=True)
        lines = [f"{name}={value}\n" for name, value in (self._own() | properties).items()]
        self._properties.write_text("".join(lines))
        self._logging.write_text(LOGGING.format(file=self.log_file))
        settings = ["-t", cluster, "-c", str(self._properties)]
        for user in users:
            settings += ["--add-scram", user]
        command = self._java(*QUICK, "kafka.tools.StorageTool", "format", *settings)
        with self._console.open("ab") as output:
            formatting = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            if await formatting.wait() != 0:
                raise DidNotStart(f"StorageTool ended with an error\n{self._tail()}")

    def start(self) -> None:
        """Run it, on what its folder holds; it does not answer yet."""
        assert not self.alive, f"{self._name} runs already"
        self._process = Guarded(
            self._java(*self._jvm, "kafka.Kafka", str(self._properties)),
            self._console,
            container=self._installation.container(self._name),
        )

    @property
    def alive(self) -> bool:
        """Whether its process runs (also when it is paused)."""
        return self._process is not None and self._process.alive

    def check(self) -> None:
        """Raises `DidNotStart` when its process has ended."""
        if not self.alive:
            raise DidNotStart(f"{self._name} ended\n{self._tail()}")

    def send(self, which: signal.Signals) -> None:
        """Send its process a signal."""
        assert self._process is not None, f"{self._name} was never started"
        self._process.send(which)

    async def end(self) -> None:
        """SIGKILL, if it runs; returns when its process is gone."""
        if self._process is not None:
            await self._process.end()
            self._process = None

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    @property
    def _logging(self) -> Path:
        return self._folder / "log4j2.properties"

    @property
    def _console(self) -> Path:
        return self._folder / "console.log"

    def _own(self) -> dict[str, str]:
        ports = self.addresses
        clients = f"CLIENTS://{LOOPBACK}:{ports.clients}"
        controller = f"CONTROLLER://{LOOPBACK}:{ports.controller}"
        return {
            "listeners": f"{clients},PROXIED://{LOOPBACK}:{ports.proxied},{controller}",
            "advertised.listeners": f"{clients},PROXIED://{LOOPBACK}:{ports.advertised}",
            "log.dirs": str(self._folder / "data"),
        }

    def _java(self, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._logging}"
        return self._installation.java(self._folder, [logging, *arguments], self._name)

    def _tail(self) -> str:
        files = (self._console, self.log_file)
        texts = [f"{file}:\n{file.read_text()}" for file in files if file.exists()]
        return "\n".join(text[-TAIL_CHARACTERS:] for text in texts)
