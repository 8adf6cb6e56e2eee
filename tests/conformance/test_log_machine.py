"""Any sequence of the verbs, by any owners, against a model that fits on a page."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from router.log.protocol import Commit, Envelope, Fenced, Message, ShardLog, Source
from tests.conformance.harness import Harness, MemoryHarness, ValkeyHarness
from tests.conformance.test_log import NOON, ids, state_of

T = TypeVar("T")

SOURCES = (Source("rulebook", 0), Source("requests.inbound", 1))
OUT = "tickets.events"
KEYS = st.sampled_from(["a", "b", "c", "投诉"])
CHANGES = st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=3)


@dataclass
class Owner:
    """A handle, when it was opened, and what it has read but not committed."""

    shard: ShardLog
    epoch: int
    read: dict[Source, int]
    offsets: dict[Source, str] = field(default_factory=dict)


class Verbs(RuleBasedStateMachine):
    """The model: lists of ids, a dict of state, committed indexes, the newest epoch."""

    make: Any

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.harness = type(self).make()
        self.log = self.harness.handle()
        self.stored: dict[Source, list[str]] = defaultdict(list)
        self.out: list[str] = []
        self.state: dict[str, bytes] = {}
        self.committed: dict[Source, int] = dict.fromkeys(SOURCES, 0)
        self.owners: list[Owner] = []
        self.epoch = 0
        self.made = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In this example's own event loop."""
        return self.runner.run(work)

    def message(self, topic: str, partition: int) -> Message:
        """The next record, by its number."""
        self.made += 1
        return Message(topic, "k", b"{}", Envelope(f"m{self.made}", "t", "tests", NOON), partition)

    @rule(source=st.sampled_from(SOURCES), count=st.integers(1, 4))
    def publish(self, source: Source, count: int) -> None:
        """Some records on one of the inputs."""
        messages = [self.message(source.topic, source.partition) for _ in range(count)]
        self.run(self.log.publish(messages))
        self.stored[source] += [one.envelope.id for one in messages]

    @rule()
    def open(self) -> None:
        """Somebody else takes the shard; its state is what was committed."""
        shard = self.run(self.harness.handle().open_shard("triage", 1, SOURCES))
        self.epoch += 1
        self.owners.append(Owner(shard, self.epoch, dict(self.committed)))
        assert self.run(state_of(shard)) == self.state

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), limit=st.integers(1, 5))
    def poll(self, data: st.DataObject, limit: int) -> None:
        """The owner reads on where it was; a former one is told its end."""
        owner = data.draw(st.sampled_from(self.owners))
        if owner.epoch != self.epoch:
            with pytest.raises(Fenced):
                self.run(owner.shard.poll(limit, 0))
            return
        batch = self.run(owner.shard.poll(limit, 0))
        for source in SOURCES:
            mine = [one for one in batch.records if one.topic == source.topic]
            start = owner.read[source]
            assert [one.envelope.id for one in mine] == self.stored[source][start : start + limit]
            owner.read[source] += len(mine)
            if mine:
                owner.offsets[source] = mine[-1].offset
        assert list(batch.records) == sorted(batch.records, key=lambda one: one.stored_at)

    @precondition(lambda self: self.owners)
    @rule(data=st.data(), changes=CHANGES, outputs=st.integers(0, 3), moves=st.booleans())
    def commit(
        self, data: st.DataObject, changes: dict[str, bytes | None], outputs: int, *, moves: bool
    ) -> None:
        """All of it for the owner, nothing for a former one."""
        owner = data.draw(st.sampled_from(self.owners))
        messages = [self.message(OUT, 0) for _ in range(outputs)]
        offsets = dict(owner.offsets) if moves else {}
        commit = Commit(messages, changes, offsets)
        if owner.epoch != self.epoch:
            with pytest.raises(Fenced):
                self.run(owner.shard.commit(commit))
            return
        self.run(owner.shard.commit(commit))
        self.out += [one.envelope.id for one in messages]
        for key, value in changes.items():
            self.state.pop(key, None)
            if value is not None:
                self.state[key] = value
        self.committed.update({source: owner.read[source] for source in offsets})

    @rule()
    def read(self) -> None:
        """Whoever reads the outputs sees what was committed, in order, and nothing else."""
        assert self.run(ids(self.log, OUT)) == self.out

    def teardown(self) -> None:
        """The log is left as it is found: with nobody on it."""
        self.run(self.harness.close())
        self.runner.close()


EXAMPLES = {MemoryHarness: 100, ValkeyHarness: 25}


@pytest.mark.services
def test_any_sequence_of_verbs_does_as_the_model(make: Callable[[], Harness]) -> None:
    """Publish, open, poll, commit, read: by owners and former owners, in any order."""
    kind: Any = make.func if isinstance(make, partial) else make
    machine = type("Machine", (Verbs,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES.get(kind, 5),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
