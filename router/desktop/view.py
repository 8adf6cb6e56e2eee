"""What an agent sees, folded from the events of their queues. Pure: events in, lines out.

A ticket comes to the desk by its queue's topic; `tickets.events` adds what only stands there, and
its other events of all other queues are not this desk's.
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from router.topics import TICKETS_EVENTS

SEEN_KEPT = 10_000


_ONLY_IN_TICKETS_EVENTS = frozenset(
    {
        "ticket.replied", "ticket.noted", "ticket.pending", "ticket.held", "ticket.resumed",
        "ticket.resolved", "ticket.split",
    }
)  # fmt: skip
_SHOWN_OF_FOLLOW_UPS = ("follow_up", "of", "reason", "phone")
_SAYINGS = frozenset(
    {
        "ticket.message", "ticket.replied", "ticket.noted", "ticket.consulted", "ticket.split",
        "ticket.merged_in",
    }
)  # fmt: skip


@dataclass
class Card:
    """A ticket as the desk shows it; `number` is what the agent types for it."""

    number: int
    ticket: str
    data: dict[str, Any]
    offer: str | None = None
    expires_at: datetime | None = None
    mine: bool = False
    state: str = "queued"
    thread: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """One line that names it."""
        data = self.data
        words = " ".join((data.get("subject") or data.get("text") or "").split())[:50]
        who = data.get("sender_name") or data.get("sender") or "?"
        return f"#{self.number} [{data.get('queue')}] {who}: {words}"


class View:
    """One agent's desk. `feed` takes an event and returns the lines to be shown for it."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.presence = "offline"
        self._cards: dict[str, Card] = {}
        self._numbers = itertools.count(1)
        self._seen: dict[str, None] = {}
        self._outcomes: set[str] = set()

    def feed(self, topic: str, kind: str, data: dict[str, Any], identity: str) -> list[str]:
        """Fold one event in; the same event may come on several queues' topics."""
        elsewhere = topic == TICKETS_EVENTS
        if elsewhere and kind in {"command.accepted", "command.rejected"}:
            return self._outcome(kind, data)
        if elsewhere and kind == "agent.presence":
            return self._present(data)
        if elsewhere and kind == "tickets.transferred":
            return [] if self._repeated(identity) else self._moved(data)
        known = data.get("ticket") in self._cards
        if elsewhere != (kind in _ONLY_IN_TICKETS_EVENTS) or (elsewhere and not known):
            return []
        return [] if self._repeated(identity) else self._of_ticket(kind, data)

    def _of_ticket(self, kind: str, data: dict[str, Any]) -> list[str]:
        name = "changed" if kind == "ticket.updated" else kind.partition(".")[2]
        handler = getattr(self, f"_on_{name}", None)
        if handler is None:
            return []
        ticket = data["ticket"]
        card = self._cards.get(ticket)
        if card is None and kind.startswith("order."):
            return []
        if card is None:
            if kind == "ticket.consulted" and data["to"] != self.agent:
                return []  # a colleague is asked, about a ticket of another queue
            card = self._cards[ticket] = Card(next(self._numbers), ticket, {})
            card.state = "consulted" if kind == "ticket.consulted" else "queued"
        # Topics are read side by side: what has been overtaken moves nothing any more.
        if data.get("version", 0) < card.data.get("version", 0) and kind not in _SAYINGS:
            return []
        if not kind.startswith("order."):  # its `order` is a number, not a place in the queue
            card.data |= {key: value for key, value in data.items() if value is not None}
        lines: list[str] = handler(card, data)
        return lines

    def _repeated(self, identity: str) -> bool:
        if identity in self._seen:
            return True
        self._seen[identity] = None
        if len(self._seen) > SEEN_KEPT:
            del self._seen[next(iter(self._seen))]
        return False

    def card(self, name: str) -> Card | None:
        """The card that the agent means: its number, or its ticket's id."""
        wanted = name.lstrip("#")
        for card in self._cards.values():
            if wanted in {str(card.number), card.ticket}:
                return card
        return None

    def offers(self) -> list[Card]:
        """What is on offer to this agent, the most urgent first."""
        offered = [card for card in self._cards.values() if card.offer is not None]
        return sorted(offered, key=lambda card: card.expires_at or datetime.max.replace(tzinfo=UTC))

    def mine(self) -> list[Card]:
        """The agent's own tickets."""
        return [card for card in self._cards.values() if card.mine]

    def waiting(self) -> list[Card]:
        """What waits in the agent's queues, in the order in which it is served."""
        queued = [card for card in self._cards.values() if card.state in {"queued", "parked"}]
        return sorted(queued, key=lambda card: str(card.data.get("order")))

    def countdown(self, now: datetime) -> str:
        """The line under the prompt: presence, own work, and how long offers still stand."""
        parts = [self.presence, f"{len(self.mine())} mine", f"{len(self.waiting())} waiting"]
        for card in self.offers():
            left = int(((card.expires_at or now) - now).total_seconds())
            parts.append(f"OFFER #{card.number} {max(left, 0)} s")
        return " | ".join(parts)

    def _outcome(self, kind: str, data: dict[str, Any]) -> list[str]:
        if data.get("agent") != self.agent or data["id"] in self._outcomes:
            return []
        self._outcomes.add(data["id"])
        if kind == "command.accepted":
            return [f"ok: {data['command']}"] if data["command"] != "presence" else []
        return [f"refused: {data['command']}: {data['reason']}"]

    def _present(self, data: dict[str, Any]) -> list[str]:
        if data["agent"] != self.agent:
            return []
        self.presence = data["state"]
        return [f"you are {self.presence}"]

    def _moved(self, data: dict[str, Any]) -> list[str]:
        if data["agent"] != self.agent:
            return []
        left = f", {data['left']} are left" if data["left"] else ""
        lines = [f"moved {len(data['moved'])} tickets to {data['queue']}{left}"]
        return lines + [f"not moved ({why}): {one}" for one, why in data["refused"].items()]

    def _on_queued(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state, card.mine = "queued", False
        text = str(data.get("text") or "")
        if not card.thread:
            asked = data.get("follow_up") or {}
            said = [f"({name}: {asked[name]})" for name in _SHOWN_OF_FOLLOW_UPS if name in asked]
            card.thread += said or [f"customer: {text}"]
            if said:
                card.thread.append(text)
        return []

    def _on_requeued(self, card: Card, data: dict[str, Any]) -> list[str]:
        lost = card.mine and data.get("agent") == self.agent
        card.state, card.mine, card.offer = "queued", False, None
        return [f"taken from you ({data.get('reason')}): {card.title}"] if lost else []

    def _on_parked(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state, card.mine = "parked", False
        return []

    def _on_offered(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state = "offered"
        if data["agent"] != self.agent:
            card.offer = None
            return []
        card.offer = data["offer"]
        card.expires_at = datetime.fromisoformat(data["expires_at"])
        return [f"OFFER {card.title}  (accept {card.number} / decline {card.number})"]

    def _offer_over(self, card: Card, data: dict[str, Any], word: str) -> list[str]:
        card.state = "queued"
        was_mine, card.offer = card.offer is not None, None
        return [f"offer {word}: {card.title}"] if was_mine else []

    def _on_offer_declined(self, card: Card, data: dict[str, Any]) -> list[str]:
        return self._offer_over(card, data, "declined")

    def _on_offer_expired(self, card: Card, data: dict[str, Any]) -> list[str]:
        return self._offer_over(card, data, "expired")

    def _on_offer_rescinded(self, card: Card, data: dict[str, Any]) -> list[str]:
        return self._offer_over(card, data, "taken back")

    def _on_assigned(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.offer, card.state = None, "assigned"
        card.mine = data["agent"] == self.agent
        return [f"yours: {card.title}"] if card.mine else []

    def _on_created(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"({data['agent']} sends {data['worker']}: order {data['order']})")
        return []

    def _on_updated(self, card: Card, data: dict[str, Any]) -> list[str]:
        said = f"order {data['order']} of {data['worker']}: {data['state']}"
        card.thread.append(f"({said})")
        return [f"{said}: {card.title}"] if card.mine else []

    def _on_notice_failed(self, card: Card, data: dict[str, Any]) -> list[str]:
        said = f"{data['worker']} was not told of order {data['order']} ({data.get('reason')})"
        card.thread.append(f"({said})")
        return [f"{said}: {card.title}"] if card.mine else []

    def _on_message(self, card: Card, data: dict[str, Any]) -> list[str]:
        sign = data.get("automatic")
        if sign in {"left", "returned"}:
            card.thread.append(f"(customer has {sign})")
            return [f"customer has {sign}: {card.title}"] if card.mine else []
        card.thread.append(f"customer: {data.get('text', '')}")
        return [f"customer wrote: {card.title}"] if card.mine else []

    def _on_replied(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"{data['agent']}: {data['text']}")
        return []

    def _on_noted(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"({data['agent']} notes: {data['text']})")
        return []

    def _on_pending(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state = "pending"
        return []

    def _on_held(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state = "on hold"
        return []

    def _on_changed(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.data |= data["after"]
        changes = ", ".join(f"{name}: {value}" for name, value in data["after"].items())
        return [f"changed: {card.title}: {changes}"] if card.mine else []

    def _on_merged_in(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"customer (merged): {data.get('text', '')}")
        return [f"another ticket was merged into {card.title}"] if card.mine else []

    def _on_split(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"({data['agent']} splits off: {data['text'] or data['subject']})")
        return []

    def _on_consulted(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.thread.append(f"({data['agent']} asks {data['to']}: {data['text']})")
        if data["to"] != self.agent:
            return []
        return [f"{data['agent']} asks you (note {card.number} answers): {data['text']}"]

    def _on_resumed(self, card: Card, data: dict[str, Any]) -> list[str]:
        card.state = "assigned"
        return [f"goes on: {card.title}"] if card.mine else []

    def _on_removed(self, card: Card, data: dict[str, Any]) -> list[str]:
        self._cards.pop(card.ticket, None)
        # One's own resolving is no news.
        lost = (card.mine and data.get("reason") != "resolved") or card.offer
        return [f"gone ({data.get('reason')}): {card.title}"] if lost else []

    def _on_resolved(self, card: Card, data: dict[str, Any]) -> list[str]:
        self._cards.pop(card.ticket, None)
        return []
