"""`normalize email`: a mail and an mbox as requests on the command line."""

import json
from pathlib import Path

from typer.testing import CliRunner

from router.cli import app

MAIL = "From: a@example.cn\nTo: Help@example.org\nDate: Mon, 2 Mar 2026 09:00:00 +0000\n\n投诉\n"
MBOX = "".join(
    f"From a@example.cn Mon Mar  2 09:0{number}:00 2026\nMessage-ID: <{number}@x>\n{MAIL}\n"
    for number in range(3)
)


def _normalized(path: Path, *options: str) -> list[dict[str, object]]:
    result = CliRunner().invoke(app, ["normalize", "email", str(path), *options])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_mail(tmp_path: Path) -> None:
    """A mail is one line; its account is whom it was written to."""
    path = tmp_path / "a.eml"
    path.write_text(MAIL)
    (found,) = _normalized(path, "--received-at", "2026-03-02T09:00:00Z")
    assert (found["account"], found["text"]) == ("help@example.org", "投诉")
    assert found["received_at"] == "2026-03-02T09:00:00Z"


def test_an_mbox(tmp_path: Path) -> None:
    """Each mail of an mbox is a line, with an id of its own."""
    path = tmp_path / "box"
    path.write_text(MBOX)
    found = _normalized(path, "--account", "help")
    assert [one["attributes"] for one in found] == [{"message_id": f"<{n}@x>"} for n in range(3)]
    assert len({str(one["id"]) for one in found}) == 3
