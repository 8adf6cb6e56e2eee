"""A customer, as the reference data has it."""

from typing import Any

import msgspec

from router.core.entities.entity import Entity


class Known(Entity, frozen=True, kw_only=True):
    """A customer as triage keeps it."""

    id: str
    name: str | None = None
    tier: str | None = None
    language: str | None = None
    addresses: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    account_agent: str | None = None
