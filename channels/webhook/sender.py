"""Outgoing webhooks: a message as a CloudEvent (JSON), posted to its URL with its signature."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx
import msgspec

from channels.errors import Malformed, Unavailable
from channels.inbox import Clock
from channels.outbound import OutboundMessage
from channels.sending import Delivery, Later, Unconfirmed
from channels.webhook.signature import key_of, signed

# About this message and no other: to repeat it changes nothing.
_FOR_GOOD = frozenset({400, 405, 410, 411, 413, 414, 415, 422})
# A gateway's answers: what stands behind it may have taken the message.
_FROM_BETWEEN = frozenset({502, 504})
_LONGEST_WAIT_SECONDS = 3600.0
_MAX_REASON_OCTETS = 300

Secret = Callable[[str], str]
"""The secret that a name stands for. Raises `Malformed` when there is none."""


class WebhookSender:
    """Posts to whatever URL a message names. `source` says in the events whose they are.

    Redirects are not followed: what is signed for one receiver is not for another.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        secret: Secret,
        *,
        clock: Clock,
        source: str = "switchboard",
        timeout_seconds: float = 20,
    ) -> None:
        self._client = client
        self._secret = secret
        self._clock = clock
        self._source = source
        self._timeout_seconds = timeout_seconds

    async def ready(self, message: OutboundMessage) -> None:
        """A program is always there to be asked."""

    async def send(self, message: OutboundMessage) -> Delivery:
        """Post the event. 2xx is delivered, 410 and what is about the message itself for good."""
        body = cloud_event(message, self._source)
        try:
            keys = self._keys(message.attributes.get("secrets", ()))
        except Malformed as error:
            # It is about our settings: the operator puts it right.
            raise Unavailable(f"{message.account}: {error}") from error
        headers = signed(keys, message.id, self._clock(), body)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(message.account, body, headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"{message.account}: {_said(error)}") from error
        except (httpx.TransportError, TimeoutError) as error:
            raise Unconfirmed(f"{message.account}: {_said(error)}") from error

    def _keys(self, names: Sequence[str]) -> list[bytes]:
        if not names:
            raise Malformed("no secret signs what is posted there")
        return [key_of(self._secret(name)) for name in names]

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Delivery:
        headers = headers | {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "accept-encoding": "identity",
        }
        request = self._client.stream(
            "POST", url, content=body, headers=headers, timeout=self._timeout_seconds,
            follow_redirects=False,
        )  # fmt: skip
        async with request as response:
            return await self._judge(url, response)

    async def _judge(self, url: str, response: httpx.Response) -> Delivery:
        if response.is_success:
            return Delivery("delivered", reason=str(response.status_code))
        words = f"{response.status_code} {await _beginning(response)}".strip()
        if response.is_redirect:
            where = response.headers.get("location", "")[:_MAX_REASON_OCTETS]
            reason = f"{response.status_code} to {where}: redirects are not followed"
            return Delivery("failed", permanent=True, reason=reason)
        if response.status_code in _FOR_GOOD:
            return Delivery("failed", permanent=True, reason=words)
        if response.status_code in _FROM_BETWEEN:
            raise Unconfirmed(f"{url}: {words}")
        raise Later(f"{url}: {words}", seconds=self._asked_for(response))

    def _asked_for(self, response: httpx.Response) -> float:
        """How long the receiver wants to be left alone: Retry-After, seconds or a date."""
        said = response.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdigit():
            seconds = float(said[:9])
        else:
            try:
                until = parsedate_to_datetime(said)
            except ValueError:
                return 0.0
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
            seconds = (until - self._clock()).total_seconds()
        return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)


def cloud_event(message: OutboundMessage, source: str) -> bytes:
    """A message as CloudEvents 1.0 in JSON: the same octets at each try."""
    data = message.attributes.get("data", {})
    event = {
        "specversion": "1.0",
        "id": message.id,
        "source": source,
        "type": message.attributes.get("type", "message"),
        "time": message.created_at,
        "datacontenttype": "application/json",
        "data": {**data, "subject": message.subject, "text": message.text},
    }
    if message.ticket is not None:
        event["subject"] = message.ticket
    return msgspec.json.encode(event)


async def _beginning(response: httpx.Response) -> str:
    """What the receiver says, as much as a reason holds."""
    found = b""
    async for part in response.aiter_raw():
        found += part[:_MAX_REASON_OCTETS]
        if len(found) >= _MAX_REASON_OCTETS:
            break
    return " ".join(found[:_MAX_REASON_OCTETS].decode(errors="replace").split())


def _said(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
