"""What a customer wrote is shown on a terminal, and does nothing there."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from channels.errors import Malformed
from router import cli, logs
from router.cli import app
from router.commands.agent import Desk
from router.commands.watch import json_line, readable
from router.log.memory import MemoryLog
from router.log.protocol import Envelope, Record
from router.visible import visible, visible_lines
from rules.people import Agent

ATTACK = "refund\x1b[2J\x1b]0;owned\x07\u202e\u200b"
SHOWN = r"refund\x1b[2J\x1b]0;owned\x07\u202e·"
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)

CASES = {
    "escape sequences": ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
    "C1 controls": ("a\x9b2Jb\x7f", r"a\x9b2Jb\x7f"),
    "line ends and tabs": ("a\r\n\tb\u2028c", r"a\x0d\x0a\x09b\u2028c"),
    "bidirectional overrides": ("a\u202egpj.exe\u2066", r"a\u202egpj.exe\u2066"),
    "what has no width": ("re\u200bfu\u00adnd\ufeff\U000e0041", "re·fu·nd··"),
    "half of a pair": ("\ud83d", r"\ud83d"),
    "words of all scripts": ("投诉 é Ünï 😀 \u00a0\u3000", "投诉 é Ünï 😀 \u00a0\u3000"),
}

BOOK = """\
pools: {p: {queues: [money, rest]}}
queues: {money: {}, rest: {}}
slas: {}
routes:
  - {id: refund, when: {text: {regex: "(?s)refund.*"}}, then: {queue: money}}
  - {id: default, then: {queue: rest}}
"""
REQUEST = {"text": ATTACK, "external_id": ATTACK, "received_at": "2027-03-01T12:00:00Z"}


@pytest.mark.parametrize("name", CASES)
def test_what_acts_on_a_terminal_is_shown_instead(name: str) -> None:
    """Controls, overrides and what has no width are replaced; words stay as they are."""
    text, shown = CASES[name]
    assert visible(text) == shown


def test_a_text_of_several_lines_keeps_them_below_its_first() -> None:
    """No line of a customer's text can look like a line of ours."""
    assert visible_lines("one\r\ntwo\x1b\n", "  ") == "one\n  two\\x1b\n  "


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two rulebooks, a case that fails, and the attack as a request."""
    for name, text in {"old": BOOK, "new": BOOK.replace("queue: money", "queue: rest")}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "routes.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "requests.jsonl").write_text(json.dumps(REQUEST), encoding="utf-8")
    case = {"name": ATTACK, "request": ATTACK, "expect": {"queue": "rest"}}
    (tmp_path / "cases.jsonl").write_text(json.dumps(case), encoding="utf-8")
    return tmp_path


COMMANDS: dict[str, Sequence[str]] = {
    "route --explain": ("route", "--explain", "--rulebook", "old", "requests.jsonl"),
    "whatif": ("whatif", "--old", "old", "--new", "new", "--input", "requests.jsonl"),
    "rules test": ("rules", "test", "old", "--cases", "cases.jsonl"),
    "rules stats": ("rules", "stats", "--rulebook", "./old", "--input", "requests.jsonl"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_passes_on_what_a_customer_sends(
    name: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but words and our own line ends comes out of what people read."""
    monkeypatch.chdir(folders)
    result = CliRunner().invoke(app, COMMANDS[name], env={"COLUMNS": "200"})
    said = result.stdout + result.stderr
    assert said.strip()
    assert all(line.isprintable() for line in said.split("\n"))
    if name != "rules stats":
        assert r"\x1b[2J" in said


def record(data: dict[str, object]) -> Record:
    """An event of a ticket."""
    envelope = Envelope(id="e1", type="ticket.queued", source="/dispatch/0", time=NOON)
    value = json.dumps(data).encode()
    return Record("agent.queue.money", 0, "1", "t1", value, envelope, NOON)


def test_watch_shows_and_its_json_keeps() -> None:
    """The line for people is harmless; the object for programs has what was written."""
    one = record({"ticket": "t1", "text": ATTACK})
    assert f"text={SHOWN}" in readable(one)
    assert json.loads(json_line(one))["data"]["text"] == ATTACK


def test_the_desk_shows_what_a_customer_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    """In the list and in the conversation, where no line begins like one of ours."""
    desk = Desk(MemoryLog(lambda: NOON), "ann", Agent(pool="p", queues=["money"]), ["money"], 60)
    data = {"ticket": "t1", "queue": "money", "text": f"{ATTACK}\nok: resolve"}
    desk._view.feed("agent.queue.money", "ticket.queued", data, "e1")
    desk._list()
    desk._read("1")
    said = capsys.readouterr().out
    assert said.count(SHOWN) == 3
    assert "\x1b" not in said
    assert "\n    ok: resolve\n" in said


def test_an_error_that_quotes_a_customer_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line by line, as it was raised."""

    def refuse() -> None:
        raise Malformed(f"two things:\n{ATTACK}")

    monkeypatch.setattr(cli, "app", refuse)
    monkeypatch.setattr(logs, "configure", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"switchboard: two things:\n{SHOWN}\n"
