"""kill -9 of the senders, and of the log's server, while messages are on their way out."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.contract import decode, encode
from channels.http import HttpSettings, HttpSource
from channels.outbound import OutboundKind, Receipt
from router import bootstrap
from router.log.protocol import Envelope, Message
from router.topics import MESSAGES_OUTBOUND, MESSAGES_RECEIPTS
from tests.integration.killing import Installation
from tests.recording import outbound

MESSAGES = 80
KILLS = 8
DRAINED_WITHIN_SECONDS = 90


class Provider:
    """Takes every message, some of them slowly: a kill meets some in the middle."""

    def __init__(self, chance: random.Random) -> None:
        self.taken: Counter[str] = Counter()
        self._chance = chance

    async def __call__(self, request: Request) -> Response:
        """Take a form; the answer comes later."""
        self.taken[request.headers["idempotency-key"]] += 1
        await asyncio.sleep(self._chance.uniform(0, 0.3))
        return JSONResponse({"sid": "SM1"}, status_code=201)


def messages() -> dict[str, OutboundKind]:
    """Ids of acknowledgements and replies, half of each, each to a customer of its own."""
    kinds = cast("tuple[OutboundKind, ...]", ("ack", "reply"))
    return {f"m{number}": kinds[number % 2] for number in range(MESSAGES)}


async def receipts(installation: Installation, count: int) -> list[Receipt]:
    """All that the log has, once they are at least so many."""
    found: list[Receipt] = []
    async with bootstrap.connected(installation.config) as log:
        subscription = log.subscribe([MESSAGES_RECEIPTS], None, from_start=True)
        async for delivery in subscription:
            found += [decode(Receipt, record.value) for record in delivery.records]
            if len(found) >= count:
                break
        await subscription.close()
    return found


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.xdist_group("kills")
async def test_killed_senders_keep_what_they_promise(tmp_path: Path) -> None:
    """An acknowledgement goes out at most once, a reply at least once, each has one receipt."""
    chance = random.Random(4)  # noqa: S311 - moments, not secrets
    provider = Provider(chance)
    routes = [Route("/Messages.json", provider.__call__, methods=["POST"])]
    source = HttpSource(HttpSettings(port=0), routes)
    await source.start()
    settings = (
        f"sms: {{shop: {{tokens: ['file:token'], number: '+8690', "
        f"url: 'http://127.0.0.1:{source.port}/Messages.json'}}}}\n"
    )
    installation = Installation(tmp_path, "senders", settings)
    (tmp_path / "token").write_text("secret")
    kinds = messages()
    try:
        await installation.start()
        async with bootstrap.connected(installation.config) as log:
            now = await log.now()
            await log.publish([
                Message(
                    MESSAGES_OUTBOUND, id,
                    encode(replace(
                        outbound(channel="sms", account="shop", to=f"+86{number:011}", kind=kind),
                        id=id, conversation=f"{id}-1", created_at=now,
                    )),
                    Envelope(id, "message.outbound", "tests", now),
                )
                for number, (id, kind) in enumerate(kinds.items())
            ])  # fmt: skip
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            if chance.random() < 0.3:
                installation.kill_server()
            installation.kill_router()
            await installation.start()
        async with asyncio.timeout(DRAINED_WITHIN_SECONDS):
            told = await receipts(installation, MESSAGES)
    finally:
        installation.end()
        await source.stop()
    outcomes = {one.message: one.outcome for one in told}
    assert sorted(one.message for one in told) == sorted(kinds), "one receipt for each message"
    for id, kind in kinds.items():
        if kind == "ack":
            assert provider.taken[id] <= 1
            assert outcomes[id] == "uncertain" or (outcomes[id], provider.taken[id]) == ("sent", 1)
        else:
            assert outcomes[id] == "sent"
            assert provider.taken[id] >= 1
    assert "uncertain" in outcomes.values(), "some kill must meet a message on its way"
