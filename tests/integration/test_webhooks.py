"""The HTTP listener with real sockets: Twilio's form, the generic webhook, health."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
import structlog

from channels.chat.signature import sign as sign_generic
from channels.chat.webhook import GenericWebhook, WebhookInbox
from channels.chat.window import ChatInbox
from channels.errors import Malformed, Unavailable
from channels.http import HttpSettings, HttpSource
from channels.sms.signature import sign
from channels.sms.source import SmsInbox, TwilioWebhook
from router.counters import Counters
from tests.recording import NOON, RecordingPublish

pytestmark = pytest.mark.services

TOKEN = "twilio-auth-token-32-characters-"
SECRET = b"s" * 32
FORM = {
    "MessageSid": "SM0123456789abcdef0123456789abcdef",
    "From": "+8613800138000",
    "To": "+14155550100",
    "Body": "我要投诉：空调坏了",
}
SETTINGS = HttpSettings(port=0, public_url="https://hooks.shop.example", max_body_bytes=4096)


class Site:
    """The listener under test, and what it published and counted."""

    def __init__(self, settings: HttpSettings) -> None:
        self.publish = RecordingPublish()
        self.counters = Counters()
        twilio = TwilioWebhook(
            {"shop": SmsInbox(tokens=("old-" + TOKEN, TOKEN), region="CN")},
            settings,
            self.publish,
            clock=lambda: NOON,
            count=self.counters.add,
        )
        generic = GenericWebhook(
            {"app": WebhookInbox(secrets=(SECRET,))},
            settings,
            self.publish,
            clock=lambda: NOON,
            count=self.counters.add,
        )
        self.source = HttpSource(settings, [*twilio.routes(), *generic.routes()])
        self.client = httpx.AsyncClient(trust_env=False)

    def url(self, path: str) -> str:
        """The path at the listener."""
        return f"http://127.0.0.1:{self.source.port}{path}"

    async def twilio(
        self,
        form: dict[str, str] = FORM,
        *,
        url: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Post a form as Twilio does, signed for `url`."""
        signed = url or "https://hooks.shop.example/webhooks/twilio/shop"
        return await self.client.post(
            self.url("/webhooks/twilio/shop"),
            content=urlencode(form),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": sign(TOKEN, signed, form.items()),
                **(headers or {}),
            },
        )

    async def generic(self, body: bytes, signature: str | None = None) -> httpx.Response:
        """Post a body to the generic webhook."""
        signature = sign_generic(SECRET, NOON, body) if signature is None else signature
        return await self.client.post(
            self.url("/webhooks/generic/app"),
            content=body,
            headers={"Switchboard-Signature": signature} if signature else {},
        )


@asynccontextmanager
async def serving(settings: HttpSettings = SETTINGS) -> AsyncIterator[Site]:
    """A listener that is stopped at the end."""
    site = Site(settings)
    await site.source.start()
    try:
        yield site
    finally:
        await site.client.aclose()
        await site.source.stop()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A listener that knows its public URL."""
    async with serving() as found:
        yield found


async def test_signed_form_becomes_a_request(site: Site) -> None:
    """A form signed over the public URL is published, and answered with empty TwiML."""
    response = await site.twilio()
    assert response.status_code == 200
    assert response.text.endswith("<Response/>")
    (request,) = site.publish.requests
    assert (request.channel, request.account) == ("sms", "shop")
    assert (request.sender.address, request.text) == ("+8613800138000", "我要投诉：空调坏了")
    assert request.received_at == NOON


@pytest.mark.parametrize("signature", ["", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "x" * 5000])
async def test_unsigned_or_forged_form_is_refused_without_a_trace_of_its_content(
    site: Site, signature: str
) -> None:
    """It gets 403, is counted, and is logged without what stands in it; nothing is published."""
    with structlog.testing.capture_logs() as logs:
        response = await site.twilio(headers={"X-Twilio-Signature": signature})
    assert response.status_code == 403
    assert site.counters["sms.refused.signature"] == 1
    assert site.publish.items == []
    (entry,) = logs
    assert entry["event"] == "webhook_refused"
    assert entry["account"] == "shop"
    told = f"{entry} {response.text}"
    assert not any(value in told for value in FORM.values())


async def test_form_signed_for_another_account_is_refused(site: Site) -> None:
    """A signature covers the path: one account's message cannot be posted to another."""
    response = await site.twilio(url="https://hooks.shop.example/webhooks/twilio/other")
    assert response.status_code == 403


async def test_nothing_is_taken_while_the_log_is_down(site: Site) -> None:
    """503 with Retry-After says so; the same form is taken when the log is back."""
    site.publish.down = Unavailable("the log is down")
    response = await site.twilio()
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    site.publish.down = None
    assert (await site.twilio()).status_code == 200
    assert len(site.publish.requests) == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_over_the_limit_is_refused(site: Site, *, chunked: bool) -> None:
    """413, also when the length was not announced."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 1024

    content: object = pieces() if chunked else b"x" * 5120
    response = await site.client.post(
        site.url("/webhooks/twilio/shop"),
        content=content,  # type: ignore[arg-type]
    )
    assert response.status_code == 413
    assert site.counters["sms.refused.body"] == 1


async def test_client_that_goes_away_leaves_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a form is not published, and is no error of ours."""
    _, writer = await asyncio.open_connection("127.0.0.1", site.source.port)
    writer.write(
        b"POST /webhooks/twilio/shop HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nBody="
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(10):
        while not site.counters["sms.refused.body"]:  # noqa: ASYNC110 - it happens in the server
            await asyncio.sleep(0.01)
    assert site.publish.items == []
    assert [entry for entry in caplog.records if entry.levelname == "ERROR"] == []


async def test_unknown_account_is_not_found(site: Site) -> None:
    """404, and it is counted."""
    response = await site.client.post(site.url("/webhooks/twilio/nobody"), content=b"")
    assert response.status_code == 404
    assert site.counters["sms.refused.account"] == 1


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 403)])
async def test_forwarded_address_is_believed_from_trusted_proxies_only(
    trusted: str, status: int
) -> None:
    """Without a public URL of ours, the proxy's word counts if it is ours."""
    settings = replace(SETTINGS, public_url=None, trusted_proxies=(ipaddress.ip_network(trusted),))
    async with serving(settings) as site:
        response = await site.twilio(
            url="https://public.example/webhooks/twilio/shop",
            headers={
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "evil.example, public.example",
            },
        )
    assert response.status_code == status


async def test_array_is_taken_item_by_item(site: Site) -> None:
    """What cannot be read is kept as unreadable and named to the poster."""
    body = '[{"id": "1", "from": "wang", "text": "你好"}, {"id": "2", "from": "wang"}]'.encode()
    response = await site.generic(body)
    assert response.status_code == 202
    assert response.json()["accepted"] == 1
    assert [item["index"] for item in response.json()["unreadable"]] == [1]
    assert [request.text for request in site.publish.requests] == ["你好"]
    (unreadable,) = site.publish.unreadable
    assert unreadable.origin == "chat/app"
    assert b'"id": "2"' in unreadable.raw


@pytest.mark.parametrize("body", [b"", b"{", b"[1,", b"\xff\xfe{", b"[" * 5000])
async def test_signed_body_that_is_not_json_is_the_posters_mistake(site: Site, body: bytes) -> None:
    """400 (or 413) with a sentence; nothing is taken, for the poster still has it."""
    response = await site.generic(body)
    assert response.status_code in {400, 413}
    assert response.json()["error"]
    assert site.publish.items == []


@pytest.mark.parametrize(
    ("late", "status"),
    [(timedelta(minutes=-4), 202), (timedelta(minutes=-6), 403), (timedelta(minutes=6), 403)],
)
async def test_signature_is_good_for_five_minutes(site: Site, late: timedelta, status: int) -> None:
    """An old request cannot be played again, nor one be signed for later."""
    body = b'{"id": "1", "from": "wang", "text": "hello"}'
    response = await site.generic(body, sign_generic(SECRET, NOON + late, body))
    assert response.status_code == status


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1",
        "v1=00",
        "t=x,v1=00",
        "t=1,t=2,v1=00",
        "t=1772452800,v1=00",
        "nonsense",
    ],
)
async def test_unsigned_generic_body_is_refused(site: Site, signature: str) -> None:
    """403, counted, and the log has none of its content."""
    with structlog.testing.capture_logs() as logs:
        response = await site.generic(b'{"id": "1", "from": "wang", "text": "geheim"}', signature)
    assert response.status_code == 403
    assert site.counters["chat.refused.signature"] == 1
    assert "geheim" not in str(logs)
    assert site.publish.items == []


@pytest.mark.parametrize("secrets", [(), (b"",), (b"s" * 32, b"short")])
def test_weak_secret_is_refused_at_the_start(secrets: tuple[bytes, ...]) -> None:
    """An empty secret would sign for everybody."""
    with pytest.raises(Malformed, match="secret"):
        WebhookInbox(secrets=secrets)
    with pytest.raises(Malformed, match="secret"):
        ChatInbox(secrets=secrets, origins=())
    with pytest.raises(Malformed, match="secret"):
        SmsInbox(tokens=tuple(map(bytes.decode, secrets)))


async def test_health(site: Site) -> None:
    """`/healthz` answers while the listener does."""
    response = await site.client.get(site.url("/healthz"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_taken_port_is_unavailable(site: Site) -> None:
    """A port that another program has is named in a sentence."""
    second = HttpSource(replace(SETTINGS, port=site.source.port), [])
    with pytest.raises(Unavailable, match=f"127.0.0.1:{site.source.port}"):
        await second.start()
