"""Outgoing SMS: a form to the provider's URL, in the shape of Twilio's "Create a Message"."""

from dataclasses import dataclass, field

import httpx

from channels.errors import Unavailable
from channels.outbound import OutboundMessage
from channels.sending import Delivery, Unconfirmed

# 401 and 403 are about our password and not about the message: the operator puts it right.
_LATER = frozenset({401, 403, 408, 425, 429})
# A gateway's answers: what stands behind it may have taken the message.
_FROM_BETWEEN = frozenset({502, 504})
_MAX_REASON_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class SmsAccount:
    """How one account sends: `url` gets `From`, `To` and `Body`; `username` is the account SID."""

    url: str
    number: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30


class SmsSender:
    """Posts one form a message. `Idempotency-Key` is its id, for providers that heed it."""

    def __init__(self, account: SmsAccount, client: httpx.AsyncClient) -> None:
        self._account = account
        self._client = client

    async def ready(self, message: OutboundMessage) -> None:
        """A provider is always there to be asked."""

    async def send(self, message: OutboundMessage) -> Delivery:
        """Hand the message to the provider. 4xx is for good, 5xx and silence are not."""
        account = self._account
        try:
            response = await self._client.post(
                account.url,
                data={"From": account.number, "To": message.to, "Body": message.text},
                headers={"Idempotency-Key": message.id},
                auth=httpx.BasicAuth(account.username, account.password or "")
                if account.username
                else httpx.USE_CLIENT_DEFAULT,
                timeout=account.timeout_seconds,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"{account.url}: {error}") from error
        except httpx.TransportError as error:
            raise Unconfirmed(f"{account.url}: {type(error).__name__} {error}") from error
        return self._judge(response)

    def _judge(self, response: httpx.Response) -> Delivery:
        if response.is_success:
            return Delivery("sent", reason=str(response.status_code))
        words = f"{response.status_code} {_words(response)}".strip()
        if response.status_code in _FROM_BETWEEN:
            raise Unconfirmed(f"{self._account.url}: {words}")
        if response.is_server_error or response.status_code in _LATER:
            raise Unavailable(f"{self._account.url}: {words}")
        return Delivery("failed", permanent=True, reason=words)


def _words(response: httpx.Response) -> str:
    """What the provider says: `message` of Twilio's JSON error, or the body's beginning."""
    try:
        found = response.json()
    except ValueError:
        found = None
    said = found.get("message") if isinstance(found, dict) else None
    return str(said or response.text)[:_MAX_REASON_CHARACTERS]
