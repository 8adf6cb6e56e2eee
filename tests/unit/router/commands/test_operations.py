"""What operators are told: topics to watch, accounts without a way out, the rulebook's folder."""

from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from channels.errors import Malformed
from router import records
from router.cli import app
from router.commands import doctor
from router.commands.watch import _check
from router.log.memory import MemoryLog
from router.settings import load

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


def test_doctor_has_a_note_of_a_calendar_that_is_not_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From sixty days before the year on; it is no fault, for nobody may know the days off yet."""
    folder = config(tmp_path)
    hours = "timezone: Asia/Shanghai, hours: {mon-fri: ['09:00-18:00']}"
    calendars = f"calendars: {{shop: {{{hours}, holidays: [CN]}}, free: {{{hours}}}}}\n"
    (folder / "rulebook" / "a.yaml").write_text(RULES + calendars)

    def notes(at: datetime) -> list[str]:
        monkeypatch.setattr(doctor, "datetime", Mock(now=Mock(return_value=at)))
        found = list(doctor._uncovered(load(folder)))
        monkeypatch.undo()
        return found

    said = "are not covered: the days off of CN are not known; write them into an overlay"
    assert notes(datetime(2025, 12, 1, tzinfo=UTC)) == []
    assert notes(datetime(2090, 12, 1, tzinfo=UTC)) == [f"calendar shop: 2090-2091 {said}"]
    (folder / "rulebook" / "a.yaml").write_text("routes: []")
    assert notes(datetime(2090, 12, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    ("sms", "noted"),
    [
        ("", True),
        ("sms: {main: {tokens: ['file:t']}}\n", True),
        ("sms: {main: {tokens: ['file:t'], url: 'http://x'}}\n", False),
    ],
)
def test_doctor_has_a_note_of_workers_whom_no_sms_reaches(
    tmp_path: Path, sms: str, noted: bool
) -> None:
    """Their account is not in the settings, or has no way out."""
    folder = config(tmp_path, sms)
    workers = 'workers: {li: {phone: "+8613900000001"}}\norders: {account: main}\n'
    (folder / "rulebook" / "a.yaml").write_text(RULES + workers)
    note = "orders: workers are not told of them until `sms.main.url` is set"
    assert list(doctor._untold(load(folder))) == ([note] if noted else [])
    (folder / "rulebook" / "a.yaml").write_text("routes: []")
    assert list(doctor._untold(load(folder))) == []
