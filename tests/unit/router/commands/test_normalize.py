"""`switchboard normalize`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import typer
from typer.testing import CliRunner, Result

from channels.errors import Malformed
from channels.formats import READERS
from router.commands.normalize import normalize

app = typer.Typer()
app.command()(normalize)

BODY = urlencode({"MessageSid": "SM1", "From": "13800138000", "To": "+14155238886", "Body": "你好"})


def _run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def _requests(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_files(tmp_path: Path) -> None:
    """Each message of each file is a line, in order."""
    for name in ("b", "a"):
        (tmp_path / name).write_text(BODY.replace("SM1", name), "utf-8")
    result = _run(
        "twilio", tmp_path, "--region", "cn", "--received-at", "2026-03-02T17:00:00+08:00"
    )
    assert result.exit_code == 0
    assert [one["external_id"] for one in _requests(result)] == ["a", "b"]
    assert {one["received_at"] for one in _requests(result)} == {"2026-03-02T09:00:00Z"}
    assert {one["sender"]["address"] for one in _requests(result)} == {"+8613800138000"}
    assert result.stderr == ""


def test_stdin() -> None:
    """`-` is standard input; --account names the account."""
    result = _run("twilio", "-", "--account", "shop", stdin=BODY.encode())
    (request,) = _requests(result)
    assert (request["account"], request["text"]) == ("shop", "你好")


def test_unreadable_input(tmp_path: Path) -> None:
    """What cannot be read is named with its place, the rest is read, and the command fails."""
    path = tmp_path / "bodies"
    path.write_text(f"{BODY}\nnothing\n{BODY}\n", "utf-8")
    result = _run("twilio", path, tmp_path / "absent")
    assert isinstance(result.exception, Malformed)
    assert str(result.exception) == "2 could not be read, 2 could"
    assert len(_requests(result)) == 2
    assert result.stderr.splitlines() == [
        f"{path}:2: MessageSid: neither MessageSid nor Body: not a message",
        f"{tmp_path / 'absent'}: No such file or directory",
    ]


def test_a_line_of_the_log_is_named_once(tmp_path: Path) -> None:
    """Where the place is the line itself, it is not said twice."""
    path = tmp_path / "queue_log"
    path.write_bytes(b"\n170000\n")
    problem = "expected epoch|callid|queue|agent|event, found 1 of them"
    assert _run("asterisk-queue-log", path).stderr == f"{path}:2: {problem}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fax", "x"), "'fax' is no format"),
        (("twilio",), "Missing argument"),
        (("twilio", "-", "--received-at", "yesterday"), "is no instant"),
        (("twilio", "-", "--received-at", "2026-03-02T09:00:00"), "is no instant"),
        (("twilio", "-", "--region", "China"), "is no country"),
    ],
)
def test_usage(arguments: tuple[str, ...], message: str) -> None:
    """A wrong argument is a usage error; an unknown format is answered with the known ones."""
    result = _run(*arguments)
    assert result.exit_code == 2
    words = " ".join(result.stderr.replace("│", " ").split())
    assert message in words
    assert arguments[0] in READERS or all(name in words for name in READERS)


def test_a_reader_that_stops(tmp_path: Path) -> None:
    """A broken pipe ends the command quietly and well."""
    path = tmp_path / "bodies"
    path.write_text(f"{BODY}\n" * 2_000, "utf-8")
    script = "import typer; from router.commands.normalize import normalize; typer.run(normalize)"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "twilio", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr as stderr:
        process.stdout.readline()
        process.stdout.close()
        assert stderr.read() == b""
    assert process.returncode == 0
