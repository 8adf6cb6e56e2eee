"""Stage 1, triage: identify, deduplicate, thread, classify, decide, acknowledge.

    step(event, given, now) -> outputs            one record of an input topic
    fire(before, now) -> outputs                  one due timer: reopen windows, evictions

Triage owns conversations: a conversation has at most one open ticket. Dispatch owns tickets and
resolves them; only triage closes, when the reopen window is over.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

import msgspec

from channels.identity import conversation_key, key_of, ticket_id
from channels.request import CustomerRequest
from router.core import acks, threads
from router.core.ack_variables import Variables
from router.core.customers import Customers
from router.core.entities.conversation import Contact, Conversation
from router.core.entities.customer import Known
from router.core.entities.inputs import Activation, Seen
from router.core.entities.queue import Filled
from router.core.events import (
    CustomerChanged,
    Event,
    QueueStatistics,
    RequestDuplicate,
    RequestFiled,
    RulebookActivated,
    TicketClose,
    TicketFeedback,
    TicketMessage,
    TicketOpened,
    TicketTriaged,
    WorkerAnswered,
)
from router.core.letters import Letterhead, Thread, answer_to, letter
from router.core.outbox import Outbox
from router.core.outputs import Given, Output
from router.core.packing import kept, unpacked
from router.core.splitting import as_asked, split_of
from router.core.state import Journal, Table, Timers
from router.core.worker_answers import UNDELIVERED, answer_in
from router.topics import MESSAGES_OUTBOUND, TICKETS_EVENTS, TICKETS_TRIAGED, Stage
from rules.decide import decide
from rules.decision import Decision, Facts, Waiting
from rules.index import Compiled, compile_rulebook
from rules.templates import render

_NO_QUEUES: Mapping[str, Waiting] = {}
CONTACT_MEMORY = timedelta(days=30)

_COMINGS_AND_GOINGS = frozenset({"left", "returned"})


class Opening(NamedTuple):
    """A ticket about to be opened, with all that led to it; `key` is its conversation key."""

    key: str
    request: CustomerRequest
    decision: Decision
    conversation: Conversation
    customer: Known | None
    withheld: acks.Withheld | None
    previous: str | None


class Triage:
    """The core of one triage shard.

    `activation` is the number of the rulebook's activation in force; 0 before the first.
    """

    stage: ClassVar[Stage] = Stage.TRIAGE
    contracts: ClassVar[Mapping[str, type[Any]]] = {
        RulebookActivated.TYPE: RulebookActivated,
        CustomerChanged.TYPE: CustomerChanged,
        QueueStatistics.TYPE: QueueStatistics,
        TicketFeedback.TYPE: TicketFeedback,
        "request.received": CustomerRequest,
    }

    def __init__(self, head: Letterhead) -> None:
        self.journal = Journal()
        self.seen = Table("seen", Seen, self.journal)
        self.contacts = Table("contact", Contact, self.journal)
        self.conversations = Table("conversation", Conversation, self.journal)
        self.rulebooks = Table("rulebook", Activation, self.journal)
        self.customers = Customers(self.journal)
        self.queues = Table("queue", Filled, self.journal)
        self.timers = Timers()
        for table in (self.seen, self.contacts, self.conversations):
            self.timers.watch(table)
        self._head = head
        self.activation = 0
        self._compiled: Compiled | None = None
        self._known: dict[str, Compiled] = {}
        self._workers: dict[str, str] = {}
        self.rulebooks.watch(self._enforce)
        self._steps: dict[type[Any], Callable[[Outbox, Any], None]] = {
            RulebookActivated: self._activated,
            CustomerChanged: self._customer,
            QueueStatistics: self._statistics,
            TicketFeedback: self._feedback,
            CustomerRequest: self._request,
        }

    @property
    def compiled(self) -> Compiled:
        """The rulebook in force."""
        if self._compiled is None:
            raise LookupError("no rulebook is in force yet")
        return self._compiled

    def step(self, event: object, given: Given, now: datetime) -> list[Output]:
        """One input. Raises on what cannot be processed; the caller rolls the journal back."""
        out = Outbox(given.cause, now, given.raw)
        self._steps[type(event)](out, event)
        return out.outputs

    def next_at(self) -> datetime | None:
        """The instant of the earliest timer."""
        return self.timers.next_at()

    def fire(self, before: datetime, now: datetime) -> list[Output] | None:
        """Handle the earliest timer that is due strictly before `before`; None: there is none."""
        due = self.timers.due(before)
        if due is None:
            return None
        table, key, at = due
        out = Outbox(f"timer/{table}/{key}/{at.isoformat()}", now)
        if table == "seen":
            self.seen.delete(key)
        elif table == "contact":
            self._forget_contact(key, now)
        else:
            self._window_over(out, self.conversations.rows[key], now)
        return out.outputs

    def postpone(self, until: datetime) -> None:
        """The earliest timer's handling raised: put it off, so that the others are not blocked."""
        self.timers.postpone(until)

    def caught_up(self, now: datetime) -> list[Output]:
        """Nothing in triage waits for somebody's answer."""
        del now
        return []

    def refuse(self, kind: str, given: Given, problem: str, now: datetime) -> list[Output] | None:
        """What is not of its contract goes to the dead letters: its sender waits for nothing."""
        del kind, given, problem, now
        return None

    def fallback(self, event: object, given: Given, now: datetime) -> list[Output] | None:
        """A request that raised goes to the dead letters; nobody was told that we have it."""
        del event, given, now
        return None

    # -- the rulebook and the customers

    def _enforce(self, _: str, __: Activation | None, new: Activation | None) -> None:
        if new is not None and new.version not in self._known:
            current = {self._compiled.version: self._compiled} if self._compiled else {}
            self._known = current | {new.version: compile_rulebook(unpacked(new))}
        self._compiled = None if new is None else self._known[new.version]
        self.activation = 0 if new is None else new.activation
        self.customers.enforce(self._compiled.rulebook if self._compiled else None)
        workers = self._compiled.rulebook.workers if self._compiled else {}
        self._workers = {one.phone: name for name, one in workers.items()}

    def _activated(self, _: Outbox, event: RulebookActivated) -> None:
        if event.activation > self.activation:
            self.rulebooks.put("current", kept(event))

    def _customer(self, _: Outbox, event: CustomerChanged) -> None:
        self.customers.change(event)

    def _statistics(self, _: Outbox, event: QueueStatistics) -> None:
        if event.waiting:
            self.queues.put(event.queue, Filled(waiting=event.waiting, oldest=event.oldest))
        else:
            self.queues.delete(event.queue)

    def _queues(self) -> Mapping[str, Waiting]:
        """How full the queues are, as dispatch told."""
        if not self.compiled.asked_queues:
            return {}
        return {name: Waiting(one.waiting, one.oldest) for name, one in self.queues.rows.items()}

    # -- requests

    def _request(self, out: Outbox, request: CustomerRequest) -> None:
        key = _key(request)
        contact = self.contacts.get(key) or Contact(last_at=request.received_at)
        known = self._known_to(contact)
        ticket = ticket_id(request.id)
        opened_by_it = any([one.ticket == ticket for one in known])
        if opened_by_it or request.id in self.seen.rows:
            self._duplicate(out, request)
            return
        threading = self.compiled.rulebook.threading
        self.seen.put(request.id, Seen(wake_at=out.now + threading.dedup))
        if request.kind == "command":
            self._opt(out, request, key, contact)
            return
        if self._workers and self._worker_answers(out, request):
            return
        split = split_of(request)
        if split is not None or request.kind == "follow_up":
            former = split or request.attributes.get("of")
            self._opens(out, request, contact, ticket, former)
            return
        if request.kind in _COMINGS_AND_GOINGS:
            self._comes_or_goes(out, request, known)
            return
        proved = self.conversations.get(request.conversation or "")
        old = threads.find(request, known, proved, threading).conversation
        if old is not None and old.state != "closed":
            self._joins(out, request, old)
            return
        previous = old.home if old else threads.previous(request, known, threading)
        self._opens(out, request, contact, ticket, previous)

    def _worker_answers(self, out: Outbox, request: CustomerRequest) -> bool:
        """Whether a worker has answered an order by SMS, or cannot have got it.

        The pools are told, one of them has the order. Anything else that a worker writes is a
        message as any other.
        """
        worker = self._workers.get(request.sender.address) if request.channel == "sms" else None
        answer = None if worker is None else answer_in(request)
        if worker is None or answer is None:
            return False
        for pool in self.compiled.rulebook.pools:
            data = WorkerAnswered(
                worker=worker, pool=pool, state=answer.state, order=answer.order,
                request=request.id, activation=self.activation, reason=answer.reason,
            )  # fmt: skip
            self._to_dispatch(out, pool, data)
        self._file(out, request, "worker")
        return True

    def _comes_or_goes(
        self, out: Outbox, request: CustomerRequest, known: list[Conversation]
    ) -> None:
        """A visitor has closed the chat's window, or is back: news of the open ticket only."""
        conversation = threads.open_for(request, known, self.compiled.rulebook.threading)
        if conversation is None:
            self._file(out, request, request.kind)
        else:
            self._joins(out, request, conversation)

    def _known_to(self, contact: Contact) -> list[Conversation]:
        """The contact's conversations that are not forgotten, the newest last."""
        found = (self.conversations.get(one) for one in contact.conversations)
        return [conversation for conversation in found if conversation is not None]

    def _duplicate(self, out: Outbox, request: CustomerRequest) -> None:
        data = RequestDuplicate(
            request=request.id,
            channel=request.channel,
            account=request.account,
            external_id=request.external_id,
            at=request.received_at,
        )
        out.add(TICKETS_EVENTS, _key(request), data.TYPE, data)

    def _opt(self, out: Outbox, request: CustomerRequest, key: str, contact: Contact) -> None:
        """STOP and START by SMS: no ticket, but no automatic message until further notice."""
        word = str(request.attributes.get("keyword", "")).lower()
        stop = word == "stop"
        if word in {"stop", "start"}:
            self._keep(key, contact, request, opted_out=stop)
        reason = {"stop": "opt-out", "start": "opt-in"}.get(word, "command")
        self._file(out, request, reason)

    def _file(
        self,
        out: Outbox,
        request: CustomerRequest,
        reason: str,
        decision: Decision | None = None,
        conversation: str | None = None,
    ) -> None:
        data = RequestFiled(
            request=request.id,
            channel=request.channel,
            account=request.account,
            external_id=request.external_id,
            conversation=conversation or request.conversation,
            reason=reason,
            rule=decision.rule if decision else None,
            rulebook=decision.rulebook if decision else None,
            explanation=decision.explanation if decision else {},
            at=request.received_at,
        )
        out.add(TICKETS_EVENTS, _key(request), data.TYPE, data)

    def _joins(self, out: Outbox, request: CustomerRequest, conversation: Conversation) -> None:
        """A further message of a conversation whose ticket is open, or can be reopened."""
        if _is_text_receipt(request) and request.attributes.get("status") not in UNDELIVERED:
            self._file(out, request, "receipt", conversation=conversation.id)
            return
        machine = self._not_a_persons(request)
        changed = msgspec.structs.replace(conversation, count=conversation.count + 1)
        if machine is None:
            changed = msgspec.structs.replace(
                changed,
                last_at=max(conversation.last_at, request.received_at),
                message_ids=threads.remembered(conversation.message_ids, request),
            )
        conversation = self.conversations.put(conversation.id, changed)
        data = TicketMessage(
            ticket=conversation.home,
            conversation=conversation.id,
            pool=conversation.pool,
            number=conversation.count,
            activation=self.activation,
            automatic=machine,
            request=out.embedded(),
        )
        self._to_dispatch(out, conversation.pool, data)

    def _not_a_persons(self, request: CustomerRequest) -> str | None:
        """Why nobody waits for an answer to this message; None when a customer does.

        A call that the rules would file (it was answered) belongs to the ticket's history.
        """
        if request.automatic is not None:
            return request.automatic
        if request.kind == "receipt" or request.kind in _COMINGS_AND_GOINGS:
            return request.kind
        if request.kind == "call":
            contact = self.contacts.get(_key(request))
            return self._decide(request, self.customers.identify(request), contact).drop
        return None

    def _decide(
        self, request: CustomerRequest, customer: Known | None, contact: Contact | None
    ) -> Decision:
        previous = threads.opened_at(contact.conversations) if contact else ()
        facts = facts_of(
            self.compiled,
            request,
            customer,
            request.received_at,
            previous=previous,
            queues=self._queues(),
        )
        return decide(self.compiled, facts)

    def _opens(
        self,
        out: Outbox,
        request: CustomerRequest,
        contact: Contact,
        ticket: str,
        previous: str | None,
    ) -> None:
        """A new matter: decide where it goes, open its ticket, acknowledge it."""
        key = _key(request)
        customer = self.customers.identify(request)
        decision = as_asked(self.compiled, request, self._decide(request, customer, contact))
        reason = decision.drop or ("receipt" if _is_text_receipt(request) else None)
        if reason is not None:
            self._file(out, request, reason, decision)
            return
        conversation = Conversation(
            id=threads.new_id(key, request.received_at, contact.conversations),
            ticket=ticket,
            pool=decision.pool,
            opened_at=request.received_at,
            last_at=request.received_at,
            message_ids=threads.remembered((), request),
            aside=request.kind == "follow_up" or split_of(request) is not None,
        )
        self.conversations.put(conversation.id, conversation)
        withheld = self._withheld(request, decision, contact)
        acknowledged = decision.ack is not None and withheld is None
        sent = contact.sent
        if acknowledged:
            sent = acks.counted(contact, request, request.received_at)
        kept = (*contact.conversations, conversation.id)[-threads.CONVERSATIONS_KEPT :]
        self._keep(key, contact, request, conversations=kept, sent=sent)
        opening = Opening(key, request, decision, conversation, customer, withheld, previous)
        self._announce(out, opening)
        if acknowledged:
            self._send_ack(out, opening)

    def _withheld(
        self, request: CustomerRequest, decision: Decision, contact: Contact
    ) -> acks.Withheld | None:
        if decision.ack is None:
            return None
        if split_of(request) is not None:
            return acks.Withheld.SPLIT  # they have got one for the message that it was in
        rulebook = self.compiled.rulebook
        has_template = request.channel in rulebook.acks.get(decision.ack, {})
        return acks.withheld_reason(
            request, rulebook.ack_policy, contact, has_template=has_template
        )

    def _send_ack(self, out: Outbox, opening: Opening) -> None:
        request, decision, conversation = opening.request, opening.decision, opening.conversation
        language = _language(request, opening.customer)
        to = answer_to(request, self.compiled.rulebook.ack_policy.own_addresses)
        variables = Variables(self.compiled, request, decision, conversation.ticket)
        text = render(
            self.compiled.templates, decision.ack or "", request.channel, language, variables
        )
        thread = Thread(
            conversation=conversation.id,
            ticket=conversation.ticket,
            pool=decision.pool,
            channel=request.channel,
            account=request.account,
            to=to.address,
            to_name=to.name,
            subject=request.subject,
            language=language,
            in_reply_to=_message_id(request),
            references=request.references,
        )
        ack = f"{conversation.ticket}/ack"
        data = letter(self._head, thread, "ack", text, id=ack, label="a1", number=0, at=out.now)
        out.add(MESSAGES_OUTBOUND, opening.key, "message.outbound", data, id=ack)

    def _announce(self, out: Outbox, opening: Opening) -> None:
        request, decision, conversation = opening.request, opening.decision, opening.conversation
        decided: dict[str, Any] = {
            "ticket": conversation.ticket,
            "conversation": conversation.id,
            "pool": decision.pool,
            "queue": decision.queue,
            "type": decision.type,
            "priority": decision.priority,
            "skills": decision.skills,
            "tier": decision.tier,
            "sla": decision.sla,
            "tags": decision.tags,
            "customer": opening.customer.id if opening.customer else None,
            "rule": decision.rule,
            "rulebook": decision.rulebook,
            "previous": opening.previous,
        }
        opened = TicketOpened(
            **decided,
            external_id=request.external_id,
            channel=request.channel,
            account=request.account,
            at=request.received_at,
            request=request.id,
            ack=decision.ack,
            ack_withheld=opening.withheld.value if opening.withheld else None,
            explanation=decision.explanation,
        )
        out.add(TICKETS_EVENTS, opening.key, opened.TYPE, opened)
        triaged = TicketTriaged(
            **decided,
            language=_language(request, opening.customer),
            activation=self.activation,
            number=1,
            agent=opening.customer.account_agent if opening.customer else None,
            request=out.embedded(),
            sla_from=decision.explanation.get("sla_from"),
        )
        self._to_dispatch(out, decision.pool, triaged)

    def _to_dispatch(self, out: Outbox, pool: str, data: Event) -> None:
        out.add(
            TICKETS_TRIAGED, pool, data.TYPE, data, extensions={"activation": str(self.activation)}
        )

    def _keep(self, key: str, contact: Contact, request: CustomerRequest, **changes: Any) -> None:
        changed = msgspec.structs.replace(
            contact,
            last_at=max(contact.last_at, request.received_at),
            wake_at=request.received_at + CONTACT_MEMORY,
            **changes,
        )
        self.contacts.put(key, changed)

    # -- what dispatch reports, and what time does

    def _feedback(self, out: Outbox, event: TicketFeedback) -> None:
        conversation = self.conversations.get(event.conversation)
        if conversation is None or conversation.ticket != event.ticket:
            return
        if event.change == "resolved":
            reopen = self.compiled.rulebook.threading.reopen
            changed = msgspec.structs.replace(
                conversation, state="resolved", resolved_at=event.at, wake_at=event.at + reopen
            )
        elif event.change == "reopened":
            changed = msgspec.structs.replace(
                conversation, state="open", resolved_at=None, wake_at=None
            )
        else:
            # It has moved to another pool, or was merged: its messages are another ticket's now.
            into = event.into or conversation.into
            changed = msgspec.structs.replace(conversation, pool=event.pool, into=into)
        self.conversations.put(conversation.id, changed)

    def _window_over(self, out: Outbox, conversation: Conversation, now: datetime) -> None:
        """The reopen window is over: close the ticket; later, forget the conversation."""
        if conversation.state == "closed" or conversation.resolved_at is None:
            self.conversations.delete(conversation.id)
            return
        if conversation.into is None:  # else the surviving ticket's own conversation closes it
            data = TicketClose(
                ticket=conversation.ticket,
                conversation=conversation.id,
                pool=conversation.pool,
                resolved_at=conversation.resolved_at,
            )
            self._to_dispatch(out, conversation.pool, data)
        self.conversations.put(
            conversation.id,
            msgspec.structs.replace(
                conversation,
                state="closed",
                wake_at=now + self.compiled.rulebook.threading.reopen,
            ),
        )

    def _forget_contact(self, key: str, now: datetime) -> None:
        """A contact is forgotten when its last conversation is; an opt-out is kept."""
        contact = self.contacts.rows[key]
        alive = any(one in self.conversations.rows for one in contact.conversations)
        if alive or contact.opted_out:
            later = msgspec.structs.replace(contact, wake_at=now + CONTACT_MEMORY)
            self.contacts.put(key, later)
        else:
            self.contacts.delete(key)


def facts_of(
    compiled: Compiled,
    request: CustomerRequest,
    customer: Known | None,
    at: datetime,
    *,
    previous: tuple[datetime, ...] = (),
    queues: Mapping[str, Waiting] = _NO_QUEUES,
) -> Facts:
    """What the rules are told of a request. Without a tier a customer is `standard`.

    An attribute `tier` counts where reference data says nothing: connectors set it, and a web
    chat's visitor cannot.
    """
    tiers = compiled.rulebook.tiers
    tier = customer.tier if customer else None
    claimed = request.attributes.get("tier")
    if tier is None and isinstance(claimed, str) and claimed in tiers:
        tier = claimed
    return Facts(
        request=request,
        at=at,
        customer=customer.id if customer else None,
        previous=previous,
        queues=queues,
        tier=tier or ("standard" if "standard" in tiers else None),
        language=_language(request, customer),
        attributes=customer.attributes if customer else {},
    )


def _key(request: CustomerRequest) -> str:
    if request.conversation is not None:
        return key_of(request.conversation)
    return conversation_key(request.channel, request.account, request.sender.address)


def _is_text_receipt(request: CustomerRequest) -> bool:
    """What became of our text message: nothing for an agent, unless it was not delivered."""
    return request.kind == "receipt" and request.channel == "sms"


def _language(request: CustomerRequest, customer: Known | None) -> str | None:
    return request.language or (customer.language if customer else None)


def _message_id(request: CustomerRequest) -> str | None:
    found = request.attributes.get("message_id")
    return found if isinstance(found, str) else None
