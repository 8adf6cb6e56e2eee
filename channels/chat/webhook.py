"""The generic signed webhook: any program posts chat messages, one or several at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.chat.parse import parse
from channels.chat.signature import HEADER, problem
from channels.errors import Malformed, Refused, Unavailable
from channels.http import HttpSettings, TooLong, body_of, peer_of, refusal, try_later
from channels.inbox import Clock, Count, Inbound, Publish, check_secrets, read
from channels.parsed import Unreadable

MAX_ITEMS = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class WebhookInbox:
    """One account: its secrets (several while one is replaced), and those of our proofs."""

    secrets: tuple[bytes, ...] = field(repr=False)
    proofs: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        check_secrets(self.secrets)


class GenericWebhook:
    """`POST /webhooks/generic/{account}`: a JSON object, or an array of them."""

    def __init__(
        self,
        accounts: Mapping[str, WebhookInbox],
        settings: HttpSettings,
        publish: Publish,
        *,
        clock: Clock,
        count: Count,
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._publish = publish
        self._clock = clock
        self._count = count

    def routes(self) -> list[Route]:
        """What the HTTP listener serves."""
        return [Route("/webhooks/generic/{account}", self._receive, methods=["POST"])]

    async def _receive(self, request: Request) -> Response:
        account = request.path_params["account"]
        inbox = self._accounts.get(account)
        if inbox is None:
            self._count("chat.refused.account")
            return refusal(404, "no such account")
        try:
            body = await body_of(request, self._settings)
        except Refused as error:
            self._count("chat.refused.body")
            return refusal(413 if isinstance(error, TooLong) else 408, str(error))
        forged = problem(request.headers.get(HEADER), body, inbox.secrets, self._clock())
        if forged is not None:
            self._count("chat.refused.signature")
            _log.warning("webhook_refused", account=account, peer=peer_of(request), reason=forged)
            return refusal(403, forged)
        try:
            return await self._take(account, inbox, items_of(body))
        except Malformed as error:
            self._count("chat.refused.body")
            return refusal(400, str(error))
        except Unavailable as error:
            self._count("chat.deferred")
            _log.warning("webhook_deferred", account=account, reason=str(error))
            return try_later("nothing of this was taken now")

    async def _take(self, account: str, inbox: WebhookInbox, items: list[bytes]) -> Response:
        received_at = self._clock()
        found: list[Inbound] = []
        for raw in items:
            parser = partial(
                parse, raw, account=account, received_at=received_at, secrets=inbox.proofs
            )
            found.append(read(parser, raw, f"chat/{account}"))
        await self._publish(found)
        self._count("chat.accepted")
        # They are kept as dead letters; the poster is told, for it can put its program right.
        unreadable = [
            {"index": index, "where": item.where, "problem": item.problem}
            for index, item in enumerate(found)
            if isinstance(item, Unreadable)
        ]
        answer = {"accepted": len(found) - len(unreadable), "unreadable": unreadable}
        return JSONResponse(answer, status_code=202)


def items_of(body: bytes) -> list[bytes]:
    """The documents of a body, each with its own bytes. Raises `Malformed`."""
    try:
        if not body.lstrip().startswith(b"["):
            msgspec.json.decode(body)
            return [body]
        items = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"expected a JSON object, or an array of them: {error}") from error
    if len(items) > MAX_ITEMS:
        raise Malformed(f"{len(items)} messages at once; {MAX_ITEMS} are taken")
    return [bytes(item) for item in items]
