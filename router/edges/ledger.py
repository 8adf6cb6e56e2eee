"""The sent-ledger: what is to be sent, what was begun, what came of it. Pure.

It is the state of a shard of its own (`senders`), so that the log keeps it with the log's own
atomic commit, fences a second sender, and takes the receipt in the same commit as the result:

    accepted ──> begun ──> done        a message is accepted once, whoever publishes it again
                   │
                   └── found after a crash: what is automatic is done: `uncertain`; the rest goes
                       back to accepted (the same Message-ID lets mail programs show one)

Entries that are done are kept for `KEPT` (and at most `MAX_KEPT` of them), to know a message that
is published again.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from channels.contract import decode, encode
from channels.identity import NAMESPACE
from channels.outbound import OutboundMessage, Receipt, Way
from channels.sending import Delivery
from router.edges.caps import AUTOMATIC, address_key

KEPT = timedelta(days=7)
MAX_KEPT = 100_000
UNCERTAIN = Delivery("uncertain", permanent=True, reason="stopped between sending and the result")


Account = tuple[Way, str]
"""What a message goes out by: a channel's account, or a program's URL."""


def account_of(message: OutboundMessage) -> Account:
    """The account that sends `message`."""
    return message.channel, message.account


def lane_of(message: OutboundMessage) -> tuple[Account, bool]:
    """Its account, and whether it is a notice: those take nothing from customers' messages."""
    return account_of(message), message.kind == "notice"


class Phase(StrEnum):
    """How far a message has come."""

    ACCEPTED = "accepted"
    BEGUN = "begun"
    DONE = "done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One message's line in the ledger; a message that is done needs no text any more.

    `address` is the `address_key` of an automatic message that is done and did not fail.
    """

    phase: Phase
    message: OutboundMessage | None = None
    outcome: str | None = None
    address: str | None = None
    at: datetime
    place: int = 0


class Ledger:
    """The entries by message id; every change is returned as what the state is to store.

    `waiting` counts the messages of each lane that are not done.
    """

    def __init__(self, committed: Iterable[tuple[str, bytes]] = ()) -> None:
        entries = [(key, decode(Entry, value)) for key, value in committed]
        entries.sort(key=lambda found: found[1].place)
        self._entries = dict(entries)
        self._place = entries[-1][1].place if entries else 0
        done = [(key, entry) for key, entry in entries if entry.phase is Phase.DONE]
        self._done = {key: entry.at for key, entry in sorted(done, key=lambda found: found[1].at)}
        self.waiting = Counter(lane_of(message) for _, message in self.unfinished())

    def unfinished(self) -> Iterator[tuple[Phase, OutboundMessage]]:
        """What is not done, in the order in which it was accepted."""
        for entry in list(self._entries.values()):
            if entry.message is not None:
                yield entry.phase, entry.message

    def automatic(self) -> Iterator[tuple[str, datetime]]:
        """When automatic messages went out and to whom, in the order of time: for the caps."""
        for key, at in self._done.items():
            address = self._entries[key].address
            if address is not None:
                yield address, at

    def accept(self, message: OutboundMessage, now: datetime) -> Mapping[str, bytes | None] | None:
        """Take a message to be sent; None when the ledger has it already."""
        if message.id in self._entries:
            return None
        self._place += 1
        self.waiting[lane_of(message)] += 1
        entry = Entry(phase=Phase.ACCEPTED, message=message, at=now, place=self._place)
        return self._set(message.id, entry)

    def begin(self, message: OutboundMessage, now: datetime) -> Mapping[str, bytes | None]:
        """Record the intent: from here on the message may have gone out."""
        return self._move(message, Phase.BEGUN, now)

    def postpone(self, message: OutboundMessage, now: datetime) -> Mapping[str, bytes | None]:
        """Take the intent back: the message has surely not gone out, or may go out twice."""
        return self._move(message, Phase.ACCEPTED, now)

    def finish(
        self, message: OutboundMessage, delivery: Delivery, now: datetime
    ) -> tuple[Mapping[str, bytes | None], Receipt]:
        """Record the result, and yield the receipt that belongs into the same commit."""
        place = self._entries[message.id].place
        counts = message.kind in AUTOMATIC and delivery.outcome != "failed"
        done = Entry(
            phase=Phase.DONE,
            outcome=delivery.outcome,
            address=address_key(message) if counts else None,
            at=now,
            place=place,
        )
        self._done[message.id] = now
        self.waiting[lane_of(message)] -= 1
        return self._set(message.id, done), receipt_of(message, delivery, now)

    def forget(self, now: datetime) -> Mapping[str, bytes | None]:
        """Drop what has been done for longer than `KEPT`, and the oldest over `MAX_KEPT`."""
        excess = len(self._done) - MAX_KEPT
        old = []
        for place, (key, at) in enumerate(self._done.items()):
            if place >= excess and at > now - KEPT:
                break
            old.append(key)
        for key in old:
            del self._done[key], self._entries[key]
        return dict.fromkeys(old)

    def _move(
        self, message: OutboundMessage, phase: Phase, now: datetime
    ) -> Mapping[str, bytes | None]:
        return self._set(message.id, replace(self._entries[message.id], phase=phase, at=now))

    def _set(self, key: str, entry: Entry) -> Mapping[str, bytes | None]:
        self._entries[key] = entry
        return {key: encode(entry)}


def receipt_of(message: OutboundMessage, delivery: Delivery, now: datetime) -> Receipt:
    """The one receipt of a message; its id follows from the message's."""
    identity = json.dumps(["receipt", message.id], ensure_ascii=False, separators=(",", ":"))
    return Receipt(
        id=str(uuid.uuid5(NAMESPACE, identity)),
        message=message.id,
        kind=message.kind,
        outcome=delivery.outcome,
        ticket=message.ticket,
        conversation=message.conversation,
        pool=message.pool,
        permanent=delivery.permanent,
        reason=delivery.reason,
        at=now,
    )
