"""The SMS sender against a real HTTP server: what is posted, and what each answer means."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.errors import Unavailable
from channels.http import HttpSettings, HttpSource
from channels.sending import Delivery, Unconfirmed
from channels.sms.sender import SmsAccount, SmsSender
from tests.recording import outbound

pytestmark = pytest.mark.services


class Provider:
    """Keeps what is posted, and answers what a test wants."""

    def __init__(self) -> None:
        self.posts: list[tuple[Request, dict[str, list[str]]]] = []
        self.answer: Response = JSONResponse({"sid": "SM1"}, status_code=201)

    async def __call__(self, request: Request) -> Response:
        """Take a form."""
        self.posts.append((request, parse_qs((await request.body()).decode())))
        return self.answer


@pytest.fixture
def provider() -> Provider:
    """What the server keeps and answers."""
    return Provider()


@pytest.fixture
async def sender(provider: Provider) -> AsyncIterator[SmsSender]:
    """A sender that posts to the provider."""
    source = HttpSource(
        HttpSettings(port=0), [Route("/Messages.json", provider.__call__, methods=["POST"])]
    )
    await source.start()
    account = SmsAccount(
        url=f"http://127.0.0.1:{source.port}/Messages.json",
        number="+14155550100",
        username="AC1",
        password="token",
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        yield SmsSender(account, client)
    await source.stop()


SMS = outbound(channel="sms", account="shop", to="+8613800138000")


async def test_form_has_twilios_shape(sender: SmsSender, provider: Provider) -> None:
    """From, To, Body, the password, and the message's id against doubles."""
    assert (await sender.send(SMS)).outcome == "sent"
    ((request, form),) = provider.posts
    assert form == {"From": ["+14155550100"], "To": [SMS.to], "Body": [SMS.text]}
    assert request.headers["idempotency-key"] == SMS.id
    assert request.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("status", [400, 404, 302])
async def test_refusal_for_good(sender: SmsSender, provider: Provider, status: int) -> None:
    """Permanent, in the provider's own words."""
    provider.answer = JSONResponse({"message": "not a mobile number"}, status_code=status)
    wanted = Delivery("failed", permanent=True, reason=f"{status} not a mobile number")
    assert await sender.send(SMS) == wanted


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_refusal_for_now(sender: SmsSender, provider: Provider, status: int) -> None:
    """Tried again: it is about the provider, or about our password, and not about the message."""
    provider.answer = Response("<html>sorry", status_code=status)
    with pytest.raises(Unavailable, match=str(status)) as raised:
        await sender.send(SMS)
    assert not isinstance(raised.value, Unconfirmed)


@pytest.mark.parametrize("status", [502, 504])
async def test_gateway_in_between_confirms_nothing(
    sender: SmsSender, provider: Provider, status: int
) -> None:
    """What stands behind it may have taken the message."""
    provider.answer = Response(status_code=status)
    with pytest.raises(Unconfirmed):
        await sender.send(SMS)


async def test_silent_provider_is_unavailable(unused_tcp_port: int) -> None:
    """Nobody listens: surely not taken."""
    account = SmsAccount(url=f"http://127.0.0.1:{unused_tcp_port}/", number="+14155550100")
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(Unavailable) as raised:
            await SmsSender(account, client).send(SMS)
    assert not isinstance(raised.value, Unconfirmed)
