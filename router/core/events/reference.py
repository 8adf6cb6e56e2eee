"""What is in force: the rulebook, and what is known of a customer."""

from typing import Any, ClassVar

import msgspec

from router.core.events.base import Event


class RulebookActivated(Event, frozen=True, kw_only=True):
    """A rulebook is in force from here on; activations are numbered, a rollback is a new one.

    `files` are its texts by name; where they would be too large for a record they are none, and
    `packed` has them: their JSON, deflated (zlib), in base64. `by` is who wanted it, `origin` the
    way it came: folder (the watched one) or command; `rollback_of` is the activation that it goes
    back to; `routes` how many routes it has, 0 where nobody has counted them.
    """

    TYPE: ClassVar[str] = "rulebook.activated"
    activation: int
    version: str
    files: dict[str, str]
    packed: str = ""
    by: str = ""
    note: str = ""
    origin: str = "folder"
    rollback_of: int | None = None
    routes: int = 0


class CustomerChanged(Event, frozen=True, kw_only=True):
    """A customer's reference data (compacted topic `customers`); `addresses` by channel."""

    TYPE: ClassVar[str] = "customer.changed"
    id: str
    name: str | None = None
    tier: str | None = None
    language: str | None = None
    addresses: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    account_agent: str | None = None
    deleted: bool = False
