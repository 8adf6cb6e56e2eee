"""What happens to a ticket, as facts in the past tense: the data of every event we emit.

Each class is one `ce_type` (its `TYPE`); `ALL` lists them for the JSON Schemas. Instants are UTC.
"""

from router.core.events.agents import (
    AgentChanged,
    AgentOverdue,
    AgentPresence,
    CommandAccepted,
    CommandRejected,
)
from router.core.events.base import Event, TicketEvent
from router.core.events.follow_ups import (
    FollowUpCancelled,
    FollowUpDue,
    FollowUpEvent,
    FollowUpScheduled,
    OrderCreated,
    OrderEvent,
    OrderNoticeFailed,
    OrderUpdated,
)
from router.core.events.offers import (
    OfferEnded,
    TicketAssigned,
    TicketOfferDeclined,
    TicketOffered,
    TicketOfferExpired,
    TicketOfferRescinded,
)
from router.core.events.reference import CustomerChanged, RulebookActivated
from router.core.events.requests import RequestDuplicate, RequestFiled
from router.core.events.sla import (
    NoticeEvent,
    NoticeHeld,
    NoticeWithheld,
    SlaAcknowledged,
    SlaBreached,
    SlaChanged,
    SlaCleared,
    SlaEscalated,
    SlaEvent,
    SlaLapse,
    SlaMet,
    SlaPaused,
    SlaResumed,
    SlaStarted,
    SlaWarning,
)
from router.core.events.stages import (
    QueueStatistics,
    TicketClose,
    TicketFeedback,
    TicketMessage,
    TicketMoved,
    TicketTriaged,
    WorkerAnswered,
)
from router.core.events.tickets import (
    DecisionFlagged,
    MessageReceipt,
    TicketClosed,
    TicketConsulted,
    TicketHeld,
    TicketMerged,
    TicketMergedIn,
    TicketMessageReceived,
    TicketNoted,
    TicketOpened,
    TicketOverflowed,
    TicketParked,
    TicketPending,
    TicketQueued,
    TicketRemoved,
    TicketReopened,
    TicketReplied,
    TicketRequeued,
    TicketResolved,
    TicketResumed,
    TicketSplit,
    TicketStepDone,
    TicketsTransferred,
    TicketTransferred,
    TicketUpdated,
    TicketWrappedUp,
)

__all__ = [
    "ALL", "AgentChanged", "AgentOverdue", "AgentPresence", "CommandAccepted", "CommandRejected",
    "CustomerChanged", "DecisionFlagged", "Event", "FollowUpCancelled", "FollowUpDue",
    "FollowUpEvent", "FollowUpScheduled", "MessageReceipt", "NoticeEvent", "NoticeHeld",
    "NoticeWithheld", "OfferEnded", "OrderCreated", "OrderEvent", "OrderNoticeFailed",
    "OrderUpdated", "QueueStatistics", "RequestDuplicate", "RequestFiled", "RulebookActivated",
    "SlaAcknowledged", "SlaBreached", "SlaChanged", "SlaCleared", "SlaEscalated", "SlaEvent",
    "SlaLapse", "SlaMet", "SlaPaused", "SlaResumed", "SlaStarted", "SlaWarning", "TicketAssigned",
    "TicketClose", "TicketClosed", "TicketConsulted", "TicketEvent", "TicketFeedback",
    "TicketHeld", "TicketMerged", "TicketMergedIn", "TicketMessage", "TicketMessageReceived",
    "TicketMoved", "TicketNoted", "TicketOfferDeclined", "TicketOfferExpired",
    "TicketOfferRescinded", "TicketOffered", "TicketOpened", "TicketOverflowed", "TicketParked",
    "TicketPending", "TicketQueued", "TicketRemoved", "TicketReopened", "TicketReplied",
    "TicketRequeued", "TicketResolved", "TicketResumed", "TicketSplit", "TicketStepDone",
    "TicketTransferred", "TicketTriaged", "TicketUpdated", "TicketWrappedUp", "TicketsTransferred",
    "WorkerAnswered",
]  # fmt: skip


def _leaves(root: type[Event]) -> list[type[Event]]:
    children = root.__subclasses__()
    found = [leaf for child in children for leaf in _leaves(child)]
    return found if "TYPE" not in vars(root) else [root, *found]


ALL: tuple[type[Event], ...] = tuple(sorted(_leaves(Event), key=lambda event: event.__name__))
"""Every event, for the schemas and the docs."""
