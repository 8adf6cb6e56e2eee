"""Messages as record batches: `create_batch` costs a fraction of a `send` for each record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from aiokafka import TopicPartition

from router.log import kafka_layout as layout
from router.log.kafka_namespace import Namespace
from router.log.partition import place
from router.log.protocol import Message, TooLarge

Builders = list[Any]
"""aiokafka's `BatchBuilder`s, in order."""


Entry = tuple[bytes, bytes | None, layout.Headers]
"""A message as it goes to its partition: key, value (None: a tombstone), headers."""

HEADERS_BYTES = 64 * 1024
"""Only where a record is so near to the bound are its headers counted: they are never so large."""


def placed(
    namespace: Namespace, messages: Sequence[Message]
) -> Iterator[tuple[TopicPartition, Entry]]:
    """Where each message goes, and as what. Raises `TooLarge`, `Malformed`."""
    envelope: object = None
    headed: layout.Headers = []
    near = namespace.max_bytes - HEADERS_BYTES
    for index, message in enumerate(messages):
        if message.envelope is not envelope:  # else the same event, to a further topic
            envelope, headed = message.envelope, layout.headers(message.envelope)
        key, value = message.key.encode(), message.value
        if value is not None and len(value) > near:
            size = len(key) + len(value) + layout.size(headed)
            if size > namespace.max_bytes:
                raise TooLarge(f"{size} bytes where {namespace.max_bytes} are taken", index)
        where = namespace.where(message.topic, place(message, namespace.partitions))
        yield where, (key, value, headed)


def batches(
    create: Callable[[], Any], namespace: Namespace, messages: Sequence[Message]
) -> dict[TopicPartition, Builders]:
    """The batches for each partition. Raises `TooLarge`, `Malformed`; nothing is sent."""
    found: dict[TopicPartition, list[Entry]] = {}
    for where, entry in placed(namespace, messages):
        found.setdefault(where, []).append(entry)
    return {where: filled(create, entries) for where, entries in found.items()}


def filled(create: Callable[[], Any], entries: Iterable[Entry]) -> Builders:
    """The batches of one partition."""
    builders: Builders = [create()]
    append = builders[0].append
    for key, value, headed in entries:
        # The brokers put their own time in the place of this one.
        if append(timestamp=0, key=key, value=value, headers=headed) is None:
            builders.append(create())
            append = builders[-1].append
            append(timestamp=0, key=key, value=value, headers=headed)
    return builders
