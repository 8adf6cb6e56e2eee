"""`switchboard check`, `route` and `init`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from channels.errors import Malformed
from router.commands.check import check
from router.commands.init import init
from router.commands.route import route

EXAMPLE = Path(__file__).parents[4] / "rules" / "example" / "rulebook"
FIELDS = {
    "external_id", "queue", "pool", "type", "priority", "skills", "tier", "sla", "ack",
    "ack_withheld", "tags", "rule", "rulebook", "explanation",
}  # fmt: skip

app = typer.Typer()
app.command()(check)
app.command()(route)
app.command()(init)


def run(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(one) for one in arguments], input=stdin)


def decisions(*documents: Any, at: str = "2026-03-02T10:00:00+08:00") -> list[dict[str, Any]]:
    """What `route` prints of these requests, by the example rulebook, on a Monday morning."""
    lines = "\n".join(json.dumps(document, ensure_ascii=False) for document in documents)
    result = run("route", "--rulebook", EXAMPLE, "--at", at, stdin=lines)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A rulebook's folder with warnings."""
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "all.yaml").write_text(
        "queues: {q: {}}\npools: {p: {queues: [q]}}\nroutes:\n- {id: default, then: {queue: q}}\n"
    )
    return folder


# -- check


def test_the_example_is_clean() -> None:
    """What `init` gives has no errors, and no warning but of a year that nobody knows yet."""
    result = run("check", EXAMPLE)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if "is not covered" not in line] == []


def test_errors_have_places_and_end_with_one(book: Path) -> None:
    """Each error is `file:line:col: message` on stdout; the exit code is 1."""
    (book / "more.yaml").write_text("tiers:\n  vip: {sla: urgnt}\nslas: {urgent: {calendar: c}}\n")
    result = run("check", book)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "more.yaml:2:14: tiers.vip.sla: there is no sla 'urgnt'; did you mean 'urgent'?",
        "more.yaml:3:27: slas.urgent.calendar: there is no calendar 'c'",
    ]


def test_a_wrong_encoding_is_a_finding(book: Path) -> None:
    """A file that is not UTF-8 is reported like every other error."""
    (book / "more.yaml").write_bytes("名: 1".encode("gb18030"))
    result = run("check", book)
    assert (result.exit_code, result.stdout[:14]) == (1, "more.yaml:1:1:")


def test_warnings_are_marked(book: Path) -> None:
    """Warnings are findings too, but the rulebook is right."""
    result = run("check", book)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "all.yaml:1:13: warning: queue 'q': no agent serves it"


def test_strictly_warnings_are_errors(book: Path) -> None:
    """`--strict` is for pipelines."""
    assert run("check", "--strict", book).exit_code == 1


WHOLES = {
    "missing": ("no such folder", ""),
    "empty: a folder": ("no *.yaml file here: is this a rulebook's folder?", ""),
    "large": ("6000000 bytes; a file has at most 5242880", "/notes.txt"),
}


@pytest.mark.parametrize("name", WHOLES)
def test_what_is_wrong_as_a_whole_as_json(name: str, tmp_path: Path) -> None:
    """A folder that is missing or empty, a file that is too large: named, without a line."""
    folder = tmp_path / name
    if name != "missing":
        folder.mkdir()
    if name == "large":
        (folder / "all.yaml").write_text("routes: []\n")
        (folder / "notes.txt").write_bytes(b"x" * 6_000_000)
    message, file = WHOLES[name]
    result = run("check", "--json", folder)
    assert result.exit_code == 1
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "severity": "error",
            "file": f"{folder}{file}",
            "line": None,
            "column": None,
            "message": message,
        }
    ]


def test_an_error_as_json_keeps_its_place(book: Path) -> None:
    """What has a line and a column says them."""
    (book / "more.yaml").write_text("tiers: 5\n")
    result = run("check", "--json", book)
    (found,) = map(json.loads, result.stdout.splitlines())
    assert (result.exit_code, found["file"], found["line"]) == (1, "more.yaml", 1)


def test_findings_as_json(book: Path) -> None:
    """`--json` prints an object a finding."""
    first = json.loads(run("check", "--json", book).stdout.splitlines()[0])
    assert first == {
        "severity": "warning",
        "file": "all.yaml",
        "line": 1,
        "column": 13,
        "message": "queue 'q': no agent serves it",
    }


# -- route


def test_a_decision_has_the_fields_of_the_contract() -> None:
    """One line a request, with all that the decision says and why."""
    (decision,) = decisions(
        {"external_id": "m1", "sender": "v1", "text": "你们的服务太差了，我要投訴"}
    )
    assert set(decision) >= FIELDS
    said = {name: decision[name] for name in FIELDS - {"rulebook", "explanation"}}
    assert said == {
        "external_id": "m1",
        "queue": "complaints",
        "pool": "service",
        "type": "complaint",
        "priority": 2,
        "skills": {"zh": 1},
        "tier": "standard",
        "sla": "urgent",
        "ack": "complaint",
        "ack_withheld": None,
        "tags": ["complaint"],
        "rule": "complaint",
    }
    assert [span["text"] for span in decision["explanation"]["spans"]] == ["太差", "投訴"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"text": "Where is my order?"}, {"rule": "order-status", "skills": {"en": 1}}),
        ({"text": "退款！"}, {"rule": "money", "priority": 1, "sla": "standard"}),
        (
            {"channel": "email", "sender": "wang.fang@example.com", "text": "退款！"},
            {"rule": "default", "tier": "vip", "priority": 2, "sla": "urgent"},
        ),
        (
            {"channel": "email", "sender": "office@acme.example", "text": "Hello there"},
            {"rule": "default", "priority": 1, "tags": ["contract"]},
        ),
        ({"text": "律师函已经寄出"}, {"rule": "legal-threat", "priority": 4}),
        ({"text": "插座冒烟，快来！"}, {"rule": "danger", "priority": 5, "sla": "urgent"}),
        ({"text": "my heater doesn't work"}, {"rule": "repair", "sla": "field-service"}),
        ({"text": "x", "attributes": {"form": "repair"}}, {"rule": "repair-form"}),
        (
            {"channel": "hotline", "kind": "call", "call": {"id": "1", "outcome": "abandoned"}},
            {"rule": "missed-calls", "queue": "callbacks", "ack": None},
        ),
        (
            {"channel": "hotline", "kind": "call", "call": {"id": "1", "outcome": "voicemail"}},
            {"rule": "voicemail", "queue": "callbacks"},
        ),
        (
            {"channel": "hotline", "kind": "call", "call": {"id": "1", "outcome": "answered"}},
            {"rule": "answered-calls", "queue": None, "ack": None},
        ),
        ({"channel": "email", "automatic": "dsn"}, {"rule": "delivery-reports", "queue": None}),
        (
            {"channel": "email", "automatic": "auto-reply", "text": "投诉"},
            {"rule": "machines", "ack": "standard", "ack_withheld": "auto-reply"},
        ),
        ({"text": "代开发票，加微信领红包"}, {"rule": "junk", "queue": None}),
        ({"channel": "email", "subject": "Escalation"}, {"rule": "complaint"}),
    ],
)
def test_the_example_sorts_what_comes(request_: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each route of the example takes what its comment says."""
    (decision,) = decisions(request_)
    assert {name: decision[name] for name in expected} == expected


def test_the_hour_of_the_decision_can_be_chosen() -> None:
    """`--at` decides as of then: at night the chat is closed."""
    (decision,) = decisions({"text": "你好"}, at="2026-03-02T23:00:00+08:00")
    assert decision["rule"] == "chat-at-night"


def test_wrong_lines_are_named_and_the_others_routed(tmp_path: Path) -> None:
    """A wrong line is `file:line: message` on stderr and exit code 1 at the end."""
    script = tmp_path / "requests.jsonl"
    script.write_bytes(
        b'{"external_id": "a"}\n\nnot json\n[]\n{"channel": "fax"}\n\xff\n{"external_id": "b"}\n'
    )
    result = run("route", "--rulebook", EXAMPLE, script)
    assert result.exit_code == 1
    assert [json.loads(line)["external_id"] for line in result.stdout.splitlines()] == ["a", "b"]
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [
        f"{script}:{number}" for number in (3, 4, 5, 6)
    ]


@pytest.mark.parametrize("at", ["tomorrow", "2026-03-02T10:00:00"])
def test_an_instant_needs_its_offset(at: str) -> None:
    """A time without a zone is a mistake of usage."""
    assert run("route", "--rulebook", EXAMPLE, "--at", at, stdin="{}").exit_code == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Is said, not raised at the user."""
    result = run("route", "--rulebook", EXAMPLE, tmp_path / "absent.jsonl")
    assert isinstance(result.exception, Malformed)


# -- init


def test_what_init_writes_is_right(tmp_path: Path) -> None:
    """A config folder that `check` finds nothing wrong with, in either way of naming it."""
    folder = tmp_path / "new"
    assert run("init", folder).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {
        "switchboard.yaml",
        "rulebook",
        "templates",
        "cases",
    }
    assert run("check", folder).exit_code == 0
    assert run("check", folder / "rulebook").exit_code == 0


@pytest.mark.parametrize("name", ["full", "full/file"])
def test_init_overwrites_nothing(tmp_path: Path, name: str) -> None:
    """A folder with something in it, or a file, stays as it is."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    result = run("init", tmp_path / name)
    assert isinstance(result.exception, Malformed)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["file"]
    assert (tmp_path / "full" / "file").read_text() == "mine"


def test_route_explains_itself_to_people() -> None:
    """Where a request goes, the words that led there, what was tried, what came too late."""
    request = {"text": "你好！我要投訴你们，空调坏了", "channel": "chat", "sender": "web:7"}
    stdin = json.dumps(request, ensure_ascii=False)
    at = "2026-03-02T10:00:00+08:00"
    result = run("route", "--rulebook", EXAMPLE, "--at", at, "--explain", stdin=stdin)
    lines = result.stdout.splitlines()
    assert lines[0].endswith("web:7 (standard, zh-Hans): 你好！我要投訴你们，空调坏了")
    assert lines[1].startswith(
        "  goes to    queue complaints (pool service); type complaint; priority 2"
    )
    assert lines[2] == "  because    complaint: any.1(text)"
    assert lines[3] == "             text 5-7: 你好！我要【投訴】你们，空调坏了"
    assert "  tried      in-chinese: held, and let the search go on" in lines
    assert "  too late   repair would have matched too" in lines
    assert re.fullmatch(r"  rulebook   [0-9a-f]{12}: \d+ routes, decided in \d+ µs", lines[-2])


def test_route_explains_what_is_filed_and_what_did_not_hold() -> None:
    """A request without a ticket says why; a candidate names the clause that did not hold."""
    requests = [
        {"text": "报告", "channel": "email", "automatic": "dsn"},
        {"text": "my refund", "channel": "sms", "attributes": {"tier": "vip"}},
    ]
    stdin = "\n".join(map(json.dumps, requests))
    said = run("route", "--rulebook", EXAMPLE, "--explain", stdin=stdin).stdout
    assert "  goes to    no queue: kept on file as history" in said
    assert "  tried      money: did not hold: not(tier)" in said
