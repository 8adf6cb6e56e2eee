"""The partitioner: murmur2 of the key, as the Java client's default partitioner does it.

Normative: every producer must come to the same partition. Test vectors stand in
`docs/contracts/partitions.json`.
"""

from functools import lru_cache

from channels.errors import Malformed
from router.log.protocol import Message
from router.topics import Partitions

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """MurmurHash 2, 32 bits, seed 0x9747b28c (org.apache.kafka.common.utils.Utils.murmur2).

    >>> murmur2(b"21")
    3321034988
    """
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for start in range(0, whole, 4):
        k = int.from_bytes(data[start : start + 4], "little") * _M & _MASK
        h = (h * _M & _MASK) ^ ((k ^ (k >> 24)) * _M & _MASK)
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=10_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition of `key` among `partitions`."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def place(message: Message, partitions: Partitions) -> int:
    """Where `message` goes. Raises `Malformed` when it names a partition that its topic lacks."""
    count = partitions.of(message.topic)
    if message.partition is None:
        return 0 if count == 1 else partition_of(message.key, count)
    if 0 <= message.partition < count:
        return message.partition
    raise Malformed(f"{message.topic} has no partition {message.partition}: it has {count}")
