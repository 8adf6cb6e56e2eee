"""The root of all that a shard remembers."""

from datetime import datetime

import msgspec


class Entity(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a table holds: immutable, JSON when stored, and it may ask to be woken.

    It holds no cycle, so the garbage collector need not look at it (`gc`): there are millions.
    """

    wake_at: datetime | None = None
