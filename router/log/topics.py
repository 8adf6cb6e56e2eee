"""The topics by name (DESIGN: the way of a message), with what decides their partitions."""

from dataclasses import dataclass
from enum import Enum

from router.log.protocol import Source

REQUESTS_INBOUND = "requests.inbound"
TICKETS_TRIAGED = "tickets.triaged"
TICKETS_FEEDBACK = "tickets.feedback"
TICKETS_EVENTS = "tickets.events"
AGENT_COMMANDS = "agent.commands"
AGENT_QUEUE = "agent.queue."
SLA_ESCALATIONS = "sla.escalations"
MESSAGES_OUTBOUND = "messages.outbound"
MESSAGES_RECEIPTS = "messages.receipts"
CUSTOMERS = "customers"
RULEBOOK = "rulebook"
DEADLETTER = "deadletter"
OPERATIONS = "operations"


class Stage(str, Enum):
    """The two stages of the router; the value names their shards and changelogs."""

    TRIAGE = "triage"
    DISPATCH = "dispatch"


@dataclass(frozen=True, slots=True)
class Partitions:
    """How many partitions the topics of each stage have."""

    triage: int = 1
    dispatch: int = 1

    def of(self, topic: str) -> int:
        """The partition count of `topic`."""
        if topic in _TRIAGE_TOPICS:
            return self.triage
        if topic in _DISPATCH_TOPICS:
            return self.dispatch
        return 1

    def count(self, stage: Stage) -> int:
        """How many shards `stage` has."""
        return self.triage if stage is Stage.TRIAGE else self.dispatch


_TRIAGE_TOPICS = frozenset({REQUESTS_INBOUND, TICKETS_FEEDBACK, TICKETS_EVENTS})
_DISPATCH_TOPICS = frozenset({TICKETS_TRIAGED, AGENT_COMMANDS, MESSAGES_RECEIPTS})


def sources(stage: Stage, partition: int) -> tuple[Source, ...]:
    """What the shard `partition` of `stage` reads; the rulebook comes first."""
    if stage is Stage.TRIAGE:
        return (
            Source(RULEBOOK, 0),
            Source(CUSTOMERS, 0),
            Source(TICKETS_FEEDBACK, partition),
            Source(REQUESTS_INBOUND, partition),
        )
    return (
        Source(RULEBOOK, 0),
        Source(TICKETS_TRIAGED, partition),
        Source(AGENT_COMMANDS, partition),
        Source(MESSAGES_RECEIPTS, partition),
    )


def queue_topic(queue: str) -> str:
    """The topic that the desktops of `queue` consume."""
    return AGENT_QUEUE + queue
