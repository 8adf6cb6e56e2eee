"""The SMTP sender against real servers: what arrives, and what each answer means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from channels.email.sender import SmtpAccount, SmtpSender
from channels.errors import Unavailable
from channels.sending import Deferred, Delivery, Unconfirmed
from tests.recording import outbound

pytestmark = pytest.mark.services


class CatchAll:
    """A mail server that keeps what it is given, or answers what a test wants."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, EmailMessage]] = []
        self.answers: dict[str, str] = {}
        self.hang_up_after_data = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Take or refuse a recipient."""
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a return path."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail."""
        mail = message_from_bytes(envelope.original_content or b"", policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope, mail))
        if self.hang_up_after_data and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return self.answers.get("DATA", "250 queued as 4711")


@pytest.fixture
def box() -> CatchAll:
    """What the server keeps and answers."""
    return CatchAll()


@asynccontextmanager
async def serving(box: CatchAll, *, international: bool = True) -> AsyncIterator[SmtpSender]:
    """A sender with the server as its smart host."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="mx.test", enable_SMTPUTF8=international, loop=loop),
        "127.0.0.1",
        0,
    )
    port = server.sockets[0].getsockname()[1]
    yield SmtpSender(
        SmtpAccount(
            address="support@shop.example",
            name="小店客服",
            host="127.0.0.1",
            port=port,
            local_hostname="shop.example",
            timeout_seconds=5,
        )
    )
    server.close()
    await server.wait_closed()


@pytest.fixture
async def sender(box: CatchAll) -> AsyncIterator[SmtpSender]:
    """A sender whose server takes everything that it is not told to refuse."""
    async with serving(box) as found:
        yield found


async def test_mail_arrives_as_it_was_meant(sender: SmtpSender, box: CatchAll) -> None:
    """Chinese subject, names and text are whole; threading headers and the rest are as given."""
    long_id = f"<{'a' * 120}@mail.example>"
    message = outbound(
        subject="回复：我买的空调坏了，" + "请尽快处理，" * 20,
        text="您好！\n.一行以点开头\n\n再见",
        to_name="王小明",
        message_id="<2.abcdefgh23456777-1.abcdefgh23456777@shop.example>",
        in_reply_to=long_id,
        references=("<first@mail.example>", long_id),
        reply_to="support+abcdefgh23456777-1.abcdefgh23456777@shop.example",
        headers={"X-Ticket": "t-1"},
    )
    assert await sender.send(message) == Delivery("sent", reason="250 queued as 4711")
    ((envelope, mail),) = box.mails
    assert envelope.mail_from == "support@shop.example"
    assert envelope.rcpt_tos == ["wang@example.org"]
    assert mail["Subject"] == message.subject
    assert mail["From"].addresses[0].display_name == "小店客服"
    assert mail["To"].addresses[0].display_name == "王小明"
    assert mail["To"].addresses[0].addr_spec == "wang@example.org"
    assert mail.get_content().splitlines() == message.text.splitlines()
    assert mail["Message-ID"].strip() == message.message_id
    assert mail["In-Reply-To"].strip() == long_id
    assert mail["References"].split() == list(message.references)
    assert mail["Reply-To"] == message.reply_to
    assert mail["X-Ticket"] == "t-1"
    assert max(map(len, (envelope.original_content or b"").split(b"\r\n"))) < 998


async def test_acknowledgement_has_no_return_path(sender: SmtpSender, box: CatchAll) -> None:
    """RFC 3834: so that no machine answers it."""
    headers = {"Auto-Submitted": "auto-replied"}
    await sender.send(outbound(kind="ack", headers=headers))
    ((envelope, mail),) = box.mails
    assert envelope.mail_from == "<>"
    assert mail["Auto-Submitted"] == "auto-replied"


async def test_international_address_is_written_to(sender: SmtpSender, box: CatchAll) -> None:
    """RFC 6531, where the server offers it."""
    await sender.send(outbound(to="王@xn--fsqu00a.example", to_name="王"))
    ((envelope, _),) = box.mails
    assert envelope.rcpt_tos == ["王@xn--fsqu00a.example"]
    assert "SMTPUTF8" in envelope.mail_options
    assert "To: 王 <王@xn--fsqu00a.example>".encode() in (envelope.original_content or b"")


async def test_international_address_needs_a_server_that_takes_it(box: CatchAll) -> None:
    """Where SMTPUTF8 is not offered, the message has failed, and the receipt says why."""
    async with serving(box, international=False) as sender:
        delivery = await sender.send(outbound(to="王@xn--fsqu00a.example"))
    assert (delivery.outcome, delivery.permanent) == ("failed", True)
    assert "SMTPUTF8" in (delivery.reason or "")


@pytest.mark.parametrize(
    ("step", "answer", "outcome"),
    [
        ("RCPT", "550 5.1.1 no such user", "bounced"),
        ("DATA", "554 5.7.1 we call this spam", "failed"),
    ],
)
async def test_refusal_for_good(
    sender: SmtpSender, box: CatchAll, step: str, answer: str, outcome: str
) -> None:
    """5xx is permanent, in the server's own words."""
    box.answers[step] = answer
    delivery = await sender.send(outbound())
    assert (delivery.outcome, delivery.permanent, delivery.reason) == (outcome, True, answer)


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("RCPT", "450 4.2.0 greylisted", Deferred),
        ("DATA", "452 4.3.1 mailbox full", Deferred),
        ("RCPT", "421 4.3.2 closing", Unavailable),
        ("MAIL", "550 5.7.1 sender not allowed", Unavailable),
        ("MAIL", "451 4.3.0 later", Unavailable),
    ],
)
async def test_refusal_for_now(
    sender: SmtpSender, box: CatchAll, step: str, answer: str, error: type[Exception]
) -> None:
    """4xx is tried again, and so is what is wrong with our own account."""
    box.answers[step] = answer
    with pytest.raises(error) as raised:
        await sender.send(outbound())
    assert type(raised.value) is error
    assert answer in str(raised.value)


async def test_lost_answer_to_data_is_unconfirmed(sender: SmtpSender, box: CatchAll) -> None:
    """The server may have taken the mail."""
    box.hang_up_after_data = True
    with pytest.raises(Unconfirmed):
        await sender.send(outbound())


async def test_silent_server_is_unavailable(unused_tcp_port: int) -> None:
    """Nobody listens: surely not taken."""
    account = SmtpAccount(
        address="a@shop.example", host="127.0.0.1", port=unused_tcp_port, timeout_seconds=5
    )
    with pytest.raises(Unavailable) as raised:
        await SmtpSender(account).send(outbound())
    assert not isinstance(raised.value, Unconfirmed)


@pytest.mark.parametrize(
    "fields",
    [{"headers": {"X-Bad": "a\nBcc: x@example.org"}}, {"to": "nobody"}, {"reply_to": "a\r\nb"}],
)
async def test_what_cannot_be_written_fails(
    sender: SmtpSender, box: CatchAll, fields: dict[str, Any]
) -> None:
    """A header with a line break is no header; nothing is sent."""
    delivery = await sender.send(outbound(**fields))
    assert (delivery.outcome, delivery.permanent) == ("failed", True)
    assert box.mails == []
