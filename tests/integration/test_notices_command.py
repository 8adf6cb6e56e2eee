"""`switchboard notices test` and `doctor`: whether contacts can be reached, before it matters."""

from pathlib import Path

import pytest
from starlette.responses import Response

from router.edges.reaching import obstacles
from router.rulebook_files import read_folder
from router.settings import load
from rules.index import compile_rulebook
from tests.commands import run
from tests.integration.receiver import SECRET, Receiver, listening
from tests.integration.test_mail_sender import CatchAll, serving

pytestmark = pytest.mark.services

RULES = """
pools: {{service: {{queues: [billing]}}}}
queues: {{billing: {{name: 账单}}}}
ladders: {{duty: [{{level: 1, after: 0s, notify: [lead, bot]}}]}}
notices: {{email: notices@shop.example}}
contacts:
  lead: {{email: [lead@shop.example], language: zh}}
  bot: {{webhook: {{url: "{url}", secrets: [file:secret]}}}}
  ghost: {{name: 无}}
routes: [{{id: default, then: {{queue: billing}}}}]
"""
ACCOUNT = "email: {accounts: {notices@shop.example: {}}, smtp: {host: 127.0.0.1, port: %d}}"


def folder(path: Path, url: str = "http://127.0.0.1:1/in", settings: str = "{}") -> Path:
    """A config folder whose bot listens at `url`."""
    (path / "rulebook").mkdir()
    (path / "rulebook" / "rules.yaml").write_text(RULES.format(url=url))
    (path / "switchboard.yaml").write_text(settings)
    (path / "secret").write_text(SECRET + "\n")
    return path


async def test_a_program_gets_one_signed_test(tmp_path: Path) -> None:
    """Its type says that it is a test; what came back is printed."""
    receiver = Receiver()
    async with listening(receiver) as url:
        code, out, err = await run("notices test bot", folder(tmp_path, url))
    assert (code, out, err) == (0, f"webhook {url}: delivered (204)\n", "")
    (event,) = receiver.events
    assert event["type"] == "sla.notice.test"
    assert event["data"]["alarms"][0]["ticket"] == "test"


async def test_a_person_gets_one_mail(tmp_path: Path) -> None:
    """By the account that sends notices, in the contact's language."""
    box = CatchAll()
    async with serving(box) as sender:
        settings = ACCOUNT % sender._account.port
        code, out, _ = await run("notices test lead", folder(tmp_path, settings=settings))
    assert (code, out) == (0, "email lead@shop.example: sent (250 queued as 4711)\n")
    ((envelope, mail),) = box.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("<>", ["lead@shop.example"])
    assert "第 1 级升级" in mail["Subject"]


async def test_a_refusal_is_an_error(tmp_path: Path) -> None:
    """Exit code 1, in the receiver's words."""
    receiver = Receiver()
    receiver.answers = [Response("who are you?", status_code=400)]
    async with listening(receiver) as url:
        code, out, _ = await run("notices test bot", folder(tmp_path, url))
    assert (code, out) == (1, f"webhook {url}: failed (400 who are you?)\n")


async def test_a_secret_that_the_receiver_does_not_know(tmp_path: Path) -> None:
    """It would be tried again, and so the command says that there is no answer yet."""
    receiver = Receiver("whsec_b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy0wMDE=")
    async with listening(receiver) as url:
        code, out, _ = await run("notices test bot", folder(tmp_path, url))
    assert code == 3
    assert "401" in out


async def test_nobody_listens(tmp_path: Path, unused_tcp_port: int) -> None:
    """Exit code 3: a service is unreachable."""
    url = f"http://127.0.0.1:{unused_tcp_port}/in"
    code, out, _ = await run("notices test bot", folder(tmp_path, url))
    assert code == 3
    assert out.startswith(f"webhook {url}: no answer: ")


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ("ledd", "there is no contact 'ledd'; did you mean 'lead'?"),
        ("x", "there is no contact 'x'; see `contacts` in the rulebook"),
        ("ghost", "contact 'ghost' has neither email nor webhook"),
    ],
)
async def test_whom_nothing_can_be_sent_to(tmp_path: Path, contact: str, said: str) -> None:
    """Exit code 1, and a sentence."""
    code, out, err = await run(f"notices test {contact}", folder(tmp_path))
    assert (code, out, err) == (1, "", f"switchboard: {said}\n")


async def test_an_account_that_is_not_configured(tmp_path: Path) -> None:
    """The command says which; so does doctor, before it matters."""
    code, out, _ = await run("notices test lead", folder(tmp_path))
    assert code == 1
    assert "no sender is configured for email/notices@shop.example" in out


def found(path: Path) -> list[str]:
    """What keeps notices from the contacts of a config folder."""
    return list(obstacles(load(path), compile_rulebook(read_folder(path)).rulebook))


def test_what_keeps_notices_from_contacts(tmp_path: Path) -> None:
    """The account, its way out, each secret; nothing where all of it is there."""
    path = folder(tmp_path)
    (path / "secret").write_text("hunter2")
    account, secret = found(path)
    assert (
        account == "notices are sent from notices@shop.example, which is none of `email.accounts`"
    )
    assert secret.startswith("contact bot: file:secret: a webhook's secret is whsec_")
    assert "hunter2" not in secret
    (path / "switchboard.yaml").write_text("email: {accounts: {notices@shop.example: {}}}")
    (path / "secret").unlink()
    account, secret = found(path)
    assert account.endswith("but there is no `email.smtp`")
    assert "No such file" in secret
    (path / "switchboard.yaml").write_text(ACCOUNT % 25)
    (path / "secret").write_text(SECRET)
    assert found(path) == []


async def test_doctor_looks_at_the_ways_to_contacts(tmp_path: Path) -> None:
    """What is missing is bad; what is complete is said."""
    path = folder(tmp_path)
    code, out, _ = await run("doctor", path)
    assert code == 1
    assert "BAD  notices: notices are sent from notices@shop.example" in out
    (path / "switchboard.yaml").write_text(ACCOUNT % 25)
    code, out, _ = await run("doctor", path)
    assert "ok   notices: the ways to 3 contacts are there" in out
