"""`switchboard whatif` on the demo's own traffic, between the example and a changed copy of it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import router.demo
from channels.contract import encode
from channels.parsed import Parsed
from router.cli import app
from router.demo.traffic import read
from tests.unit.router.demo.test_samples import reader

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "rules" / "example"
SAMPLES = Path(router.demo.__file__).parent / "samples"
MONDAY = datetime(2026, 3, 2, 2, tzinfo=UTC)

TO_COMPLAINTS = """  - id: charged
    when: {text: {keywords: [charged, 扣款, invoice, 发票]}}
    then: {type: complaint, queue: complaints, priority: 3, ack: complaint}

  - id: legal-threat"""


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    """The command as a user gives it."""
    return CliRunner().invoke(app, ["whatif", *map(str, arguments)], input=stdin)


def error(result: Result) -> str:
    """What it says went wrong, and that it is the input's fault."""
    assert result.exception is not None
    return str(result.exception)


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's samples as `normalize` prints them, three minutes apart."""
    at = MONDAY
    lines: list[bytes] = []
    readers: dict[str, Callable[..., Any]] = {}
    for one in read(SAMPLES).inputs:
        if one.channel not in readers:
            readers[one.channel] = reader(one.channel)  # type: ignore[arg-type] # a channel
        found = readers[one.channel](one, at)
        lines += [encode(item.request) for item in found if isinstance(item, Parsed)]
        at += timedelta(minutes=3)
    path = tmp_path_factory.mktemp("requests") / "samples.jsonl"
    path.write_bytes(b"\n".join(reversed(lines)) + b"\n")
    return path


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's config folder, with words of money gone to complaints."""
    folder = tmp_path_factory.mktemp("new") / "shop"
    shutil.copytree(EXAMPLE, folder)
    routes = folder / "rulebook" / "routes.yaml"
    text = routes.read_text(encoding="utf-8")
    assert "  - id: legal-threat" in text
    routes.write_text(text.replace("  - id: legal-threat", TO_COMPLAINTS), encoding="utf-8")
    return folder


def report(*arguments: str | Path) -> dict[str, Any]:
    """What `--json` prints: one object."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    (line,) = result.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_the_same_rulebook_changes_nothing(requests: Path) -> None:
    """It says so, in either language, and shows no table of differences."""
    result = run("--new", EXAMPLE, "--old", EXAMPLE / "rulebook", "--input", requests)
    assert result.exit_code == 0
    assert "Nothing changes: every decision and every figure is the same" in result.stdout
    assert "Where requests go" not in result.stdout
    chinese = run("--new", EXAMPLE, "--old", EXAMPLE, "--input", requests, "--lang", "zh")
    assert "没有任何变化" in chinese.stdout
    assert report("--new", EXAMPLE, "--old", EXAMPLE, "--input", requests)["same"] is True


def test_what_moves_is_told_with_both_reasons(requests: Path, changed: Path) -> None:
    """From inquiries to complaints, by which rule and which words each."""
    found = report("--new", changed, "--old", EXAMPLE, "--input", requests)
    assert found["same"] is False
    (moved,) = found["decisions"]["moved"]
    assert (moved["old"], moved["new"]) == ("inquiries", "complaints")
    assert 0 < moved["count"] <= found["decisions"]["changed"]
    example = found["decisions"]["examples"][0]
    assert (example["old"]["rule"], example["new"]["rule"]) == ("money", "charged")
    assert example["new"]["clause"] == "text"
    assert set(example["new"]["words"]) <= {"charged", "扣款", "invoice", "发票"}
    old, new = (found[side]["figures"]["queues"]["complaints"]["opened"] for side in ("old", "new"))
    assert new - old == moved["count"]
    assert found["agents"]["mode"] == "model"


def test_decisions_alone_agree_with_the_replay(requests: Path, changed: Path) -> None:
    """On what moves, where no conversation has a say; there are no figures."""
    arguments = ("--new", changed, "--old", EXAMPLE, "--input", requests)
    whole, decided = report(*arguments), report(*arguments, "--decisions-only")
    assert decided["decisions"]["moved"] == whole["decisions"]["moved"]
    assert (decided["agents"]["mode"], decided["new"]["figures"]) == ("none", None)


def test_the_same_input_makes_the_same_bytes(requests: Path, changed: Path, tmp_path: Path) -> None:
    """The tables, and the page with its pictures."""
    arguments = ("--new", changed, "--old", EXAMPLE, "--input", requests)
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    printed = [run(*arguments, "--html", page) for page in pages]
    assert [one.exit_code for one in printed] == [0, 0]
    assert printed[0].stdout == printed[1].stdout
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_script_is_read_from_stdin(changed: Path) -> None:
    """What `simulate` plays is replayed too, its commands as recorded ones."""
    at = "2026-03-02T02:{:02}:00Z"
    script = [
        {"at": at.format(0), "agent": "eve", "command": "presence", "state": "available"},
        {"at": at.format(1), "request": {"external_id": "x", "text": "Where is my refund?"}},
        {"at": at.format(1), "agent": "eve", "command": "accept", "ticket": "@x"},
        {"at": at.format(2), "agent": "eve", "command": "reply", "ticket": "@x", "text": "Here."},
    ]
    lines = "\n".join(map(json.dumps, script))
    result = run("--new", changed, "--old", EXAMPLE, "--input", "-", "--json", stdin=lines)
    assert result.exit_code == 0, result.exception
    agents = json.loads(result.stdout)["agents"]
    assert (agents["mode"], agents["commands"], agents["refused_new"]) == ("recorded", 2, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_needs_nothing_else(
    requests: Path, changed: Path, tmp_path: Path, language: str
) -> None:
    """No other file, no script, no address that is loaded; its pictures are in it."""
    path = tmp_path / "page.html"
    arguments = ("--new", changed, "--old", EXAMPLE, "--input", requests, "--html", path)
    assert run(*arguments, "--lang", language).exit_code == 0
    page = path.read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in page
    assert "complaints 投诉" in page
    assert page.count("<svg") > 2
    assert not re.search(r"<(script|link|img|iframe|object)|@import|url\((?!#)", page)
    assert not re.search(r'(?:src|href)="(?!#)', page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)), "an id stands for one thing"
    for used in re.findall(r'(?:href="|url\()#([^")]+)', page):
        assert used in ids


@pytest.mark.parametrize(
    "arguments",
    [
        ["--input", "x.jsonl"],
        ["--old", str(EXAMPLE), "--input", "x.jsonl", "--from", "2026-03-02T00:00:00Z"],
        ["--from", "yesterday"],
        ["--to", "2026-03-02T00:00:00"],
        ["--accept", "soon"],
        ["--agents", "robots"],
        ["--lang", "fr"],
        ["--examples", "-1"],
        ["--bucket", "0s"],
    ],
)
def test_a_wrong_call_is_a_mistake_of_usage(arguments: list[str]) -> None:
    """Exit code 2, before anything is read."""
    assert run("--new", EXAMPLE, *arguments).exit_code == 2


def test_errors_name_the_rulebook_that_is_wrong(changed: Path, tmp_path: Path) -> None:
    """There are two: folder, file, line and column."""
    (tmp_path / "rules.yaml").write_text("queues: {q: {}}\n")
    script = tmp_path / "in.jsonl"
    script.write_text('{"received_at": "2026-03-02T02:00:00Z"}\n')
    said = error(run("--new", tmp_path, "--old", EXAMPLE, "--input", script))
    assert f"{tmp_path}/rules.yaml:1:" in said
    said = error(run("--new", EXAMPLE, "--old", tmp_path, "--input", script))
    assert f"{tmp_path}/rules.yaml:1:" in said
    config = tmp_path / "config"
    (config / "rulebook").mkdir(parents=True)
    (config / "switchboard.yaml").touch()
    (config / "rulebook" / "rules.yaml").write_text("queues: {q: {}}\n")
    said = error(run("--new", config, "--old", EXAMPLE, "--input", script))
    assert f"{config}/rulebook/rules.yaml:1:" in said
    said = error(run("--new", tmp_path / "absent", "--old", EXAMPLE, "--input", script))
    assert "absent: no such folder" in said
    said = error(run("--new", EXAMPLE, "--old", tmp_path / "absent", "--input", script))
    assert "absent: no such folder" in said
    said = error(run("--new", changed, "--old", EXAMPLE, "--input", tmp_path / "absent.jsonl"))
    assert "absent.jsonl" in said


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    """File and line, and nothing is replayed."""
    script = tmp_path / "in.jsonl"
    script.write_text('{"received_at": "2026-03-02T02:00:00Z"}\n{"text": "when?"}\n')
    said = error(run("--new", EXAMPLE, "--old", EXAMPLE, "--input", script))
    assert said.startswith(f"{script}:2: received_at: missing")


def test_intervals_are_bounded(requests: Path) -> None:
    """So many samples nobody looks at."""
    arguments = ("--new", EXAMPLE, "--old", EXAMPLE, "--input", requests, "--bucket")
    assert "more than 10000 intervals of 0:00:01" in error(run(*arguments, "1s"))
    assert len(report(*arguments, "1h")["traffic"]["ends"]) < 40


def test_a_page_that_cannot_be_written_is_said(requests: Path, tmp_path: Path) -> None:
    """A folder that is not there."""
    page = tmp_path / "absent" / "page.html"
    said = error(run("--new", EXAMPLE, "--old", EXAMPLE, "--input", requests, "--html", page))
    assert said == f"{page}: No such file or directory"


def test_other_commands_do_not_wait_for_pictures() -> None:
    """Matplotlib is imported by who draws alone."""
    code = "import router.cli, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_a_line_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """U+2028 and U+0085 in a JSON string are characters like others, in files and in stdin."""
    text = json.dumps({"text": "one\u2028two\u0085three\u2029"}, ensure_ascii=False)
    at = '"received_at": "2026-03-02T02:00:00Z"'
    lines = f"{text[:-1]}, {at}}}\r\n\r\n".encode()
    source = tmp_path / "requests.jsonl"
    source.write_bytes(lines)
    for given, stdin in ((str(source), None), ("-", lines.decode())):
        arguments = ("--new", EXAMPLE, "--old", EXAMPLE, "--input", given)
        result = run(*arguments, "--json", stdin=stdin)
        assert result.exit_code == 0, result.exception
        assert json.loads(result.stdout)["traffic"]["requests"] == 1
