"""The webhook sender against a real HTTP server: what is posted, and what each answer means."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from starlette.responses import Response

from channels.errors import Malformed, Unavailable
from channels.outbound import OutboundMessage
from channels.sending import Delivery, Later, Unconfirmed
from channels.webhook.sender import WebhookSender
from channels.webhook.signature import key_of, signed
from tests.integration.receiver import SECRET, Receiver, listening
from tests.recording import outbound

pytestmark = pytest.mark.services

OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cy0wMDE="
SECRETS = {"env:ONE": SECRET, "env:OTHER": OTHER, "env:WEAK": "whsec_c2hvcnQ="}


def secret(name: str) -> str:
    """The secret of a name, as the settings have it."""
    if name not in SECRETS:
        raise Malformed(f"the environment has no {name}")
    return SECRETS[name]


def notice(url: str, number: int = 1, **attributes: Any) -> OutboundMessage:
    """A notice to a program."""
    known: dict[str, Any] = {
        "contact": "bot", "secrets": ["env:ONE"], "type": "sla.notice",
        "data": {"contact": "bot", "alarms": [{"ticket": "t-1", "level": 1}]},
    }  # fmt: skip
    return outbound(
        number, kind="notice", channel="webhook", account=url, to="bot", subject="升级",
        text="首次响应超时", conversation=None, attributes=known | attributes,
    )  # fmt: skip


@pytest.fixture
def receiver() -> Receiver:
    """Who is told."""
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    """Where the receiver listens."""
    async with listening(receiver) as found:
        yield found


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    """A sender that knows two secrets."""
    async with httpx.AsyncClient(trust_env=False) as client:
        yield WebhookSender(
            client, secret, clock=lambda: datetime.now(UTC), source="switchboard/test",
            timeout_seconds=5,
        )  # fmt: skip


async def test_event_arrives_signed(sender: WebhookSender, receiver: Receiver, url: str) -> None:
    """A CloudEvent in JSON that the standard's own library believes."""
    message = notice(url)
    assert await sender.send(message) == Delivery("delivered", reason="204")
    (event,) = receiver.events
    assert event == {
        "specversion": "1.0",
        "id": "m-1",
        "source": "switchboard/test",
        "type": "sla.notice",
        "subject": "t-1",
        "time": message.created_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "contact": "bot",
            "alarms": [{"ticket": "t-1", "level": 1}],
            "subject": "升级",
            "text": "首次响应超时",
        },
    }
    (post,) = receiver.posts
    assert post.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert post.headers["webhook-id"] == event["id"]


async def test_both_secrets_sign_while_one_is_replaced(
    sender: WebhookSender, receiver: Receiver, url: str
) -> None:
    """A receiver that knows either of them believes it."""
    await sender.send(notice(url, secrets=["env:OTHER", "env:ONE"]))
    (post,) = receiver.posts
    assert len(receiver.events) == 1
    assert len(post.headers["webhook-signature"].split()) == 2
    assert Webhook(OTHER).verify(receiver.bodies[0], dict(post.headers))


async def test_each_try_is_signed_anew_under_the_same_id(
    sender: WebhookSender, receiver: Receiver, url: str
) -> None:
    """The timestamp is the try's, body and id are the notice's."""
    receiver.answers = [Response(status_code=500)]
    with pytest.raises(Unavailable):
        await sender.send(notice(url))
    await asyncio.sleep(1.1)
    message = notice(url)
    await sender.send(message)
    one, other = receiver.posts
    assert one.headers["webhook-id"] == other.headers["webhook-id"]
    assert one.headers["webhook-timestamp"] < other.headers["webhook-timestamp"]


@pytest.mark.parametrize("status", [400, 405, 410, 413, 415, 422])
async def test_refusal_for_good(
    sender: WebhookSender, receiver: Receiver, url: str, status: int
) -> None:
    """Gone, or no such message: not repeated, in the receiver's own words."""
    receiver.answers = [Response("no more,\nplease", status_code=status)]
    wanted = Delivery("failed", permanent=True, reason=f"{status} no more, please")
    assert await sender.send(notice(url)) == wanted


@pytest.mark.parametrize("status", [401, 403, 404, 408, 425, 429, 500, 503])
async def test_refusal_for_now(
    sender: WebhookSender, receiver: Receiver, url: str, status: int
) -> None:
    """Tried again: the receiver is down, busy, or does not know our secret yet."""
    receiver.answers = [Response("later", status_code=status)]
    with pytest.raises(Later, match=f"{status} later") as raised:
        await sender.send(notice(url))
    assert raised.value.seconds == 0


@pytest.mark.parametrize("status", [502, 504])
async def test_gateway_in_between_confirms_nothing(
    sender: WebhookSender, receiver: Receiver, url: str, status: int
) -> None:
    """What stands behind it may have taken the event."""
    receiver.answers = [Response(status_code=status)]
    with pytest.raises(Unconfirmed):
        await sender.send(notice(url))


@pytest.mark.parametrize(
    ("said", "bounds"),
    [
        ("7", (7, 7)),
        ("0", (0, 0)),
        ("99999999999999999999", (3600, 3600)),
        (format_datetime(datetime.now(UTC) + timedelta(minutes=20), usegmt=True), (900, 1200)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
        ("-5", (0, 0)),
        ("soon", (0, 0)),
    ],
    ids=["seconds", "at-once", "too-long", "in-20-minutes", "past", "negative", "no-instant"],
)
async def test_receiver_says_when_to_try_again(
    sender: WebhookSender, receiver: Receiver, url: str, said: str, bounds: tuple[float, float]
) -> None:
    """Retry-After in seconds or as a date, of an hour at most; nonsense says nothing."""
    receiver.answers = [Response(status_code=429, headers={"retry-after": said})]
    with pytest.raises(Later) as raised:
        await sender.send(notice(url))
    assert bounds[0] <= raised.value.seconds <= bounds[1]


async def test_redirect_is_not_followed(
    sender: WebhookSender, receiver: Receiver, url: str
) -> None:
    """What is signed for one receiver is not for another; the operator is told where it leads."""
    receiver.answers = [Response(status_code=307, headers={"location": f"{url}?elsewhere"})]
    delivery = await sender.send(notice(url))
    assert (delivery.outcome, delivery.permanent) == ("failed", True)
    assert delivery.reason == f"307 to {url}?elsewhere: redirects are not followed"
    assert len(receiver.posts) == 1


async def test_long_answer_is_not_read(sender: WebhookSender, receiver: Receiver, url: str) -> None:
    """A reason has its bounds, and so has what is kept of an answer."""
    receiver.answers = [Response("x" * 5_000_000, status_code=400)]
    delivery = await sender.send(notice(url))
    assert delivery.reason == "400 " + "x" * 300


async def test_silent_receiver_is_unavailable(sender: WebhookSender, unused_tcp_port: int) -> None:
    """Nobody listens: surely not taken."""
    with pytest.raises(Unavailable) as raised:
        await sender.send(notice(f"http://127.0.0.1:{unused_tcp_port}/"))
    assert not isinstance(raised.value, Unconfirmed)


async def test_receiver_that_does_not_answer_in_time_confirms_nothing(
    receiver: Receiver, url: str
) -> None:
    """However slowly it goes on: the whole of a try has its time."""
    receiver.delay = lambda: 3.0
    async with httpx.AsyncClient(trust_env=False) as client:
        hasty = WebhookSender(client, secret, clock=lambda: datetime.now(UTC), timeout_seconds=0.2)
        with pytest.raises(Unconfirmed):
            await hasty.send(notice(url))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["env:NONE"], "the environment has no env:NONE"),
        (["env:WEAK"], "24 to 64 random octets"),
        ([], "no secret"),
    ],
)
async def test_without_a_secret_nothing_is_posted(
    sender: WebhookSender, receiver: Receiver, url: str, names: list[str], problem: str
) -> None:
    """It waits until the operator has put it right."""
    with pytest.raises(Unavailable, match=problem):
        await sender.send(notice(url, secrets=names))
    assert receiver.posts == []


@pytest.mark.parametrize(
    "written",
    ["", "whsec_", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "whsec_!!!", "whsec_" + "QUFB" * 30],
)
def test_what_is_no_secret(written: str) -> None:
    """The prefix, base64, 24 to 64 octets; the error does not show it."""
    with pytest.raises(Malformed) as raised:
        key_of(written)
    assert not written.removeprefix("whsec_") or written not in str(raised.value)


def test_signature_of_the_standards_example() -> None:
    """Our own signature is the one of the standard's library, to the letter."""
    at, body = datetime(2026, 3, 2, 12, 0, tzinfo=UTC), '{"text":"升级"}'
    theirs = Webhook(SECRET).sign("msg_1", at, body)
    headers = signed([key_of(SECRET)], "msg_1", at, body.encode())
    assert headers["webhook-signature"] == theirs
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
