"""The Twilio-style webhook: a signed form is a message, and is answered once the log has it.

Twilio's "Messaging webhooks" and "Security": the signature is over the public URL and the form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.errors import Refused, Unavailable
from channels.http import HttpSettings, TooLong, body_of, peer_of, public_url, refusal, try_later
from channels.inbox import Clock, Count, Publish, check_secrets, read
from channels.sms.parse import form, parse
from channels.sms.signature import verify_form

_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class SmsInbox:
    """One account: its auth tokens (several while one is replaced), and its numbers' country."""

    tokens: tuple[str, ...] = field(repr=False)
    region: str | None = None

    def __post_init__(self) -> None:
        check_secrets([token.encode() for token in self.tokens])


class TwilioWebhook:
    """`POST /webhooks/twilio/{account}`."""

    def __init__(
        self,
        accounts: Mapping[str, SmsInbox],
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
        return [Route("/webhooks/twilio/{account}", self._receive, methods=["POST"])]

    async def _receive(self, request: Request) -> Response:
        account = request.path_params["account"]
        inbox = self._accounts.get(account)
        if inbox is None:
            self._count("sms.refused.account")
            return refusal(404, "no such account")
        received_at = self._clock()
        try:
            body = await body_of(request, self._settings)
        except Refused as error:
            self._count("sms.refused.body")
            return refusal(413 if isinstance(error, TooLong) else 408, str(error))
        problem = self._forged(request, inbox, body)
        if problem is not None:
            # Counted and logged, but without a word of what stands in it.
            self._count("sms.refused.signature")
            _log.warning("webhook_refused", account=account, peer=peer_of(request), reason=problem)
            return refusal(403, problem)
        parser = partial(parse, body, account=account, received_at=received_at, region=inbox.region)
        try:
            await self._publish([read(parser, body, f"sms/{account}")])
        except Unavailable as error:
            self._count("sms.deferred")
            _log.warning("webhook_deferred", account=account, reason=str(error))
            return try_later("not taken now")
        self._count("sms.accepted")
        return Response(_NOTHING_TO_SAY, media_type="application/xml")

    def _forged(self, request: Request, inbox: SmsInbox, body: bytes) -> str | None:
        """Why the request is not to be believed, or None."""
        signature = request.headers.get("x-twilio-signature")
        if not signature:
            return "X-Twilio-Signature is missing"
        url = public_url(request, self._settings)
        try:
            params, _ = form(body)
        except ValueError:
            return "the body is no form of a message"
        if any(verify_form(token, url, params, signature) for token in inbox.tokens):
            return None
        return "X-Twilio-Signature is wrong"
