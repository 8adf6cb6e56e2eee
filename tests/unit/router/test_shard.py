"""What several shards of one stage do with a record that all of them read."""

from collections import Counter
from datetime import UTC, datetime

from router import records
from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.log.memory import MemoryLog
from router.shard import Pace, Shard
from router.topics import Partitions
from router.world import LETTERHEAD
from tests.unit.router.core.story import rules, written

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


async def test_what_a_rulebook_causes_in_two_shards_has_two_ids() -> None:
    """Both pools lose an agent by one activation: neither event passes for the other's repeat."""
    log = MemoryLog(lambda: NOON, Partitions(dispatch=2))
    shards = [
        Shard(
            log, lambda: Dispatch(LETTERHEAD), partition, clock=lambda: NOON,
            pace=Pace(watermark=None),
        )
        for partition in range(2)
    ]  # fmt: skip
    await log.publish([records.activation(written(rules()), 1, NOON)])
    for agent, pool in (("bob", "service"), ("eve", "office")):
        order = Command(id=agent, agent=agent, command="presence", state="available")
        await log.publish([records.command(order, pool, NOON)])
    for shard in shards:
        await shard.turn()
    without = written(rules("agents: {bob: null, eve: null}"))
    await log.publish([records.activation(without, 2, NOON)])
    for shard in shards:
        await shard.turn()
    stored = [record for record in log.stored() if record.topic == "tickets.events"]
    gone = [record for record in stored if b'"offline"' in record.value]
    assert len(gone) == 2
    assert max(Counter(record.envelope.id for record in stored).values()) == 1
