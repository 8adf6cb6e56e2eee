"""The spots of aiokafka that are not its public interface, and that `kafka_wire` leans on."""

import inspect

import aiokafka
import aiokafka.producer.sender
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.sender import AddPartitionsToTxnHandler, Sender
from aiokafka.producer.transaction_manager import TransactionManager

from router.log.kafka_wire import BETWEEN_TRANSACTIONS_SECONDS, Cluster

ADVICE = f"aiokafka {aiokafka.__version__} has changed what router/log/kafka_wire.py relies on: "


async def test_the_pause_between_transactions_is_ours() -> None:
    """Without it a transaction takes 20 ms more: the name must exist, and be read when needed."""
    producer = Cluster("127.0.0.1:1").producer("t")
    assert aiokafka.producer.sender.BACKOFF_OVERRIDE == BETWEEN_TRANSACTIONS_SECONDS
    source = inspect.getsource(AddPartitionsToTxnHandler.handle_response)
    assert "BACKOFF_OVERRIDE" in source, ADVICE + "the pause has another name"
    await producer.stop()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Sender, "close"),
        (TransactionManager, "wait_for_transaction_end"),
        (GroupCoordinator, "_maybe_leave_group"),
        (AIOKafkaAdminClient, "_send_request"),
    ],
)
def test_what_is_called_is_there(owner: type, name: str) -> None:
    """To stop clients whose broker is gone, to leave a group for good, to ask for versions."""
    assert callable(getattr(owner, name, None)), ADVICE + f"no {owner.__name__}.{name}"


async def test_the_clients_have_the_parts_that_are_stopped_one_by_one() -> None:
    """A producer its sender and transactions, a consumer its client and coordinator."""
    producer = Cluster("127.0.0.1:1").producer("t")
    for part in ("_sender", "_txn_manager", "client"):
        assert getattr(producer, part, None) is not None, ADVICE + f"producer.{part}"
    await producer.stop()
    consumer: AIOKafkaConsumer = Cluster("127.0.0.1:1").consumer(group="g", group_instance_id="g.1")
    for part in ("_client", "_coordinator"):
        assert hasattr(consumer, part), ADVICE + f"consumer.{part}"
    source = inspect.getsource(GroupCoordinator._maybe_leave_group)
    assert "_group_instance_id is None" in source, ADVICE + "how a static member leaves"
    await consumer.stop()
