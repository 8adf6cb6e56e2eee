"""How `rulebook list` comes to the number of routes, and how errors come to a program."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from router import bootstrap, records
from router.commands import rulebook
from router.log.memory import MemoryLog
from router.rulebook_history import Entry

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"


class Shut(Mapping[str, str]):
    """Files that nobody may look at."""

    def __getitem__(self, name: str) -> str:
        raise AssertionError(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("they were looked at")

    def __len__(self) -> int:
        raise AssertionError("they were looked at")


def test_what_was_counted_when_it_came_into_force_is_not_read_again() -> None:
    """Only what an older program has put in force is; what cannot be read has no number."""
    entries = [
        Entry(1, "old", {"a.yaml": RULES}, NOON),
        Entry(2, "wrong", {"a.yaml": RULES.replace("queue: q}", "queue: x}")}, NOON),
        Entry(3, "counted", Shut(), NOON, routes=10_000),
        Entry(4, "same", Shut(), NOON, routes=7),
        Entry(5, "same", Shut(), NOON),
    ]
    assert rulebook._routes(entries) == {"old": 1, "wrong": None, "counted": 10_000, "same": 7}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder whose log has two activations, the first of them wrong for this program."""
    log = MemoryLog(lambda: NOON)
    right = {"a.yaml": RULES}
    wrong = {"a.yaml": RULES.replace("queue: q}", "queue: x}")}
    found = [records.activation(wrong, 1, NOON), records.activation(right, 2, NOON)]

    @asynccontextmanager
    async def connected(_: object) -> AsyncIterator[MemoryLog]:
        if not log.stored():
            await log.publish(found)
        yield log

    monkeypatch.setattr(bootstrap, "connected", connected)
    (tmp_path / "switchboard.yaml").write_text("domain: shop.example\n")
    (tmp_path / "rulebook").mkdir()
    (tmp_path / "rulebook" / "a.yaml").write_text(wrong["a.yaml"])
    return tmp_path


@pytest.mark.parametrize("command", ["publish", "rollback"])
def test_what_is_wrong_comes_to_a_program_as_check_says_it(command: str, shop: Path) -> None:
    """With `--json` one object an error, like everything else on stdout; else a line each."""
    line = [command, *([str(shop)] if command == "publish" else []), "--config", str(shop)]
    plain = CliRunner().invoke(rulebook.app, line)
    assert plain.exit_code == 1
    assert plain.stdout.startswith("a.yaml:3:")
    result = CliRunner().invoke(rulebook.app, [*line, "--json"])
    assert result.exit_code == 1
    (said,) = map(json.loads, result.stdout.splitlines())
    assert (said["severity"], said["file"], said["line"]) == ("error", "a.yaml", 3)
    assert said["message"].startswith("routes.all.then.queue: there is no queue 'x'")
