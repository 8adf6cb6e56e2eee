"""What operators are told: topics to watch, accounts without a way out, the rulebook's folder."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from channels.errors import Malformed
from router import bootstrap, records
from router.cli import app
from router.commands.watch import _check
from router.log.memory import MemoryLog
from router.settings import load
from router.topics import RULEBOOK
from rules.index import Compiled, compile_rulebook

RULES = "pools: {p: {queues: [billing]}}\nqueues: {billing: {}}\nroutes: [{id: all, then: {queue: billing}}]\n"  # noqa: E501 - a file of three lines


def log() -> MemoryLog:
    """A log to which nothing was ever written."""
    return MemoryLog(lambda: datetime.now(UTC))


@pytest.mark.parametrize("topic", ["sla.escalations", "operations", "agent.queue.*"])
async def test_a_fresh_installation_can_be_watched(topic: str) -> None:
    """Operations start before the first breach."""
    await _check(log(), [topic])


async def test_a_topic_that_means_nothing_is_refused() -> None:
    """It would be waited for for ever."""
    empty = log()
    with pytest.raises(Malformed, match=r"did you mean 'sla\.escalations'"):
        await _check(empty, ["sla.escalation"])
    with pytest.raises(Malformed, match=r"there are: agent\.commands"):
        await _check(empty, ["xyz"])
    await empty.publish([records.activation({"a.yaml": RULES}, 1, datetime.now(UTC))])
    await _check(empty, ["agent.queue.billing"])
    with pytest.raises(Malformed, match=r"did you mean 'agent\.queue\.billing'"):
        await _check(empty, ["agent.queue.biling"])


def config(folder: Path, settings: str = "") -> Path:
    """A config folder."""
    (folder / "rulebook").mkdir()
    (folder / "rulebook" / "a.yaml").write_text(RULES)
    (folder / "switchboard.yaml").write_text(settings or "{}")
    return folder


def test_doctor_names_accounts_whose_customers_cannot_be_answered(tmp_path: Path) -> None:
    """Each with the setting that would change it; those that can answer are not named."""
    settings = (
        "email: {accounts: {help@shop.example: {}}}\n"
        "sms: {mute: {tokens: ['file:t']}, able: {tokens: ['file:t'], url: 'http://x'}}\n"
        "webhooks: {crm: {secrets: ['file:t']}}\n"
    )
    result = CliRunner().invoke(app, ["doctor", "--config", str(config(tmp_path, settings))])
    notes = [line for line in result.stdout.splitlines() if line.startswith("note")]
    assert notes == [
        "note email/help@shop.example: no way out; answers fail until `email.smtp` is set",
        "note sms/mute: no way out; answers fail until `sms.mute.url` is set",
        "note webhooks/crm: no way out; answers fail until `chat.crm` is set",
    ]


async def test_a_folder_that_does_not_change_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at all the time; a change counts at once, a wrong one is refused once."""
    compiled: list[int] = []

    def counting(files: dict[str, str]) -> Compiled:
        compiled.append(len(files))
        return compile_rulebook(files)

    monkeypatch.setattr(bootstrap, "compile_rulebook", counting)
    monkeypatch.setattr(bootstrap, "RULEBOOK_POLL_SECONDS", 0.001)
    settings, memory = load(config(tmp_path)), log()
    watching = asyncio.create_task(bootstrap.watch_rulebook(settings, memory))
    try:
        await _activations(memory, 1)
        await asyncio.sleep(0.1)
        assert len(compiled) == 1
        (tmp_path / "rulebook" / "a.yaml").write_text("queues: 7")
        await asyncio.sleep(0.1)
        (tmp_path / "rulebook" / "a.yaml").write_text(RULES + "tiers: {vip: {priority: 1}}\n")
        await _activations(memory, 2)
        assert len(compiled) == 3
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _activations(memory: MemoryLog, count: int) -> None:
    async with asyncio.timeout(20):
        while len([one for one in memory.stored() if one.topic == RULEBOOK]) < count:  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.005)
