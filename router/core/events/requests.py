"""What becomes of a request that opens no ticket."""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from router.core.events.base import Event


class RequestDuplicate(Event, frozen=True, kw_only=True):
    """A request that we already have came again; nothing else happens."""

    TYPE: ClassVar[str] = "request.duplicate"
    request: str
    channel: str
    account: str
    external_id: str
    at: datetime


class RequestFiled(Event, frozen=True, kw_only=True):
    """A request that opens no ticket; `reason`: history, spam, opt-out, receipt, left, …."""

    TYPE: ClassVar[str] = "request.filed"
    request: str
    channel: str
    account: str
    external_id: str
    conversation: str | None
    reason: str
    rule: str | None = None
    rulebook: str | None = None
    explanation: dict[str, Any] = msgspec.field(default_factory=dict)
    at: datetime
