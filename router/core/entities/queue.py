"""How full a queue is, as dispatch has told it and triage has heard it."""

from datetime import datetime

from router.core.entities.entity import Entity


class Gauge(Entity, frozen=True, kw_only=True):
    """What was last told of a queue: the tickets that waited, since when the oldest did."""

    waiting: int = 0
    oldest: datetime | None = None
    told_at: datetime | None = None


class Filled(Entity, frozen=True, kw_only=True):
    """What dispatch told of a queue in which tickets wait."""

    waiting: int
    oldest: datetime | None
