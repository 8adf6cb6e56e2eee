"""Which way out a message takes: one lane for each account, and for each URL.

Notices have lanes of their own: their pace and their breaker take nothing from customers' answers,
though both may leave by one mail account.
"""

from collections.abc import Mapping

from channels.outbound import OutboundMessage
from channels.sending import Sender
from router.counters import Counters
from router.edges.lane import Lane
from router.edges.ledger import Account, lane_of
from router.edges.pacing import Pace, usual_pace


class Lanes:
    """Made when the first message asks for them; `webhooks` sends to whatever URL."""

    def __init__(
        self,
        senders: Mapping[Account, Sender],
        counters: Counters,
        paces: Mapping[Account, Pace],
        webhooks: Sender | None = None,
    ) -> None:
        self._senders = senders
        self._counters = counters
        self._paces = paces
        self._webhooks = webhooks
        self._lanes: dict[tuple[Account, bool], Lane] = {}

    def of(self, message: OutboundMessage) -> Lane | None:
        """The lane of `message`; None: nothing is configured that sends it."""
        account, is_notice = key = lane_of(message)
        if key not in self._lanes:
            sender = self._senders.get(account)
            if sender is None and message.channel == "webhook":
                sender = self._webhooks
            if sender is None:
                return None
            name = "/".join(account) + ("/notices" if is_notice else "")
            pace = self._paces.get(account, usual_pace(message.channel))
            self._lanes[key] = Lane(name, sender, pace, self._counters)
        return self._lanes[key]
