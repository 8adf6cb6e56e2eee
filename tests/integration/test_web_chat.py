"""The web chat with real WebSockets: identity, confirmation, delivery, limits."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from channels.chat.hub import ChatHub
from channels.chat.sender import ChatSender
from channels.chat.source import ChatSource
from channels.chat.window import ChatInbox
from channels.errors import Unavailable
from channels.http import HttpSettings, HttpSource
from channels.sending import Deferred, Delivery
from router.counters import Counters
from tests.recording import NOON, RecordingPublish, outbound
from tests.waiting import until

pytestmark = pytest.mark.services

ORIGIN = "https://shop.example"
INBOX = ChatInbox(secrets=(b"k" * 32,), origins=(ORIGIN,), max_text_characters=100, max_errors=2)


class Site:
    """The listener under test, and what it published and counted."""

    def __init__(self, inbox: ChatInbox, hub: ChatHub) -> None:
        self.publish = RecordingPublish()
        self.counters = Counters()
        self.hub = hub
        chat = ChatSource(
            {"web": inbox, "other": inbox},
            hub,
            self.publish,
            clock=lambda: NOON,
            count=self.counters.add,
        )
        self.farewells = chat.farewells
        self.source = HttpSource(HttpSettings(port=0, max_frame_bytes=2048), chat.routes())

    def socket(self, *, account: str = "web", origin: str | None = ORIGIN) -> connect:
        """A client's WebSocket, still to be opened."""
        url = f"ws://127.0.0.1:{self.source.port}/chat/{account}"
        return connect(url, origin=origin, proxy=None)  # type: ignore[arg-type]


@asynccontextmanager
async def serving(inbox: ChatInbox = INBOX, hub: ChatHub | None = None) -> AsyncIterator[Site]:
    """A listener that is stopped at the end."""
    site = Site(inbox, hub or ChatHub())
    await site.source.start()
    try:
        yield site
    finally:
        await site.source.stop()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A listener with the usual limits."""
    async with serving() as found:
        yield found


async def say(socket: ClientConnection, **frame: Any) -> None:
    """Send one frame."""
    await socket.send(json.dumps(frame))


async def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    frame: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return frame


async def hello(socket: ClientConnection, **fields: Any) -> dict[str, Any]:
    """Say hello; the welcome."""
    await say(socket, type="hello", **fields)
    return await heard(socket)


async def test_message_is_accepted_once_the_log_has_it(site: Site) -> None:
    """The request carries the visitor that we know, and not one that the client claims."""
    async with site.socket() as socket:
        welcome = await hello(socket, name="王小明")
        await say(
            socket,
            type="message",
            id="1",
            text="我要投诉",
            account="x",
            conversation="y",
            **{"from": "boss"},
        )
        assert await heard(socket) == {"type": "accepted", "id": "1"}
    (request,) = site.publish.requests
    assert request.account == "web"
    assert (request.sender.address, request.sender.name) == (welcome["visitor"], "王小明")
    assert request.text == "我要投诉"
    assert request.attributes == {}
    assert request.received_at == NOON


async def test_two_visitors_may_number_their_messages_alike(site: Site) -> None:
    """Each visitor's `1` is a request of its own."""
    for _ in range(2):
        async with site.socket() as socket:
            await hello(socket)
            await say(socket, type="message", id="1", text="hello")
            await heard(socket)
    assert len({request.id for request in site.publish.requests}) == 2


async def test_repeated_message_has_the_same_id(site: Site) -> None:
    """A visitor who comes back with the token and repeats a message makes no second one."""
    async with site.socket() as socket:
        token = (await hello(socket))["token"]
        await say(socket, type="message", id="1", text="hello")
        await heard(socket)
    async with site.socket() as socket:
        assert (await hello(socket, token=token))["token"] == token
        await say(socket, type="message", id="1", text="hello")
        await heard(socket)
    assert len({request.id for request in site.publish.requests}) == 1


async def test_client_is_asked_to_repeat_while_the_log_is_down(site: Site) -> None:
    """`retry`, and nothing is taken; the repetition is accepted."""
    async with site.socket() as socket:
        await hello(socket)
        site.publish.down = Unavailable("the log is down")
        await say(socket, type="message", id="1", text="hello")
        assert (await heard(socket))["type"] == "retry"
        assert site.publish.items == []
        site.publish.down = None
        await say(socket, type="message", id="1", text="hello")
        assert (await heard(socket))["type"] == "accepted"


@pytest.mark.parametrize("token", ["v-1.aaaa", "", "é.é", 7, "v-1"])
async def test_foreign_token_opens_nothing(site: Site, token: object) -> None:
    """A stranger cannot take somebody's place in a conversation."""
    async with site.socket() as socket:
        await say(socket, type="hello", token=token)
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    assert site.counters["chat.refused.protocol"] == 1


async def test_token_is_good_for_its_account_only(site: Site) -> None:
    """The visitor of one account is nobody on another."""
    async with site.socket() as socket:
        token = (await hello(socket))["token"]
    async with site.socket(account="other") as socket:
        await say(socket, type="hello", token=token)
        with pytest.raises(ConnectionClosed):
            await heard(socket)


@pytest.mark.parametrize(
    ("account", "origin", "counted"),
    [
        ("web", "https://evil.example", "chat.refused.origin"),
        ("web", None, "chat.refused.origin"),
        ("nobody", ORIGIN, "chat.refused.account"),
    ],
)
async def test_foreign_page_is_refused(
    site: Site, account: str, origin: str | None, counted: str
) -> None:
    """A page that is not the account's gets 403 before a word is said."""
    with pytest.raises(InvalidStatus) as refused:
        await site.socket(account=account, origin=origin)
    assert refused.value.response.status_code == 403
    assert site.counters[counted] == 1


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "[]",
        '{"type": "message", "text": "no id"}',
        '{"type": "message", "id": "1"}',
        '{"type": "dance", "id": "1"}',
        json.dumps({"type": "message", "id": "1", "text": "x" * 101}),
        json.dumps({"type": "message", "id": "x" * 201, "text": "x"}),
        b"\x00\x01",
    ],
)
async def test_wrong_frame_is_answered_with_its_mistake(site: Site, frame: str | bytes) -> None:
    """The conversation goes on; after too many of them it ends."""
    async with site.socket() as socket:
        await hello(socket)
        for _ in range(INBOX.max_errors):
            await socket.send(frame)
            assert (await heard(socket))["type"] == "error"
        await socket.send(frame)
        with pytest.raises(ConnectionClosed):
            await heard(socket)
    assert site.publish.items == []


async def test_frame_over_the_limit_ends_the_connection(site: Site) -> None:
    """1009, message too big (RFC 6455)."""
    async with site.socket() as socket:
        await hello(socket)
        await say(socket, type="message", id="1", text="x" * 4096)
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_silent_client_is_not_waited_for() -> None:
    """Who says no hello in time is closed."""
    async with serving(replace(INBOX, hello_seconds=0.05)) as site, site.socket() as socket:
        with pytest.raises(ConnectionClosed):
            await heard(socket)


async def test_connections_are_bounded() -> None:
    """One more than the limit is refused; so is one window too many of a visitor."""
    async with serving(hub=ChatHub(max_connections=2, max_per_visitor=1)) as site:
        async with site.socket() as socket:
            token = (await hello(socket))["token"]
            async with site.socket() as second:
                await say(second, type="hello", token=token)
                with pytest.raises(ConnectionClosed):
                    await heard(second)
            async with site.socket() as second:
                await hello(second)
                with pytest.raises(InvalidStatus):
                    await site.socket()
        assert site.counters["chat.refused.connections"] == 1


async def test_reply_is_delivered_when_the_client_confirms(site: Site) -> None:
    """The sender writes to the open window, and waits for `received`."""
    sender = ChatSender(site.hub, clock=lambda: datetime.now(UTC))
    async with site.socket() as socket:
        visitor = (await hello(socket))["visitor"]
        message = outbound(channel="chat", account="web", to=visitor)
        sending = asyncio.create_task(sender.send(message))
        frame = await heard(socket)
        assert (frame["type"], frame["kind"], frame["text"]) == ("message", "reply", message.text)
        await say(socket, type="received", id=frame["id"])
        assert await sending == Delivery("delivered")


async def test_unconfirmed_reply_is_deferred(site: Site) -> None:
    """A window that shows nothing does not count as delivery."""
    sender = ChatSender(site.hub, clock=lambda: datetime.now(UTC), confirm_seconds=0.05)
    async with site.socket() as socket:
        visitor = (await hello(socket))["visitor"]
        with pytest.raises(Deferred):
            await sender.send(outbound(channel="chat", account="web", to=visitor))


async def test_reply_waits_for_a_visitor_who_is_away(site: Site) -> None:
    """It is ready to be sent when the visitor comes back with the token."""
    sender = ChatSender(site.hub, clock=lambda: datetime.now(UTC))
    async with site.socket() as socket:
        welcome = await hello(socket)
    message = outbound(channel="chat", account="web", to=welcome["visitor"])
    ready = asyncio.create_task(sender.ready(message))
    async with site.socket() as socket:
        await hello(socket, token=welcome["token"])
        await asyncio.wait_for(ready, 10)


async def test_reply_to_a_visitor_who_stays_away_fails(site: Site) -> None:
    """After the hold it is reported, and not kept for ever."""
    sender = ChatSender(site.hub, clock=lambda: NOON, hold=timedelta(hours=1))
    message = outbound(channel="chat", account="web", to="v-gone", created_at=NOON)
    late = replace(message, created_at=NOON - timedelta(hours=1))
    with pytest.raises(Deferred):
        await sender.send(message)
    await sender.ready(late)
    delivery = await sender.send(late)
    assert (delivery.outcome, delivery.permanent) == ("failed", True)
    assert "come back" in (delivery.reason or "")


async def test_who_closes_the_last_window_has_left() -> None:
    """Not with another one open; and who has written nothing is not missed."""
    async with serving(replace(INBOX, left_after_seconds=0.05)) as site:
        running = asyncio.create_task(site.farewells.run())
        async with site.socket() as first:
            welcome = await hello(first)
            async with site.socket() as second:
                await hello(second, token=welcome["token"])
                await say(second, type="message", id="1", text="hello")
                await heard(second)
            async with site.socket() as stranger:
                await hello(stranger)
            await asyncio.sleep(1.2)
            assert [request.kind for request in site.publish.requests] == ["message"]
        await until(lambda: len(site.publish.requests) > 1)
        running.cancel()
        left = site.publish.requests[1]
        assert (left.kind, left.sender.address) == ("left", welcome["visitor"])
