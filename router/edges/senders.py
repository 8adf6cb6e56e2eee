"""The senders: takes `messages.outbound`, sends, and answers each with one receipt.

They are a shard like the stages, its core the sent-ledger (`router.edges.ledger`), the loop
around it the outbox (`router.edges.outbox`).
"""

import asyncio
import random
from collections.abc import Mapping, Sequence

import structlog

from channels.errors import Unavailable
from channels.inbox import Clock
from channels.sending import Sender
from router.counters import Counters
from router.edges.caps import OVERALL
from router.edges.lanes import Lanes
from router.edges.ledger import Account, Ledger
from router.edges.outbox import Outbox, Outside
from router.edges.pacing import Pace
from router.log.protocol import Log, Source
from router.topics import MESSAGES_OUTBOUND
from rules.model import AckPolicy, Budget

__all__ = ["STAGE", "Account", "Senders"]

STAGE = "senders"
_REOPEN_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Senders:
    """Runs until cancelled. Raises `Fenced` when another process has taken over.

    `webhooks` sends to whatever URL a message names.
    `budgets` (the rulebook's, once it is known) and `overall` bound the automatic messages to one
    address and in all.
    """

    def __init__(
        self,
        log: Log,
        senders: Mapping[Account, Sender],
        *,
        clock: Clock,
        counters: Counters,
        webhooks: Sender | None = None,
        paces: Mapping[Account, Pace] | None = None,
        overall: Sequence[Budget] = OVERALL,
        chance: random.Random | None = None,
        partition: int = 0,
    ) -> None:
        self._log = log
        self._source = Source(MESSAGES_OUTBOUND, partition)
        # Drawing the backoff needs no secrecy.
        chance = chance or random.Random()  # noqa: S311
        lanes = Lanes(senders, counters, paces or {}, webhooks)
        self.budgets: Sequence[Budget] = AckPolicy().budgets
        self._outside = Outside(lanes, clock, counters, chance, lambda: self.budgets, overall)

    async def run(self) -> None:
        """Send for ever; an outage of the log is waited out."""
        while True:
            try:
                shard = await self._log.open_shard(STAGE, self._source.partition, (self._source,))
                ledger = Ledger([entry async for entry in shard.restore()])
                await Outbox(shard, self._source, ledger, self._outside).run()
            except Unavailable as error:
                _log.warning("senders_wait_for_log", reason=str(error))
                await asyncio.sleep(_REOPEN_SECONDS)
