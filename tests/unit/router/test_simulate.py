"""A script in virtual time: deterministic, exact to the instant, clear about mistakes."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from router.cli import app
from tests.simulation.rulebooks import RULEBOOK

LINES: list[dict[str, Any]] = [
    {"at": "2027-01-04T02:00:00Z", "request": {"channel": "sms", "external_id": "x1",
     "sender": {"address": "+8610"}, "text": "我要投訴"}},
    {"at": "2027-01-04T02:00:05Z", "agent": "ann", "command": "presence", "state": "available"},
    {"at": "2027-01-04T02:00:13Z", "agent": "ann", "command": "accept", "ticket": "@x1"},
    {"at": "2027-01-04T02:00:30Z", "agent": "ann", "command": "reply", "ticket": "@x1",
     "text": "抱歉"},
    {"at": "2027-01-04T02:00:31Z", "agent": "ann", "command": "resolve", "ticket": "@sms:x1"},
    {"at": "2027-01-04T03:00:00Z"},
]  # fmt: skip


def simulate(folder: Path, lines: list[Any]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `switchboard simulate`."""
    (folder / "rulebook").mkdir(exist_ok=True)
    (folder / "rulebook" / "rules.yaml").write_text(RULEBOOK)
    script = folder / "script.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    script.write_text("\n".join(texts) + "\n", encoding="utf-8", newline="")
    result = CliRunner().invoke(
        app, ["simulate", "--rulebook", str(folder / "rulebook"), str(script)]
    )
    said = str(result.exception) if result.exception else result.stderr
    return result.exit_code, result.stdout, said


def events(out: str, kind: str) -> list[dict[str, Any]]:
    """The printed events of a type on `tickets.events`."""
    found = [json.loads(line) for line in out.split("\n") if line]
    return [one for one in found if one["type"] == kind and one["topic"] == "tickets.events"]


def test_the_same_script_prints_the_same_bytes(tmp_path: Path) -> None:
    """Twice the same, down to the ids."""
    assert simulate(tmp_path, LINES) == simulate(tmp_path, LINES)


def test_a_script_is_played_to_its_end(tmp_path: Path) -> None:
    """The VIP's complaint is offered, accepted at the last instant, answered in time, closed."""
    code, out, _ = simulate(tmp_path, LINES)
    assert code == 0
    (opened,) = events(out, "ticket.opened")
    assert opened["external_id"] == "x1"
    assert opened["data"]["tier"] == "vip"
    (offered,) = events(out, "ticket.offered")
    assert offered["at"] == "2027-01-04T02:00:05Z"
    (assigned,) = events(out, "ticket.assigned")
    assert assigned["at"] == offered["data"]["expires_at"], "exactly at the expiry is in time"
    met = {one["data"]["target"]: one for one in events(out, "sla.met")}["first_response"]
    assert met["data"]["in_time"] is True, "exactly at the due instant is in time"
    (closed,) = events(out, "ticket.closed")
    reopen = datetime.fromisoformat(closed["at"]) - datetime.fromisoformat(LINES[4]["at"])
    assert reopen.total_seconds() == 180


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ({"at": "yesterday"}, "is not an RFC 3339 instant"),
        ({"at": "2027-01-04T02:00:00"}, "no offset from UTC"),
        ({"at": "2026-01-04T02:00:00Z"}, "earlier than the line before"),
        ({"at": "2027-01-05T02:00:00Z", "agent": "ann", "command": "fly"}, "command"),
        ({"at": "2027-01-05T02:00:00Z", "agent": "ann", "command": "note", "tiket": "x"}, "tiket"),
        ({"at": "2027-01-05T02:00:00Z", "agent": "a", "command": "note", "ticket": "@y"}, "@y"),
        ({"at": "2027-01-05T02:00:00Z", "request": []}, "CustomerRequest object"),
        ({"at": "2027-01-05T02:00:00Z", "reqest": {}}, "reqest"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: Any, said: str) -> None:
    """File, line, and what was expected."""
    code, _, error = simulate(tmp_path, [*LINES, line])
    assert code == 1
    assert f"script.jsonl:{len(LINES) + 1}: " in error
    assert said in error


def test_a_line_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """U+2028 in a JSON string is a character like others."""
    text = LINES[0] | {"request": LINES[0]["request"] | {"text": "one\u2028two\u0085three"}}
    code, out, said = simulate(tmp_path, [json.dumps(text, ensure_ascii=False) + "\r"])
    assert (code, said) == (0, "")
    assert len(events(out, "ticket.opened")) == 1
