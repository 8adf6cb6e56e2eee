"""What became of each request: the ticket that it opened or joined, or why there is none. Pure."""

from typing import Any

import msgspec

from channels.request import CustomerRequest
from router.core.acks import withheld_reason
from router.core.customers import Customers
from router.core.events import RequestFiled, TicketMessage, TicketOpened
from router.core.outputs import Output
from router.core.triage import facts_of
from router.topics import TICKETS_EVENTS, TICKETS_TRIAGED
from rules.decide import decide
from rules.index import Compiled

TICKET, JOINED, FILED, LOST = "ticket", "joined", "filed", "lost"
_NO_SKILLS: dict[str, int] = {}


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """One request's. `kind`: `ticket`, `joined` (an open ticket), `filed`, `lost` (a dead letter).

    `reason` is why it was filed; `rule`, `clause` and `words` are why the rules decided so.
    """

    kind: str
    ticket: str | None = None
    queue: str | None = None
    type: str | None = None
    priority: int | None = None
    sla: str | None = None
    skills: dict[str, int] = _NO_SKILLS
    ack: str | None = None
    withheld: str | None = None
    tags: tuple[str, ...] = ()
    tier: str | None = None
    reason: str | None = None
    rule: str | None = None
    clause: str | None = None
    words: tuple[str, ...] = ()


GONE = Fate(kind=LOST)


class Fates:
    """Follows one run; `of` has the fate of each request by its id, `ticket` those with one."""

    def __init__(self) -> None:
        self.of: dict[str, Fate] = {}

    def take(self, output: Output) -> None:
        """Follow one output."""
        data = output.data
        if output.topic == TICKETS_TRIAGED and isinstance(data, TicketMessage):
            self.of[data.request.id] = Fate(kind=JOINED, ticket=data.ticket)
        elif output.topic != TICKETS_EVENTS:
            return
        elif isinstance(data, TicketOpened):
            self.of[data.request] = _opened(data)
        elif isinstance(data, RequestFiled):
            self.of[data.request] = Fate(
                kind=FILED, reason=data.reason, rule=data.rule, **_why(data.explanation)
            )

    def ticket(self, request: str) -> str | None:
        """The ticket to which the request belongs."""
        found = self.of.get(request)
        return found.ticket if found is not None else None


def _opened(data: TicketOpened) -> Fate:
    return Fate(
        kind=TICKET, ticket=data.ticket, queue=data.queue, type=data.type,
        priority=data.priority, sla=data.sla, skills=data.skills, ack=data.ack,
        withheld=data.ack_withheld, tags=data.tags, tier=data.tier, rule=data.rule,
        **_why(data.explanation),
    )  # fmt: skip


def _why(explanation: dict[str, Any]) -> dict[str, Any]:
    """The clause that won, and the words that it found, each once."""
    words = dict.fromkeys(span["text"] for span in explanation.get("spans", ()))
    return {"clause": explanation.get("clause"), "words": tuple(words)}


class Decider:
    """The rules' word on each request by itself: no conversation, no history, no dispatch."""

    def __init__(self, compiled: Compiled, customers: Customers) -> None:
        self._compiled = compiled
        self._customers = customers
        customers.enforce(compiled.rulebook)

    def fate(self, request: CustomerRequest) -> Fate:
        """What the rules decide about `request`, as of when it was received."""
        compiled = self._compiled
        customer = self._customers.identify(request)
        decision = decide(compiled, facts_of(compiled, request, customer, request.received_at))
        if decision.drop is not None:
            return Fate(
                kind=FILED, reason=decision.drop, rule=decision.rule, **_why(decision.explanation)
            )
        withheld = None
        if decision.ack is not None:
            has_template = request.channel in compiled.rulebook.acks.get(decision.ack, {})
            policy = compiled.rulebook.ack_policy
            withheld = withheld_reason(request, policy, has_template=has_template)
        return Fate(
            kind=TICKET, queue=decision.queue, type=decision.type, priority=decision.priority,
            sla=decision.sla, skills=decision.skills, ack=decision.ack, withheld=withheld,
            tags=decision.tags, tier=decision.tier, rule=decision.rule,
            **_why(decision.explanation),
        )  # fmt: skip
