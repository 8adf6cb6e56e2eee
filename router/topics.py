"""The topics by name (DESIGN: the way of a message), and how many partitions each has."""

from dataclasses import dataclass
from enum import StrEnum

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
QUEUES_STATISTICS = "queues.statistics"
DEADLETTER = "deadletter"
OPERATIONS = "operations"

COMPACTED = frozenset({CUSTOMERS, RULEBOOK, QUEUES_STATISTICS})
"""Topics of which only the last record of each key counts; they are never trimmed by age."""


EVERY = (
    REQUESTS_INBOUND, TICKETS_TRIAGED, TICKETS_FEEDBACK, TICKETS_EVENTS, AGENT_COMMANDS,
    SLA_ESCALATIONS, MESSAGES_OUTBOUND, MESSAGES_RECEIPTS, CUSTOMERS, RULEBOOK, DEADLETTER,
    OPERATIONS, QUEUES_STATISTICS,
)  # fmt: skip
"""Every topic but those of the queues (`queue_topic`)."""

KEPT = COMPACTED | {DEADLETTER}
"""Topics that are never trimmed: what could not be processed waits for somebody, however long."""


class Stage(StrEnum):
    """The two stages of the router; the value names their shards and changelogs."""

    TRIAGE = "triage"
    DISPATCH = "dispatch"


LEADING = {Stage.TRIAGE: REQUESTS_INBOUND, Stage.DISPATCH: TICKETS_TRIAGED}
"""The topic by whose partitions the shards of a stage are shared out among workers."""


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

    def count(self, stage: str) -> int:
        """How many shards `stage` has; whatever is not a stage of the router has one."""
        return {Stage.TRIAGE.value: self.triage, Stage.DISPATCH.value: self.dispatch}.get(stage, 1)


_TRIAGE_TOPICS = frozenset({REQUESTS_INBOUND, TICKETS_FEEDBACK, TICKETS_EVENTS})
_DISPATCH_TOPICS = frozenset({TICKETS_TRIAGED, AGENT_COMMANDS, MESSAGES_RECEIPTS})


def queue_topic(queue: str) -> str:
    """The topic that the desktops of `queue` consume."""
    return AGENT_QUEUE + queue
