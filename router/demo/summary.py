"""What became of it all, read from the log; `lost` is compared, not assumed."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router import deadletter
from router.demo.feeders import Handed
from router.log.protocol import Log
from router.log.reading import stored
from router.topics import (
    DEADLETTER,
    MESSAGES_OUTBOUND,
    REQUESTS_INBOUND,
    SLA_ESCALATIONS,
    TICKETS_EVENTS,
)

CHANNELS = ("email", "sms", "chat", "hotline")
FATES = {"ticket.opened", "ticket.message", "request.filed"}


@dataclass
class Tally:
    """Counts over the log, folded record by record."""

    received: Counter[str] = field(default_factory=Counter)
    requests: dict[str, tuple[str, str]] = field(default_factory=dict)
    fates: set[str] = field(default_factory=set)
    types: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    filed: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    deadletters: int = 0
    unreadable: int = 0

    def take(self, topic: str, kind: str, identity: str, data: dict[str, Any]) -> None:
        """Count one record."""
        if topic == REQUESTS_INBOUND:
            self.received[data["channel"]] += 1
            self.requests[identity] = data["channel"], data["external_id"]
        elif topic == DEADLETTER and kind == deadletter.TYPE:
            self.deadletters += 1
            self.unreadable += data["origin"].get("topic") is None
            self.fates.add(data.get("envelope", {}).get("id", ""))
        elif topic == MESSAGES_OUTBOUND:
            self.sent[data["kind"]] += 1
        elif topic == SLA_ESCALATIONS:
            self.types[f"{topic}:{kind}"] += 1
            if kind == "sla.escalated":
                self.levels[str(data["level"])] += 1
        else:
            self._event(kind, data)

    def _event(self, kind: str, data: dict[str, Any]) -> None:
        self.types[kind] += 1
        if kind in FATES:
            self.fates.add(data["request"])
        if kind == "request.filed":
            self.filed[data["reason"]] += 1
        if kind == "ticket.opened" and data["ack_withheld"] is not None:
            self.withheld[data["ack_withheld"]] += 1

    def lost(self, handed: Handed) -> int:
        """Inputs that were confirmed and are not in the log, and requests without a fate."""
        found = set(self.requests.values())
        missing = sum(one not in found for one in set(handed.requests))
        unread = max(0, handed.unreadable - self.unreadable)
        fateless = sum(identity not in self.fates for identity in self.requests)
        return missing + unread + fateless


async def tally(log: Log) -> Tally:
    """Everything that is in the log now."""
    counts = Tally()
    topics = (REQUESTS_INBOUND, TICKETS_EVENTS, SLA_ESCALATIONS, MESSAGES_OUTBOUND, DEADLETTER)
    for topic in topics:
        async for record in stored(log, topic):
            counts.take(topic, record.envelope.type, record.envelope.id, json.loads(record.value))
    return counts


def summary(counts: Tally, handed: Handed) -> dict[str, Any]:
    """The demo's last line."""
    return {
        "received": {channel: counts.received[channel] for channel in CHANNELS},
        "duplicates": counts.types["request.duplicate"],
        "tickets": counts.types["ticket.opened"],
        "acks": counts.sent["ack"],
        "acks_withheld": dict(sorted(counts.withheld.items())),
        "assigned": counts.types["ticket.assigned"],
        "warnings": counts.types[f"{SLA_ESCALATIONS}:sla.warning"],
        "breaches": counts.types[f"{SLA_ESCALATIONS}:sla.breached"],
        "escalations": {level: counts.levels[level] for level in sorted(counts.levels)},
        "deadletters": counts.deadletters,
        "filed": dict(sorted(counts.filed.items())),
        "refused": handed.refused,
        "lost": counts.lost(handed),
    }


def readable(result: Mapping[str, Any]) -> list[str]:
    """The summary for people."""
    received = result["received"]
    by_channel = ", ".join(f"{channel} {received[channel]}" for channel in CHANNELS)
    withheld = ", ".join(f"{reason} {n}" for reason, n in result["acks_withheld"].items())
    filed = ", ".join(f"{reason} {n}" for reason, n in result["filed"].items())
    levels = ", ".join(f"level {level}: {n}" for level, n in result["escalations"].items())
    return [
        f"received        {sum(received.values()):>5}   {by_channel}",
        f"duplicates      {result['duplicates']:>5}   recognised, nothing done twice",
        f"refused         {result['refused']:>5}   webhooks with a wrong signature (403)",
        f"dead letters    {result['deadletters']:>5}   kept with their bytes",
        f"filed           {sum(result['filed'].values()):>5}   without a ticket: {filed or '-'}",
        f"tickets         {result['tickets']:>5}",
        f"acknowledged    {result['acks']:>5}   withheld: {withheld or '-'}",
        f"assigned        {result['assigned']:>5}",
        f"warnings        {result['warnings']:>5}   before a service level lapsed",
        f"breaches        {result['breaches']:>5}   service levels that lapsed",
        f"escalations     {sum(result['escalations'].values()):>5}   {levels or '-'}",
        f"lost            {result['lost']:>5}",
    ]
