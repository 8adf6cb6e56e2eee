"""The live table: queues, service levels that run out, and what escalates. Pure but for `rich`."""

import heapq
from collections import Counter, deque
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

FEED_LINES = 10
CLOCK_LINES = 8

_LEAVES = {"ticket.resolved", "ticket.closed"}
_STATES = {
    "ticket.queued": "waiting",
    "ticket.requeued": "waiting",
    "ticket.offer_declined": "waiting",
    "ticket.offer_expired": "waiting",
    "ticket.offer_rescinded": "waiting",
    "ticket.offered": "offered",
    "ticket.assigned": "assigned",
    "ticket.parked": "parked",
}


class Board:
    """What operations see, folded from the events of tickets."""

    def __init__(self) -> None:
        self._tickets: dict[str, tuple[str, str]] = {}
        self._clocks: dict[tuple[str, str, int], datetime] = {}
        self._feed: deque[Text] = deque(maxlen=FEED_LINES)
        self._counts: Counter[str] = Counter()

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """Fold one event of `tickets.events` in."""
        self._counts[kind] += 1
        ticket = data.get("ticket")
        if kind in _STATES:
            self._tickets[str(ticket)] = data["queue"], _STATES[kind]
        elif kind in _LEAVES:
            self._tickets.pop(str(ticket), None)
            self._clocks = {key: at for key, at in self._clocks.items() if key[0] != ticket}
        elif kind.startswith("sla."):
            self._clock(kind, data)

    def _clock(self, kind: str, data: dict[str, Any]) -> None:
        key = data["ticket"], data["target"], data["cycle"]
        if kind in {"sla.met", "sla.paused", "sla.breached"}:
            self._clocks.pop(key, None)
        elif data.get("due_at") is not None and kind in {"sla.started", "sla.resumed"}:
            self._clocks[key] = datetime.fromisoformat(data["due_at"])
        if kind in {"sla.warning", "sla.breached", "sla.escalated", "sla.cleared"}:
            self._feed.append(_line(kind, data))

    def render(self, sent: int, total: int, hint: str) -> RenderableType:
        """The whole screen; `hint` says what else can be done."""
        return Group(
            Text(
                f"{sent} of {total} inputs sent · {self._counts['ticket.opened']} tickets · "
                f"{self._counts['ticket.assigned']} assigned · "
                f"{self._counts['sla.breached']} breaches",
                style="bold",
            ),
            self._queues(),
            self._countdowns(),
            Panel(Group(*self._feed), title="escalations", title_align="left"),
            Text(hint, style="dim"),
        )

    def _queues(self) -> Table:
        counts: dict[str, Counter[str]] = {}
        for queue, state in self._tickets.values():
            counts.setdefault(queue, Counter())[state] += 1
        table = Table("queue", "waiting", "offered", "assigned", title_justify="left", expand=True)
        for queue, states in sorted(counts.items()):
            table.add_row(
                queue, *(str(states[state] or "") for state in ("waiting", "offered", "assigned"))
            )
        return table

    def _countdowns(self) -> Table:
        now = datetime.now(UTC)
        table = Table("next to lapse", "target", "in", expand=True)
        for (ticket, target, _), due in heapq.nsmallest(
            CLOCK_LINES, self._clocks.items(), key=lambda entry: entry[1]
        ):
            left = (due - now).total_seconds()
            style = "red" if left < 2 else "yellow" if left < 4 else "green"
            queue = self._tickets.get(ticket, ("", ""))[0]
            table.add_row(f"{ticket} {queue}", target, Text(f"{left:5.1f} s", style=style))
        return table


def _line(kind: str, data: dict[str, Any]) -> Text:
    word = kind.partition(".")[2]
    styles = {"warning": "yellow", "breached": "red", "escalated": "bold red", "cleared": "green"}
    if kind == "sla.escalated":
        level = f"level {data['level']} -> {', '.join(data['notify']) or 'recorded'}"
    else:
        level = data.get("reason") or ""
    return Text(
        f"{word:<10} {data['ticket']} {data['queue']:<12} {data['target']:<15} {level}",
        style=styles[word],
    )
