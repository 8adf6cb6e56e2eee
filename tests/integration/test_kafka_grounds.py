"""What the Kafka of the tests stands on: children that end with us, ports, jars. No broker runs."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from tests.kafka import installation, ports
from tests.kafka.guard import Guarded
from tests.kafka.installation import Image, Jars
from tests.kafka.ports import LOOPBACK, Ports

PATIENCE_SECONDS = 30

COUNTING = ("sh", "-c", "echo $$ >&2; while :; do echo; sleep 0.01; done")
"""A command that says its number first, and then goes on writing for ever."""


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether no process has that number."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def writes(console: Path) -> bool:
    """Whether anything is added to the file meanwhile."""
    before = console.stat().st_size
    time.sleep(0.2)
    return console.stat().st_size > before


OWNER = """
import sys, time
from pathlib import Path
from tests.kafka.guard import Guarded

child = Guarded(sys.argv[2:], Path(sys.argv[1]))
print(flush=True)
time.sleep(600)
"""


def test_a_child_ends_with_its_owner_however_that_ends(tmp_path: Path) -> None:
    """Even when the owner is killed with SIGKILL while the child is stopped."""
    console = tmp_path / "console"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(console), *COUNTING],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        until(lambda: b"\n" in console.read_bytes())
        child = int(console.read_text().split()[0])
        os.kill(child, SIGSTOP)
        owner.send_signal(SIGKILL)
    until(lambda: is_gone(child))


async def test_a_child_takes_signals_one_after_another(tmp_path: Path) -> None:
    """Stopped it does nothing, continued it goes on, ended it is gone."""
    console = tmp_path / "console"
    child = Guarded(COUNTING, console)
    until(lambda: writes(console))
    child.send(SIGSTOP)
    time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs; a stop may take an instant
    assert not writes(console)
    assert child.alive
    child.send(SIGCONT)
    until(lambda: writes(console))
    await child.end()
    assert not child.alive
    assert not writes(console)


async def test_a_child_that_ended_takes_no_more_signals(tmp_path: Path) -> None:
    """They go nowhere, and ending it again is no error."""
    child = Guarded(COUNTING, tmp_path / "console")
    child.send(SIGTERM)
    until(lambda: not child.alive)
    child.send(SIGSTOP)
    await child.end()
    await child.end()


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to one run nor to two; one is free again when it is given back."""
    monkeypatch.setattr(ports, "RANGE", _free_range(6))
    with ExitStack() as stack:
        first, second = Ports(), Ports()
        stack.callback(first.release)
        stack.callback(second.release)
        taken = {first.take() for _ in range(3)} | {second.take() for _ in range(3)}
        assert len(taken) == 6
        with pytest.raises(OSError, match="no free port"):
            second.take()
        first.release()
        assert second.take() in taken


def test_no_port_is_given_on_which_somebody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it is."""
    (only,) = _free_range(1)
    monkeypatch.setattr(ports, "RANGE", range(only, only + 1))
    with socket.create_server((LOOPBACK, only)), pytest.raises(OSError, match="no free port"):
        Ports().take()
    found = Ports()
    assert found.take() == only
    found.release()


def _free_range(length: int) -> range:
    """Neighbouring ports that are free now, out of the way of brokers and of clients."""
    for start in range(19_000, 12_000, -length):
        found = range(start, start + length)
        with ExitStack() as stack, suppress(OSError):
            for port in found:
                stack.enter_context(socket.create_server((LOOPBACK, port)))
                held = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                held.bind((LOOPBACK, port))
            return found
    raise AssertionError("no free neighbours")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Makes programs, which are all that the PATH has; the cache is empty, no Kafka is given."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)

    def tool(name: str, does: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{does}\n")
        path.chmod(0o755)

    installation.find.cache_clear()
    yield tool
    installation.find.cache_clear()


MAVEN = """
echo run >> "{runs}"
for argument; do case "$argument" in -DoutputDirectory=*) into=${{argument#*=}};; esac; done
mkdir "$into" && echo jar > "$into/kafka.jar"
sleep 0.2
"""


def test_two_runs_at_once_fetch_the_jars_once(
    tmp_path: Path, tools: Callable[[str, str], None]
) -> None:
    """And both find them whole."""
    runs = tmp_path / "runs"
    tools("mvn", MAVEN.format(runs=runs))
    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(lambda _: installation.fetch(), range(2)))
    assert found == {installation.libraries()}
    assert [file.name for file in installation.libraries().iterdir()] == ["kafka.jar"]
    assert runs.read_text() == "run\n"


def test_a_fetch_that_breaks_off_leaves_nothing_behind(
    tmp_path: Path, tools: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The program says so, and the next one begins anew."""
    tools("java", "")
    tools("mvn", MAVEN.format(runs=tmp_path / "runs") + "exit 7")
    assert installation.main() == 1
    assert "Maven ended with 7" in capsys.readouterr().err
    with pytest.raises(installation.Absent, match="run scripts/setup-test-services"):
        installation.find()
    tools("mvn", MAVEN.format(runs=tmp_path / "runs"))
    assert installation.main() == 0
    assert installation.find() == Jars(installation.libraries())


@pytest.mark.parametrize(
    ("given", "programs", "outcome"),
    [
        ("kafka:9092", {}, (0, "KAFKA_BOOTSTRAP names a Kafka")),
        ("", {"docker": ""}, (0, "Docker fetches Kafka")),
        ("", {"docker": "exit 1"}, (installation.TOOLS_MISSING, "Kafka needs java and mvn")),
        ("", {"java": ""}, (installation.TOOLS_MISSING, "Kafka needs mvn")),
    ],
    ids=["given", "docker", "a-client-without-an-engine", "java-alone"],
)
def test_what_is_fetched_follows_what_is_there(
    tools: Callable[[str, str], None],
    capfd: pytest.CaptureFixture[str],
    given: str,
    programs: dict[str, str],
    outcome: tuple[int, str],
) -> None:
    """First a Kafka that is given, then Docker, then Maven; and it is said which."""
    for name, does in programs.items():
        tools(name, does)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAFKA_BOOTSTRAP", given)
        assert installation.main() == outcome[0]
    assert outcome[1] in "".join(capfd.readouterr())


def test_jars_without_java_are_no_kafka(tools: Callable[[str, str], None]) -> None:
    """And the reason says what is missing."""
    tools("docker", "exit 1")
    installation.libraries().mkdir(parents=True)
    with pytest.raises(installation.Absent, match="no java"):
        installation.find()


DOCKER = """
echo "$@" >> "{calls}"
case "$1" in
  run) echo $$ > "{pid}"; exec sleep 600;;
  kill) kill -s "$3" "$(cat "{pid}")";;
esac
"""


async def test_a_container_takes_its_signals_through_docker(
    tmp_path: Path, tools: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal to Docker's client would leave the container running."""
    calls, pid = tmp_path / "calls", tmp_path / "pid"
    tools("docker", DOCKER.format(calls=calls, pid=pid))
    image = installation.find()
    assert image == Image(f"apache/kafka:{installation.version()}")
    command = image.java(tmp_path, ["kafka.Kafka", "server.properties"], "kafka-1")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/bin:/usr/bin")
    child = Guarded(command, tmp_path / "console", container=image.container("kafka-1"))
    until(pid.exists)
    child.send(SIGSTOP)
    await child.end()
    _, run, *kills = calls.read_text().splitlines()
    assert run.startswith("run --rm --name kafka-1 --network host ")
    assert run.endswith("/opt/kafka/libs/* kafka.Kafka server.properties")
    assert kills == ["kill --signal STOP kafka-1", "kill --signal KILL kafka-1"]
