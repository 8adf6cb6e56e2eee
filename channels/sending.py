"""What every sender promises: one message goes out, or it says why not and whose fault it is.

    send() -> Delivery(sent | delivered)      the peer has it
           -> Delivery(failed | bounced)      the peer refuses it for good; never repeated
           raises Unavailable                 surely not taken, the account is down; repeated
           raises Later                       the same, and the peer says when to try again
           raises Deferred                    surely not taken by this recipient; repeated
           raises Unconfirmed                 perhaps taken; only what may be doubled is repeated

Anything else that is raised is a programmer's error.
"""

from dataclasses import dataclass
from typing import Protocol

from channels.errors import Unavailable
from channels.outbound import OutboundMessage, Outcome


class Unconfirmed(Unavailable):
    """The peer may have taken the message: its confirmation was lost."""


class Later(Unavailable):
    """The peer takes nothing now, and asks to be left alone for so many `seconds`."""

    def __init__(self, text: str, *, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Deferred(Unavailable):
    """The account works, but this recipient takes nothing now: greylisted, away, mailbox full."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message; `reason` is the peer's own words."""

    outcome: Outcome
    permanent: bool = False
    reason: str | None = None


class Sender(Protocol):
    """One account's way out. Senders decide nothing: no retries, no order, no ledger."""

    async def ready(self, message: OutboundMessage) -> None:
        """Return when there is somebody to send to, or nobody will come any more."""
        ...

    async def send(self, message: OutboundMessage) -> Delivery:
        """Deliver `message` once. Raises `Unavailable`, `Unconfirmed`."""
        ...
