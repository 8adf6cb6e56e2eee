"""What the shards of each stage read."""

from router.log.protocol import Source
from router.topics import (
    AGENT_COMMANDS,
    CUSTOMERS,
    MESSAGES_RECEIPTS,
    QUEUES_STATISTICS,
    REQUESTS_INBOUND,
    RULEBOOK,
    TICKETS_FEEDBACK,
    TICKETS_TRIAGED,
    Stage,
)


def sources(stage: Stage, partition: int) -> tuple[Source, ...]:
    """What the shard `partition` of `stage` reads; the rulebook comes first."""
    if stage is Stage.TRIAGE:
        return (
            Source(RULEBOOK, 0),
            Source(CUSTOMERS, 0),
            Source(QUEUES_STATISTICS, 0),
            Source(TICKETS_FEEDBACK, partition),
            Source(REQUESTS_INBOUND, partition),
        )
    return (
        Source(RULEBOOK, 0),
        Source(TICKETS_TRIAGED, partition),
        Source(AGENT_COMMANDS, partition),
        Source(MESSAGES_RECEIPTS, partition),
    )
