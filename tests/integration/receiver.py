"""A program that is told by webhook: it verifies with the standard's own library, and keeps all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.http import HttpSettings, HttpSource

SECRET = "whsec_" + "c3dpdGNoYm9hcmQtdGVzdHMtc2VjcmV0LTAx"


class Receiver:
    """Answers with what stands next in `answers`, then with 204; a forged post gets 401."""

    def __init__(self, secret: str = SECRET) -> None:
        self.events: list[dict[str, Any]] = []
        self.posts: list[Request] = []
        self.bodies: list[bytes] = []
        self.taken: Counter[str] = Counter()
        self.answers: list[Response] = []
        self.delay: Callable[[], float] = lambda: 0.0
        self._webhook = Webhook(secret)

    async def __call__(self, request: Request) -> Response:
        """Take a post."""
        body = await request.body()
        self.posts.append(request)
        self.bodies.append(body)
        try:
            event = self._webhook.verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            return Response(str(error), status_code=401)
        self.taken[request.headers["webhook-id"]] += 1
        await asyncio.sleep(self.delay())
        if self.answers:
            return self.answers.pop(0)
        self.events.append(event)
        return Response(status_code=204)


@asynccontextmanager
async def listening(receiver: Receiver, port: int = 0) -> AsyncIterator[str]:
    """The receiver behind a real HTTP server; its URL."""
    routes = [Route("/in", receiver.__call__, methods=["POST"])]
    source = HttpSource(HttpSettings(port=port), routes)
    await source.start()
    try:
        yield f"http://127.0.0.1:{source.port}/in"
    finally:
        await source.stop()
