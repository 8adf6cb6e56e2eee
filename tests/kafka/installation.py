"""Where a real Kafka for tests comes from: a Docker image, else Maven's jars.

Before both stands `KAFKA_BOOTSTRAP`, a Kafka that somebody else runs (see `fixtures`). As a program
(`python -m tests.kafka.installation`) it fetches what is missing; `scripts/setup-test-services`
calls it, the tests themselves never fetch anything.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which

POM = Path(__file__).with_name("pom.xml")

MAVEN = ("mvn", "--quiet", "--batch-mode", "-Dstyle.color=never")

TOOLS_MISSING = 3
"""The program's exit code when Java or Maven has to be installed first."""


class Absent(Exception):
    """No Kafka can be had here; the text says why and what to do."""


@dataclass(frozen=True)
class Jars:
    """Kafka's jars in a folder, run by the Java on the PATH."""

    libraries: Path

    def java(self, folder: Path, arguments: Sequence[str], name: str) -> list[str]:
        """The command that runs one of Kafka's programs on files in `folder`."""
        return ["java", "-cp", f"{self.libraries}/*", *arguments]

    def container(self, name: str) -> str:
        """The Docker container of the command of that name: none."""
        return ""


@dataclass(frozen=True)
class Image:
    """The official image, run by a Docker engine with the host's network."""

    image: str

    def java(self, folder: Path, arguments: Sequence[str], name: str) -> list[str]:
        """The command that runs one of Kafka's programs on files in `folder`."""
        user = f"{os.getuid()}:{os.getgid()}"
        return [
            "docker", "run", "--rm", "--name", name, "--network", "host", "--user", user,
            "--volume", f"{folder}:{folder}", "--workdir", str(folder), "--entrypoint", "java",
            self.image, "-cp", "/opt/kafka/libs/*", *arguments,
        ]  # fmt: skip

    def container(self, name: str) -> str:
        """The Docker container of the command of that name."""
        return name


Installation = Jars | Image


def version() -> str:
    """Kafka's version, which stands in the pom."""
    found = re.search(r"<kafka\.version>(.+)</kafka\.version>", POM.read_text())
    assert found is not None, f"{POM} names no kafka.version"
    return found[1]


def libraries() -> Path:
    """The folder of the jars, shared by all runs; it is there as a whole or not at all."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    content = hashlib.sha256(POM.read_bytes()).hexdigest()[:8]
    return caches / "switchboard" / f"kafka-{version()}-{content}"


@cache
def find() -> Installation:
    """What brokers are started from. Raises `Absent`."""
    if docker_works():
        return Image(f"apache/kafka:{version()}")
    if not libraries().is_dir():
        raise Absent("no Docker engine, and no jars of Kafka: run scripts/setup-test-services")
    if which("java") is None:
        raise Absent("Kafka's jars are there, but no java (17 or newer) on the PATH")
    return Jars(libraries())


def docker_works() -> bool:
    """Whether an engine answers, not only whether there is a client for one."""
    if which("docker") is None:
        return False
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def fetch() -> Path:
    """Have Maven fetch the jars, once for all runs, also for two that begin at the same time.

    Raises subprocess.CalledProcessError, with what Maven said, when that does not succeed.
    """
    target = libraries()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.is_dir():
            return target
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as folder:
            pom = shutil.copy(POM, folder)
            goal = "dependency:copy-dependencies"
            output = f"-DoutputDirectory={folder}/libraries"
            subprocess.run([*MAVEN, "-f", pom, goal, output], check=True, stdout=subprocess.PIPE)
            Path(folder, "libraries").rename(target)
    return target


def main() -> int:
    """Fetch what is missing and say what was done; the exit code is 0 when a Kafka is there."""
    there = libraries().is_dir()
    if os.environ.get("KAFKA_BOOTSTRAP"):
        print("test services: KAFKA_BOOTSTRAP names a Kafka, nothing to install")
    elif docker_works():
        print(f"test services: Docker fetches Kafka {version()}", flush=True)
        return subprocess.call(["docker", "pull", "--quiet", f"apache/kafka:{version()}"])
    elif missing := [tool for tool in ("java", *([] if there else ["mvn"])) if not which(tool)]:
        print(f"test services: Kafka needs {' and '.join(missing)}", file=sys.stderr)
        return TOOLS_MISSING
    elif there:
        print(f"test services: Kafka {version()} is there, nothing to install")
    else:
        print(f"test services: Maven fetches Kafka {version()} to {libraries()}", flush=True)
        return _fetched()
    return 0


def _fetched() -> int:
    try:
        fetch()
    except subprocess.CalledProcessError as error:
        said = error.stdout.decode(errors="replace")
        print(f"{said}\ntest services: Maven ended with {error.returncode}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
