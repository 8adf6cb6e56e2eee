"""`switchboard rulebook` on real logs, with a router that decides by what is in force."""

import asyncio
import json
import random
import string
import sys
import uuid
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog

from channels.contract import decode
from channels.errors import Malformed
from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router import bootstrap, cli, records
from router.core.dispatch import Dispatch
from router.core.events import TicketOpened
from router.core.letters import Letterhead
from router.core.triage import Triage
from router.edges.intake import request_message
from router.log.kafka import KafkaLog
from router.log.protocol import Log
from router.log.reading import stored
from router.rulebook_following import put_in_force
from router.rulebook_history import history
from router.settings import load
from router.shard import Pace, Shard
from router.stepping import Core
from rules.load import version
from tests.integration.killing import Installation as Served
from tests.kafka.cluster import Cluster
from tests.kafka.fixtures import External

HEAD = Letterhead(secrets=(b"secret-of-32-bytes-for-these-tests",), domain="shop.example")
RULES = (
    "pools: {p: {queues: [q, r]}}\nqueues: {q: {}, r: {}}\n"
    "routes:\n"
    "  - {id: money, when: {text: {keywords: [refund]}}, then: {queue: q, priority: 1}}\n"
    "  - {id: all, then: {queue: q}}\n"
)
FIRST = {"a.yaml": RULES}
SECOND = {"a.yaml": RULES.replace("priority: 1", "priority: 3").replace("[refund]", "[退款]")}
BROKEN = {"a.yaml": RULES.replace("priority: 1", "priority: 11"), "b.yaml": "tires: {}\n"}


def write(folder: Path, files: dict[str, str]) -> str:
    """A rulebook's folder, by its path."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return str(folder)


@dataclass
class Result:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Installation:
    """A config folder, and the command as a user gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load(folder)

    async def until_in_force(self, activation: int, version: str) -> None:
        """Wait until the log has this, and nothing after it."""
        async with asyncio.timeout(30):
            while True:
                *_, last = (await self.run("list", "--json")).lines
                if (last["activation"], last["version"]) == (activation, version):
                    return

    async def run(self, *arguments: str | Path) -> Result:
        """`switchboard rulebook …`, in a thread of ours: a process each takes a second to start."""
        line = ["switchboard", "rulebook", *map(str, arguments), "--config", str(self.folder)]
        return await asyncio.to_thread(_called, line)

    async def apart(self, *arguments: str | Path) -> Result:
        """The same in a process of its own."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "router.cli", "rulebook", *map(str, arguments),
            "--config", str(self.folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())


def _called(line: list[str]) -> Result:
    code = 0
    with (
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        patched.setattr(sys, "argv", line)
        try:
            cli.main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        finally:
            structlog.reset_defaults()
    return Result(code, out.getvalue(), err.getvalue())


def installed(folder: Path, settings: str = "") -> Installation:
    """A new one, with the first rulebook."""
    write(folder / "rulebook", FIRST)
    (folder / "switchboard.yaml").write_text(f"domain: shop.example\n{settings}")
    return Installation(folder)


def on_kafka(kafka: Cluster | External, folder: Path) -> Installation:
    """An installation whose log is on this Kafka, under a namespace of its own."""
    namespace = f"versions-{uuid.uuid4().hex[:8]}"
    settings = f"log: kafka://{kafka.bootstrap}\nnamespace: {namespace}\n"
    return installed(folder, settings + "kafka: {replication: 1}\n")


async def applied(log: Log) -> None:
    """All topics are there."""
    assert isinstance(log, KafkaLog)
    await log.apply(["q", "r"])


class Router:
    """Both shards of a log, and the decisions that they make."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._shards = [self._shard(lambda: Triage(HEAD)), self._shard(lambda: Dispatch(HEAD))]
        self._sent = 0

    def _shard(self, core: Any) -> Shard:
        def make() -> Core:
            made: Core = core()
            return made

        pace = Pace(watermark=None)
        return Shard(self._log, make, 0, clock=lambda: datetime.now(UTC), pace=pace)

    async def decides_by(self) -> str:
        """The version that a new request is decided by."""
        self._sent += 1
        name = f"m{self._sent}"
        request = CustomerRequest(
            id=request_id("sms", "shop", name), channel="sms", account="shop", external_id=name,
            sender=Sender(address=f"+86139{self._sent:08d}"), text="hello",
            received_at=datetime.now(UTC),
        )  # fmt: skip
        await self._log.publish([request_message(request)])
        async with asyncio.timeout(60):
            while (found := await self._decision(name)) is None:
                for shard in self._shards:
                    await shard.turn(0.1)
        return found

    async def _decision(self, name: str) -> str | None:
        values = [
            one.value
            async for one in stored(self._log, "tickets.events")
            if one.envelope.type == TicketOpened.TYPE
        ]
        events = [decode(TicketOpened, value) for value in values]
        return next((one.rulebook for one in events if one.external_id == name), None)

    async def close(self) -> None:
        """Give the shards up."""
        for shard in self._shards:
            await shard.close()


async def a_good_one_is_published_a_broken_one_refused_and_one_rolled_back(
    installation: Installation, tmp_path: Path
) -> None:
    """What a running router decides by follows, and the history tells it all."""
    first, second = version(FIRST), version(SECOND)
    run = installation.run
    async with bootstrap.opened(installation.config) as log:
        router = Router(log)
        done = await installation.apart("publish", installation.folder, "--note", "the first")
        assert (done.code, done.out) == (0, f"activation 1 (version {first}) is in force\n")
        assert await router.decides_by() == first

        done = await run("publish", write(tmp_path / "broken", BROKEN))
        assert done.code == 1
        assert done.out.splitlines() == [
            "a.yaml:4:80: routes.money.then.priority: expected at most 9 (it is 11)",
            "b.yaml:1:1: tires: unknown field; did you mean 'tiers'?",
        ]
        assert await router.decides_by() == first

        second_folder = write(tmp_path / "second", SECOND)
        done = await run("publish", second_folder, "--by", "ann", "--json")
        (said,) = done.lines
        assert (said["activation"], said["version"], said["by"], said["new"]) == (
            2, second, "ann", True,
        )  # fmt: skip
        assert await router.decides_by() == second
        done = await run("publish", second_folder)
        assert (done.code, done.out) == (
            0,
            f"activation 2 (version {second}) is in force already: nothing to do\n",
        )

        done = await run("rollback", "--note", "too eager", "--by", "bob")
        back = f"activation 3 (version {first}) is in force, back to activation 1\n"
        assert (done.code, done.out) == (0, back)
        assert await router.decides_by() == first
        done = await run("rollback")
        assert done.code == 1
        assert "nothing to go back to before activation 1" in done.err

        listed = (await run("list", "--json")).lines
        assert [(one["activation"], one["version"], one["in_force"]) for one in listed] == [
            (1, first, False), (2, second, False), (3, first, True),
        ]  # fmt: skip
        assert listed[2] | {"at": ""} == {
            "activation": 3, "version": first, "at": "", "by": "bob", "note": "too eager",
            "origin": "command", "rollback_of": 1, "routes": 2, "in_force": True,
        }  # fmt: skip
        rows = (await run("list")).out.splitlines()
        assert [row[:6].strip() for row in rows] == ["#1", "#2", "* #3"]
        assert rows[2].endswith("2 routes  bob  (back to #1; too eager)")

        await versions_are_shown_and_compared(installation, tmp_path)
        assert await router.decides_by() == first
        await router.close()


async def versions_are_shown_and_compared(installation: Installation, tmp_path: Path) -> None:
    """A version is found by what it is called, and is the same when it is written out."""
    run, second = installation.run, version(SECOND)
    done = await run("show", "#2")
    assert done.out.splitlines()[1:] == [f"{len(SECOND['a.yaml'].encode()):9} a.yaml"]
    assert (await run("show", second[:5], "a.yaml")).out == SECOND["a.yaml"]
    done = await run("show", "2", "b.yaml")
    assert (done.code, done.err) == (
        1, f"switchboard: activation 2 (version {second}) has no file 'b.yaml'; "
        "did you mean 'a.yaml'?\n",
    )  # fmt: skip
    out = tmp_path / "out" / "book"
    assert (await run("show", second, "--out", out)).code == 0
    assert (await run("show", second, "--out", out)).code == 1
    assert (await run("show", "9")).err == (
        "switchboard: no activation '9' in the log: there are #1 to #3\n"
    )
    told = [
        f"from activation 1 (version {version(FIRST)}) to the folder {out} (version {second})",
        "routes: 1 changed",
        "  changed  money",
        "    when.text.keywords: added 退款; removed refund",
        "    then.priority: 1 -> 3",
    ]
    done = await run("diff", "1", out)
    assert (done.code, done.out.splitlines()) == (0, told)
    done = await run("diff", out, "--json")  # with what is in force
    assert [(one["path"], one["old"], one["new"]) for one in done.lines] == [
        ("when.text.keywords", None, None), ("then.priority", 3, 1),
    ]  # fmt: skip
    done = await run("diff", "current")  # with the config's folder
    assert done.out.splitlines()[1] == "no difference in meaning"
    assert f"to the folder {installation.folder}/rulebook" in done.out
    done = await run("diff", "2", tmp_path / "broken")
    assert done.code == 1
    assert done.out.startswith("a.yaml:4:80: ")
    done = await run("diff", "2", tmp_path / "broken", "--json")
    assert {one["severity"] for one in done.lines} == {"error"}
    assert (done.lines[0]["file"], done.lines[0]["line"], done.lines[0]["column"]) == (
        "a.yaml", 4, 80,
    )  # fmt: skip


@pytest.mark.services
async def test_versions_on_valkey(tmp_path: Path) -> None:
    """The whole life of three activations on the embedded log."""
    await a_good_one_is_published_a_broken_one_refused_and_one_rolled_back(
        installed(tmp_path / "shop"), tmp_path
    )


@pytest.mark.kafka
@pytest.mark.services
@pytest.mark.xdist_group("kafka")
async def test_versions_on_kafka(kafka: Cluster | External, tmp_path: Path) -> None:
    """The same on Kafka."""
    installation = on_kafka(kafka, tmp_path / "shop")
    async with bootstrap.opened(installation.config) as log:
        await applied(log)
    await a_good_one_is_published_a_broken_one_refused_and_one_rolled_back(installation, tmp_path)


@pytest.mark.services
async def test_a_version_that_this_program_refuses_does_not_come_back(tmp_path: Path) -> None:
    """An older program has published it: it is shown, counted as unreadable, and stays history."""
    installation = installed(tmp_path / "shop")
    async with bootstrap.opened(installation.config) as log:
        await log.publish([records.activation(BROKEN, 1, datetime.now(UTC))])
        await put_in_force(FIRST, log)
        done = await installation.run("rollback")
        assert (done.code, done.out.splitlines()[0][:22]) == (1, "a.yaml:4:80: routes.mo")
        assert done.err == (
            f"activation 1 (version {version(BROKEN)}) does not fit this program; "
            "nothing has changed:\n"
        )
        listed = (await installation.run("list", "--json")).lines
        assert [one["routes"] for one in listed] == [None, 2]
        assert "unreadable" in (await installation.run("list")).out.splitlines()[0]
        assert (await installation.run("show", "1", "b.yaml")).out == BROKEN["b.yaml"]
        done = await installation.run("diff", "1")
        assert (done.code, done.err[:33]) == (1, "activation 1 (version " + version(BROKEN)[:11])


@pytest.mark.services
async def test_a_rollback_outlives_a_restart_until_the_folder_changes(tmp_path: Path) -> None:
    """`serve` watches its folder, and does not put it over what an operator has decided."""
    served = Served(tmp_path / "shop", roles="router")
    command = Installation(tmp_path / "shop")
    rules = tmp_path / "shop" / "rulebook" / "rules.yaml"
    first, second = rules.read_text(), rules.read_text() + "tiers: {vip: {}}\n"
    try:
        await served.start()
        rules.write_text(second)
        await command.until_in_force(2, version({"rules.yaml": second}))
        assert (await command.run("rollback")).code == 0
        served.kill_router()
        await served.start()
        await command.until_in_force(3, version({"rules.yaml": first}))
        assert "rulebook_folder_overruled" in (tmp_path / "shop" / "router.err").read_text()
        rules.write_text(second + "# changed\n")
        await command.until_in_force(4, version({"rules.yaml": second + "# changed\n"}))
    finally:
        served.end()


@pytest.mark.services
async def test_of_programs_that_publish_at_once_each_learns_what_became_of_its_own(
    tmp_path: Path,
) -> None:
    """No number is given twice, and who came too late says so and ends with 1."""
    installation = installed(tmp_path / "shop")
    folders = {
        write(tmp_path / name, {"a.yaml": RULES + f"tiers: {{{name}: {{}}}}\n"}): name
        for name in ("one", "two", "three", "four")
    }
    async with bootstrap.opened(installation.config) as log:
        done = await asyncio.gather(*(installation.apart("publish", one) for one in folders))
        entries = await history(log)
    in_force = {entry.version: entry.activation for entry in entries}
    assert sorted(in_force.values()) == list(range(1, len(entries) + 1))
    for result, name in zip(done, folders.values(), strict=True):
        named = version({"a.yaml": RULES + f"tiers: {{{name}: {{}}}}\n"})
        if result.code == 0:
            assert f"activation {in_force[named]} (version {named}) is in force" in result.out
        else:
            assert (result.code, named in in_force) == (1, False)
            assert f"version {named} is not: look at what has changed" in result.err


@pytest.mark.services
async def test_a_large_rulebook_goes_through_the_log_deflated(tmp_path: Path) -> None:
    """Several MB of words come into force, and come back when a router starts anew."""
    words = ", ".join(f"关键词{number:07d}" for number in range(20_000))
    large = {
        "a.yaml": RULES.replace("[refund]", f"[{words}]") + "acks: {x: {sms: acks/x.txt}}\n",
        "acks/x.txt": "您好，我们已收到您的来信。\n" * 50_000,
    }
    installation = installed(tmp_path / "shop")
    async with bootstrap.opened(installation.config) as log:
        entry, new = await put_in_force(large, log)
        assert new
        for _ in range(2):
            router = Router(log)
            assert await router.decides_by() == entry.version
            await router.close()


async def the_largest_comes_into_force_and_a_larger_one_is_refused(log: Log) -> None:
    """What a record can hold goes all the way into the shards' state."""
    chance = random.Random(7)  # noqa: S311 - no secret
    letters = string.ascii_letters + string.digits + "-_"
    text = "".join(chance.choices(letters, k=1_100_000))
    reference = "acks: {x: {sms: x.txt}}\n"
    fits = {"a.yaml": RULES + reference, "x.txt": text[:970_000]}
    entry, _ = await put_in_force(fits, log)
    for _ in range(2):
        router = Router(log)
        assert await router.decides_by() == entry.version
        await router.close()
    with pytest.raises(Malformed, match=r"does not fit .* files: x\.txt \(1100000 bytes"):
        await put_in_force(fits | {"x.txt": text}, log)
    assert (await history(log))[-1] == entry


@pytest.mark.services
async def test_the_largest_rulebook_on_valkey(tmp_path: Path) -> None:
    """The bound is a record's, after it was deflated."""
    async with bootstrap.opened(installed(tmp_path / "shop").config) as log:
        await the_largest_comes_into_force_and_a_larger_one_is_refused(log)


@pytest.mark.kafka
@pytest.mark.services
@pytest.mark.xdist_group("kafka")
async def test_the_largest_rulebook_on_kafka(kafka: Cluster | External, tmp_path: Path) -> None:
    """It is below what brokers take by default, with the record of the shard's state."""
    async with bootstrap.opened(on_kafka(kafka, tmp_path / "shop").config) as log:
        await applied(log)
        await the_largest_comes_into_force_and_a_larger_one_is_refused(log)


@pytest.mark.services
async def test_commands_say_when_nothing_runs(tmp_path: Path) -> None:
    """Exit code 3 and what to do; two folders are compared without any log."""
    installation = installed(tmp_path / "shop")
    second = write(tmp_path / "second", SECOND)
    for arguments in (["list"], ["publish", second], ["rollback"], ["show", "1"], ["diff", "1"]):
        done = await installation.run(*arguments)
        assert (done.code, done.out) == (3, "")
        assert "start it with `switchboard serve`" in done.err
    done = await installation.run("diff", installation.folder, second)
    assert (done.code, done.out.splitlines()[1]) == (0, "routes: 1 changed")
    done = await installation.run("diff", second)
    assert (done.code, done.out.splitlines()[3]) == (
        0, "    when.text.keywords: added refund; removed 退款",
    )  # fmt: skip
