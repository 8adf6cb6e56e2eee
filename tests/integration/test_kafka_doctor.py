"""What `switchboard doctor` finds at the brokers of a real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest

from router.commands.doctor import _online
from router.commands.topics import _differences
from router.log.kafka_brokers import release_of
from router.settings import Config, load
from tests.integration.kafka_workers import RULEBOOK
from tests.kafka.cluster import Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.services, pytest.mark.xdist_group("kafka")]


def config(folder: Path, kafka: Cluster, replication: int) -> Config:
    """A config folder for these brokers."""
    (folder / "rulebook").mkdir()
    (folder / "rulebook" / "rules.yaml").write_text(RULEBOOK)
    (folder / "switchboard.yaml").write_text(
        f"log: kafka://{kafka.bootstrap}\nkafka: {{replication: {replication}}}\n"
    )
    return load(folder)


async def test_three_brokers_with_our_topics_are_all_right(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """Each is named with its release; three copies of each record can be made."""
    async with new_kafka(3) as kafka:
        settings = config(tmp_path, kafka, 3)
        await _differences(settings, apply=True)
        found = await _online(settings)
    texts = [text for _, text in found]
    assert all(good for good, _ in found), texts
    assert "brokers: 3, 3 copies of each record" in texts
    assert [text for text in texts if text.startswith("broker ")] == [
        f"broker {number}: Kafka 4.x" for number in (1, 2, 3)
    ]


async def test_settings_that_would_stop_us_are_named_with_what_they_should_be(
    new_kafka: Callable[..., Cluster], tmp_path: Path
) -> None:
    """Before anything is written there."""
    wrong = {"message.max.bytes": "500000", "transaction.max.timeout.ms": "10000"}
    async with new_kafka(properties=wrong) as kafka:
        found = await _online(config(tmp_path, kafka, 2))
    bad = [text for good, text in found if not good]
    assert bad == [
        "brokers: 1, and kafka.replication is 2: no topic can be created; "
        "start more, or lower it (1 is for trying things out)",
        "broker 1: message.max.bytes is 500000, should be at least 1000000: "
        "our batches are as large",
        "broker 1: transaction.max.timeout.ms is 10000, should be at least 20000: "
        "our transactions may take that",
        "broker 1: transaction.state.log.replication.factor is 1, should be at least 2, "
        "or one lost broker stops the router",
        "broker 1: offsets.topic.replication.factor is 1, should be at least 2, "
        "or one lost broker stops the router",
    ]


@pytest.mark.parametrize(
    ("versions", "release"),
    [
        ({1: (0, 16)}, None),
        ({1: (0, 16), 74: (0, 0)}, "3.7 or a later 3.x"),
        ({1: (4, 17), 74: (0, 1)}, "4.x"),
    ],
)
def test_the_release_is_told_by_what_it_supports(
    versions: dict[int, tuple[int, int]], release: str | None
) -> None:
    """No broker says its name."""
    assert release_of(versions) == release
