"""The SMTP listener with a real client: what it takes, what it refuses, what it defers."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import structlog

from channels.email.source import SmtpSettings, SmtpSource
from channels.errors import Full, Unavailable
from channels.inbox import Inbound, Publish
from router.counters import Counters
from tests.recording import NOON, RecordingPublish

pytestmark = pytest.mark.services

SETTINGS = SmtpSettings(
    port=0,
    accounts={
        "support@shop.example": "support@shop.example",
        "sales@shop.example": "sales@shop.example",
        "@repairs.example": "repairs",
    },
    hostname="mx.shop.example",
)
MAIL = "\r\n".join(
    [
        "From: =?utf-8?b?546L5bCP5piO?= <wang@example.org>",
        "To: support@shop.example",
        "Subject: =?utf-8?b?5oqV6K+J?=",
        "Message-ID: <1@example.org>",
        "Date: Mon, 02 Mar 2026 20:00:00 +0800",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "空调坏了，请尽快处理。",
        "",
    ]
).encode()


class Site:
    """The listener under test, and what it published and counted."""

    def __init__(self, settings: SmtpSettings, publish: Publish | None) -> None:
        self.published = RecordingPublish()
        self.counters = Counters()
        self.source = SmtpSource(
            settings, publish or self.published, clock=lambda: NOON, count=self.counters.add
        )

    def client(self) -> aiosmtplib.SMTP:
        """A client that is still to be connected."""
        return aiosmtplib.SMTP(
            hostname="127.0.0.1",
            port=self.source.port,
            local_hostname="client.example",
            start_tls=False,
            timeout=60,
        )

    async def deliver(
        self,
        mail: bytes = MAIL,
        *recipients: str,
        sender: str = "wang@example.org",
        options: Sequence[str] = (),
    ) -> Any:
        """Send a mail as another server does; the answer to its recipients and to DATA."""
        async with self.client() as client:
            return await client.sendmail(
                sender,
                list(recipients or ("support@shop.example",)),
                mail,
                mail_options=list(options),
            )


@asynccontextmanager
async def listening(
    settings: SmtpSettings = SETTINGS, publish: Publish | None = None
) -> AsyncIterator[Site]:
    """A listener that is stopped at the end."""
    site = Site(settings, publish)
    await site.source.start()
    try:
        yield site
    finally:
        await site.source.stop()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A listener with the usual limits."""
    async with listening() as found:
        yield found


async def test_mail_becomes_a_request(site: Site) -> None:
    """It is confirmed with 250, and received at the end of its DATA."""
    refused, answer = await site.deliver()
    assert refused == {}
    assert "OK" in answer
    (request,) = site.published.requests
    assert (request.channel, request.account) == ("email", "support@shop.example")
    assert (request.sender.address, request.subject) == ("wang@example.org", "投诉")
    assert "空调坏了" in request.text
    assert request.received_at == NOON
    assert site.counters["smtp.accepted"] == 1


@pytest.mark.parametrize("error", [Unavailable("the log is down"), Full("the disk is full")])
async def test_mail_is_deferred_while_the_log_takes_nothing(site: Site, error: Unavailable) -> None:
    """451: the client keeps it, and its repetition is the same request."""
    site.published.down = error
    with pytest.raises(aiosmtplib.SMTPDataError) as deferred:
        await site.deliver()
    assert deferred.value.code == 451
    assert site.published.items == []
    site.published.down = None
    await site.deliver()
    await site.deliver()
    first, second = site.published.requests
    assert first.id == second.id


async def test_fault_of_ours_defers_too() -> None:
    """Else aiosmtpd would answer 500, and the client would give the mail up."""

    async def broken(_items: Sequence[Inbound]) -> None:
        raise ZeroDivisionError

    async with listening(publish=broken) as site:
        with pytest.raises(aiosmtplib.SMTPDataError) as deferred:
            await site.deliver()
    assert deferred.value.code == 451
    assert site.counters["smtp.errors"] == 1


async def test_parser_that_raises_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes go to the dead letters under the account, and the mail is confirmed."""

    def crash(*_args: object, **_named: object) -> None:
        raise RecursionError("too deep")

    monkeypatch.setattr("channels.email.source.parse", crash)
    await site.deliver()
    (unreadable,) = site.published.unreadable
    assert unreadable.origin == "email/support@shop.example"
    assert unreadable.raw.endswith(MAIL)


async def hand_over(client: aiosmtplib.SMTP, mail: bytes, *, announced: bool) -> None:
    """Send a mail, with its size announced or not."""
    await client.mail("wang@example.org", options=[f"SIZE={len(mail)}"] if announced else [])
    await client.rcpt("support@shop.example")
    await client.data(mail)


@pytest.mark.parametrize("announced", [True, False])
async def test_mail_of_30_mib_is_refused(site: Site, *, announced: bool) -> None:
    """552, whether its size was announced or not; counted, and logged without its content."""
    mail = MAIL + b"geheim geheim geheim\r\n" * (30 * 1024 * 1024 // 22)
    with structlog.testing.capture_logs() as logs:
        async with site.client() as client:
            with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
                await hand_over(client, mail, announced=announced)
            assert refused.value.code == 552
            await client.rset()
            assert (await client.sendmail("a@b.example", "support@shop.example", MAIL))[0] == {}
    assert site.counters["smtp.refused.size"] == 1
    assert [entry["event"] for entry in logs] == ["mail_refused"]
    assert "geheim" not in str(logs)
    assert len(site.published.requests) == 1


async def test_large_mail_is_taken_whole(site: Site) -> None:
    """5 MiB, parsed aside."""
    mail = MAIL + b"0123456789abcdef\r\n" * (5 * 1024 * 1024 // 18)
    await site.deliver(mail)
    (item,) = site.published.items
    assert max(len(blob) for blob in item.blobs.values()) >= len(mail)  # type: ignore[union-attr]


async def test_size_is_announced(site: Site) -> None:
    """SIZE, 8BITMIME and SMTPUTF8 stand in the answer to EHLO."""
    async with site.client() as client:
        await client.ehlo()
        assert client.esmtp_extensions["size"] == str(SETTINGS.max_bytes)
        assert client.supports_extension("8bitmime")
        assert client.supports_extension("smtputf8")


async def test_unknown_recipient_is_refused_alone(site: Site) -> None:
    """550 for the one; the mail is taken for the other."""
    refused, _ = await site.deliver(MAIL, "support@shop.example", "nobody@shop.example")
    assert refused["nobody@shop.example"].code == 550
    assert len(site.published.requests) == 1
    assert site.counters["smtp.refused.recipient"] == 1


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("support@shop.example", "support@shop.example"),
        ("Support+abc.def@SHOP.example", "support@shop.example"),
        ("anything@repairs.example", "repairs"),
    ],
)
async def test_account_of_an_address(site: Site, address: str, account: str) -> None:
    """Case and plus-detail do not count; a domain can be an account as a whole."""
    await site.deliver(MAIL, address)
    assert [request.account for request in site.published.requests] == [account]


async def test_mail_to_two_accounts_is_two_requests(site: Site) -> None:
    """One for each account, however many addresses of it were written to."""
    await site.deliver(MAIL, "support@shop.example", "sales@shop.example", "support+x@shop.example")
    requests = site.published.requests
    assert [found.account for found in requests] == ["support@shop.example", "sales@shop.example"]
    assert requests[0].id != requests[1].id


async def test_envelope_stands_in_the_raw_mail(site: Site) -> None:
    """Return-Path and Delivered-To, as a final delivery adds them; `<>` for bounces."""
    await site.deliver(MAIL, "support+proof@shop.example", sender="")
    (item,) = site.published.items
    (raw,) = [blob for blob in item.blobs.values() if blob.endswith(MAIL)]  # type: ignore[union-attr]
    assert raw.startswith(b"Return-Path: <>\r\nDelivered-To: support+proof@shop.example\r\n")


async def test_international_envelope(site: Site) -> None:
    """SMTPUTF8 (RFC 6531): a Chinese address writes to us."""
    async with site.client() as client:
        await client.ehlo()
        await client.mail("王@例子.example", options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt("support@shop.example")
        await client.data(MAIL)
    assert len(site.published.requests) == 1


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"this is no mail at all",
        b"\r\n\r\n",
        b'From: x\r\nContent-Type: multipart/mixed; boundary="\r\n\r\n--\r\n',
        b"Subject: long\r\n\r\n" + b"x" * 100_000,
        bytes(byte for byte in range(256) if byte not in b"\r\n") * 20,
    ],
)
async def test_broken_mail_is_taken(site: Site, mail: bytes) -> None:
    """What is not MIME is a customer's mail all the same."""
    await site.deliver(mail)
    assert len(site.published.items) == 1


@pytest.mark.shared_data
async def test_every_real_mail_is_taken(site: Site, shared_data: Path) -> None:
    """However broken: each `.eml` of the real input is confirmed, and is one item published."""
    mails = [path.read_bytes() for path in sorted((shared_data / "email").rglob("*.eml"))]
    assert mails
    async with site.client() as client:
        for mail in mails:
            await client.sendmail("wang@example.org", "support@shop.example", mail)
    assert len(site.published.items) == len(mails)
    assert site.counters["smtp.accepted"] == len(mails)


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate that signs itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on the PATH: STARTTLS was NOT tested")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(key), "-out", str(cert), "-subj", "/CN=mx.shop.example"]
    subprocess.run([openssl, "req", "-x509", *curve, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def test_mail_comes_over_tls(certificate: ssl.SSLContext) -> None:
    """STARTTLS is offered where there is a certificate; a stop ends such connections too."""
    async with listening(replace(SETTINGS, tls=certificate)) as site:
        client = site.client()
        await client.connect()
        await client.starttls(validate_certs=False)
        await client.sendmail("wang@example.org", "support@shop.example", MAIL)
        assert len(site.published.requests) == 1
        await site.source.stop()
        client.close()


async def test_connections_are_bounded() -> None:
    """The one over the limit gets 421 and comes back later."""
    async with listening(replace(SETTINGS, max_connections=1)) as site:
        async with site.client():
            with pytest.raises(aiosmtplib.SMTPException):
                await site.client().connect()
        assert site.counters["smtp.refused.connections"] == 1


async def test_recipients_are_bounded() -> None:
    """452 for the one over the limit: the client sends it in another mail."""
    async with listening(replace(SETTINGS, max_recipients=1)) as site:
        refused, _ = await site.deliver(MAIL, "support@shop.example", "sales@shop.example")
    assert refused["sales@shop.example"].code == 452


async def test_silent_client_is_hung_up() -> None:
    """Nobody holds a connection for longer than the time limit."""
    async with listening(replace(SETTINGS, timeout_seconds=0.05)) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.source.port)
        assert (await reader.readline()).startswith(b"220 ")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await writer.wait_closed()


class SlowPublish(RecordingPublish):
    """Takes its time, until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, items: Sequence[Inbound]) -> None:
        """Wait, then take."""
        self.reached.set()
        await self.go_on.wait()
        await super().__call__(items)


async def test_250_comes_after_the_log() -> None:
    """As long as the log has not confirmed, neither have we; a stop waits for both."""
    publish = SlowPublish()
    async with listening(publish=publish) as site:
        delivering = asyncio.create_task(site.deliver())
        await asyncio.wait_for(publish.reached.wait(), 10)
        assert not delivering.done()
        stopping = asyncio.create_task(site.source.stop())
        await asyncio.sleep(0.05)
        assert not stopping.done()
        publish.go_on.set()
        assert (await asyncio.wait_for(delivering, 10))[0] == {}
        await asyncio.wait_for(stopping, 10)
    assert len(publish.requests) == 1


async def test_client_that_hangs_up_does_not_cut_a_write_in_two() -> None:
    """What was given to the log goes to its end; the client's repetition is a duplicate."""
    publish = SlowPublish()
    async with listening(publish=publish) as site:
        client = site.client()
        await client.connect()
        delivering = asyncio.create_task(
            client.sendmail("a@b.example", "support@shop.example", MAIL)
        )
        await asyncio.wait_for(publish.reached.wait(), 10)
        client.close()
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await delivering
        await asyncio.sleep(0.05)
        publish.go_on.set()
    assert len(publish.requests) == 1
