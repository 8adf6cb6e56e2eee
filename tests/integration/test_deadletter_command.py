"""`switchboard deadletter` on a real log: what could not be processed, and its second chance."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from channels.errors import Malformed
from router import bootstrap, deadletter
from router.log.protocol import Envelope, Log, Record
from router.log.reading import stored
from router.settings import load
from router.topics import DEADLETTER, REQUESTS_INBOUND

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
LARGE = bytes(range(256)) * 2_000


def record(number: int, value: bytes = b"{}") -> Record:
    """A record that could not be processed."""
    envelope = Envelope(f"r{number}", "request.received", "tests", NOON, {"activation": "1"})
    return Record(REQUESTS_INBOUND, 0, str(number), "key", value, envelope, NOON)


async def kept(log: Log, one: Record) -> str:
    """The record is a dead letter; returns the letter's id."""
    letter = deadletter.of_record(one, error="Malformed", problem="no good", at=NOON)
    messages = deadletter.messages(letter, "tests")
    await log.publish(messages)
    return messages[0].envelope.id


async def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The command as a user gives it: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "router.cli", "deadletter", *arguments, "--config", str(folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_dead_letter_is_sent_through_again_once(tmp_path: Path) -> None:
    """Whole though it was large; again only when somebody insists; new ones by `--all`."""
    (tmp_path / "switchboard.yaml").write_text("namespace: letters\n")
    async with bootstrap.opened(load(tmp_path)) as log:
        small, large = await kept(log, record(1)), await kept(log, record(2, LARGE))

        code, out, _ = await run(tmp_path, "list", "--json")
        listed = [json.loads(line) for line in out.splitlines()]
        assert code == 0
        assert [one["id"] for one in listed] == [small, large]

        assert (await run(tmp_path, "redrive", large))[::2] == (0, "1 sent again, 0 left\n")
        (sent,) = [one async for one in stored(log, REQUESTS_INBOUND)]
        assert (sent.value, sent.key, sent.partition) == (LARGE, "key", 0)
        assert sent.envelope == record(2).envelope

        code, _, err = await run(tmp_path, "redrive", "--all")
        assert (code, f"{large}: was sent again before" in err) == (0, True)
        assert "1 sent again, 0 left" in err
        assert "(sent again " in (await run(tmp_path, "list"))[1]
        await run(tmp_path, "redrive", small, "--again")
        ids = [one.envelope.id async for one in stored(log, REQUESTS_INBOUND)]
        assert ids == ["r2", "r1", "r1"]


async def test_what_cannot_be_sent_again_is_said(tmp_path: Path) -> None:
    """Bytes that never were a record, and an id that nobody knows: exit code 1."""
    (tmp_path / "switchboard.yaml").write_text("namespace: letters\n")
    async with bootstrap.opened(load(tmp_path)) as log:
        letter = deadletter.of_bytes(
            b"\xff",
            origin=deadletter.Origin(source="sms/shop"),
            error="form",
            problem="no",
            at=NOON,
        )
        messages = deadletter.messages(letter, "tests")
        await log.publish(messages)
        code, _, err = await run(tmp_path, "redrive", messages[0].envelope.id)
        assert (code, "no record of a topic" in err) == (1, True)
        code, _, err = await run(tmp_path, "redrive", "nobody")
        assert (code, "no dead letter has the id nobody" in err) == (1, True)
        assert (await run(tmp_path, "redrive"))[0] == 2
        assert [one async for one in stored(log, REQUESTS_INBOUND)] == []


async def test_a_letter_of_an_unknown_kind_is_said(tmp_path: Path) -> None:
    """A record in `deadletter` that no version of ours wrote."""
    letters = deadletter.Letters()
    with pytest.raises(Malformed):
        letters.add(Record(DEADLETTER, 0, "1", "k", b"[]", record(1).envelope, NOON))
