"""Every contract by the name under which other programs know it: its `ce_type`, or its own."""

from typing import Any

import msgspec

from channels.outbound import OutboundMessage, Receipt
from channels.request import CustomerRequest
from router import deadletter, operations
from router.core.commands import Command
from router.core.events import ALL, Event
from rules.reference import rulebook_schema

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_FURTHER: tuple[type[Event], ...] = (
    operations.CalendarUncovered,
    operations.DeadLettered,
    operations.NoticeFailed,
    operations.TimerFailed,
    operations.Watermark,
)

CONTRACTS: dict[str, type[Any]] = {
    "request.received": CustomerRequest,
    "message.outbound": OutboundMessage,
    "receipt": Receipt,
    "agent.command": Command,
    deadletter.TYPE: deadletter.DeadLetter,
    deadletter.PART_TYPE: deadletter.Part,
    deadletter.REDRIVEN_TYPE: deadletter.Redriven,
    **{event.TYPE: event for event in dict.fromkeys([*ALL, *_FURTHER])},
}
"""Name -> the dataclass that defines it."""


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema of every contract, and of the rulebook, by name."""
    found = {name: _schema(name, contract) for name, contract in sorted(CONTRACTS.items())}
    return found | {"rulebook": _rulebook_file()}


def _rulebook_file() -> dict[str, Any]:
    """What one file of a rulebook may have: no section is required, another file may have it."""
    schema = rulebook_schema()
    del schema["required"]
    names = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    schema["properties"]["include"] = {
        "description": "Files of the rulebook that come before this one, in this order.", **names
    }  # fmt: skip
    return {"$schema": SCHEMA_DIALECT, **schema}


def _schema(name: str, contract: type[Any]) -> dict[str, Any]:
    (reference,), components = msgspec.json.schema_components(
        (contract,), ref_template="#/$defs/{name}"
    )
    return {"$schema": SCHEMA_DIALECT, "title": name, **reference, "$defs": components}
