"""What Switchboard takes and gives on Kafka, as an AsyncAPI 3 document that FastStream generates.

`TAKEN` and `GIVEN` are the contract of the topics by the types (`ce_type`) of their records; what
stays between the stages (`tickets.triaged`, `tickets.feedback`, `state.*`, `clock`) is not in it.
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from faststream.kafka import KafkaBroker
from faststream.specification.asyncapi import AsyncAPI
from pydantic import BaseModel

from channels.outbound import OutboundMessage, Receipt
from channels.request import CustomerRequest
from router import deadletter, operations
from router.contracts import CONTRACTS
from router.core import events
from router.core.commands import Command
from router.edges.outbox import MESSAGE_RECEIPT
from router.topics import (
    AGENT_COMMANDS,
    AGENT_QUEUE,
    CUSTOMERS,
    DEADLETTER,
    MESSAGES_OUTBOUND,
    MESSAGES_RECEIPTS,
    OPERATIONS,
    QUEUES_STATISTICS,
    REQUESTS_INBOUND,
    RULEBOOK,
    SLA_ESCALATIONS,
    TICKETS_EVENTS,
)

Contracts = Sequence[type[Any]]

_QUEUE: Contracts = (
    events.TicketQueued, events.TicketRequeued, events.TicketOffered, events.TicketOfferDeclined,
    events.TicketOfferExpired, events.TicketOfferRescinded, events.TicketAssigned,
    events.TicketRemoved, events.TicketOverflowed, events.TicketParked, events.TicketReopened,
    events.TicketMessageReceived, events.MessageReceipt, events.TicketMergedIn,
    events.TicketUpdated, events.TicketConsulted, events.OrderCreated, events.OrderUpdated,
    events.OrderNoticeFailed,
)  # fmt: skip
_ALARMS: Contracts = (
    events.SlaWarning, events.SlaBreached, events.SlaEscalated, events.SlaCleared,
    events.SlaAcknowledged, events.NoticeHeld, events.NoticeWithheld,
)  # fmt: skip
_INSIDE: Contracts = (
    events.TicketTriaged, events.TicketMessage, events.TicketClose, events.TicketFeedback,
    events.RulebookActivated, events.TicketRemoved, events.QueueStatistics, events.WorkerAnswered,
    events.NoticeHeld, events.NoticeWithheld, events.TicketMoved, events.CustomerChanged,
)  # fmt: skip
"""Never in `tickets.events`: what is told between the stages, to one desktop, or to operations."""

TAKEN: Mapping[str, Contracts] = {
    REQUESTS_INBOUND: (CustomerRequest,),
    AGENT_COMMANDS: (Command,),
    CUSTOMERS: (events.CustomerChanged,),
}
"""Topic -> what others may write there."""

GIVEN: Mapping[str, Contracts] = {
    f"{AGENT_QUEUE}{{queue}}": _QUEUE,
    TICKETS_EVENTS: tuple(one for one in events.ALL if one not in _INSIDE),
    SLA_ESCALATIONS: _ALARMS,
    MESSAGES_OUTBOUND: (OutboundMessage,),
    MESSAGES_RECEIPTS: (Receipt,),
    RULEBOOK: (events.RulebookActivated,),
    QUEUES_STATISTICS: (events.QueueStatistics,),
    DEADLETTER: (deadletter.DeadLetter, deadletter.Part, deadletter.Redriven),
    OPERATIONS: (
        operations.Watermark,
        operations.DeadLettered,
        operations.TimerFailed,
        operations.CalendarUncovered,
        events.OrderNoticeFailed,
        operations.NoticeFailed,
        events.AgentOverdue,
    ),
}
"""Topic -> what others may read there."""

_NAMES = {contract: name for name, contract in CONTRACTS.items()} | {Receipt: MESSAGE_RECEIPT}

_DESCRIPTION = """\
CloudEvents 1.0 in Kafka's binary mode: the payloads below are the records' values, the attributes
(`ce_id`, `ce_type`, `ce_source`, `ce_time`, `ce_specversion`) are headers, and `ce_type` says which
of a channel's payloads it is. Read with `isolation.level=read_committed`. Keys, partitions and ids
are computed as docs/contracts/README.md says.
"""


def type_of(contract: type[Any]) -> str:
    """The `ce_type` of a contract's records."""
    return _NAMES[contract]


def document(namespace: str = "switchboard") -> str:
    """The document as JSON, for the topics of a namespace."""
    broker = KafkaBroker("broker.example:9092", apply_types=False)
    for topic, contracts in TAKEN.items():
        subscriber = broker.subscriber(f"{namespace}.{topic}", title=topic)
        subscriber(_handler(_payload(topic, contracts)))
    for topic, contracts in GIVEN.items():
        title = topic.removesuffix(".{queue}")
        schema = _payload(title, contracts)
        broker.publisher(f"{namespace}.{topic}", title=title, schema=schema)
    specification = AsyncAPI(
        broker, title="Switchboard", version=version("switchboard-router"), description=_DESCRIPTION
    )
    found = specification.to_specification().to_jsonable()
    found["channels"][AGENT_QUEUE.rstrip(".")]["parameters"] = {
        "queue": {"description": "The id of a queue of the rulebook in force."}
    }
    for message in found["components"]["messages"].values():
        del message["correlationId"]  # FastStream's own; our records have `ce_id`
    text = json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    # A key of the components must not have a colon (AsyncAPI 3.0, Components Object).
    return text.replace(":SubscribeMessage", "").replace(":Message", "")


def _payload(topic: str, contracts: Contracts) -> type[BaseModel]:
    """A model that FastStream may ask for its schema; the schema is msgspec's, of our contracts."""
    references, components = msgspec.json.schema_components(
        contracts, ref_template="#/$defs/{name}"
    )
    named = [
        {"title": type_of(contract), **reference}
        for contract, reference in zip(contracts, references, strict=True)
    ]
    schema = {"title": topic, "oneOf": named, "$defs": components}

    class Payload(BaseModel):
        """What the topic's records hold."""

        @classmethod
        def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:
            """See `BaseModel.model_json_schema`."""
            return schema

    Payload.__name__ = topic
    return Payload


def _handler(payload: type[BaseModel]) -> Any:
    async def handle(message: Any) -> None:
        """Only its signature is read."""

    handle.__annotations__["message"] = payload
    return handle
