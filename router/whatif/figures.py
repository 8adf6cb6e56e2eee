"""What one run came to, from the events that it emitted. Pure.

`Figures` follows the outputs of both cores in order; `finish` yields what is compared. Counted are
the events of `tickets.events` alone: those that also go to the queues' topics are the same ones.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from router.core import events as e
from router.core.outputs import Output
from router.topics import TICKETS_EVENTS
from router.whatif.gauges import Buckets, Gauge, Level, Spread, spread

OFFER, ASSIGNMENT, REPLY, RESOLUTION = "offer", "assignment", "reply", "resolution"
TIMES = (OFFER, ASSIGNMENT, REPLY, RESOLUTION)
ALL_QUEUES = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of the clocks of one target in one queue.

    `ended` clocks were neither met nor breached when their ticket was resolved, `running` ones when
    the run was over. A breached clock stays breached, also if it was met afterwards.
    """

    met: int = 0
    breached: int = 0
    ended: int = 0
    running: int = 0


class QueueFigures(msgspec.Struct, frozen=True):
    """One queue: tickets that were opened in it, came to it later, and those that waited."""

    opened: int
    moved_in: int
    waiting: Level


class AgentFigures(msgspec.Struct, frozen=True):
    """One agent: what they took, answered, settled, let pass; the tickets in their hands."""

    assigned: int
    replied: int
    resolved: int
    refused: int
    in_hand: Level


class RunFigures(msgspec.Struct, frozen=True):
    """All that one run came to. Keys of `targets` and `times`: first the kind, then the queue.

    The queue `""` in `times` is all of them together.
    """

    tickets: int
    messages: int
    duplicates: int
    filed: dict[str, int]
    dead_letters: dict[str, int]
    queues: dict[str, QueueFigures]
    targets: dict[str, dict[str, Outcome]]
    warnings: int
    escalations: dict[int, int]
    times: dict[str, dict[str, Spread]]
    agents: dict[str, AgentFigures]
    in_hand: Level
    acks: dict[str, int]
    withheld: dict[str, int]
    accepted: int
    rejected: dict[str, int]


class _Case:
    """What must be remembered of a ticket until it is closed."""

    __slots__ = ("agent", "opened_at", "queue", "resolved", "running", "seen", "waits_in")

    def __init__(self, queue: str, opened_at: datetime) -> None:
        self.queue = queue
        self.opened_at = opened_at
        self.waits_in: str | None = None
        self.agent: str | None = None
        self.resolved = False
        self.seen: set[str] = set()
        self.running: dict[tuple[str, int], str] = {}


class Figures:
    """Follows one run. `take` wants its outputs in order, `finish` its last instant."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._cases: dict[str, _Case] = {}
        self._count: Counter[str] = Counter()
        self._filed: Counter[str] = Counter()
        self._acks: Counter[str] = Counter()
        self._withheld: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._escalations: Counter[int] = Counter()
        self._outcomes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._times: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._queues: dict[str, Counter[str]] = defaultdict(Counter)
        self._agents: dict[str, Counter[str]] = defaultdict(Counter)
        self._waiting: dict[str, Gauge] = {}
        self._in_hand: dict[str, Gauge] = {}
        self._all_in_hand = Gauge(buckets)
        self._of_requests: dict[type[Any], Callable[[Any], None]] = {
            e.RequestDuplicate: lambda _: self._counted("duplicates"),
            e.RequestFiled: self._request_filed,
            e.CommandAccepted: lambda _: self._counted("accepted"),
            e.CommandRejected: self._command_rejected,
        }
        self._of_tickets: dict[type[Any], Callable[[_Case, Any, datetime], None]] = {
            e.TicketQueued: self._waits,
            e.TicketRequeued: self._waits,
            e.TicketOffered: self._offered,
            e.TicketOfferDeclined: self._refused,
            e.TicketOfferExpired: self._refused,
            e.TicketAssigned: self._assigned,
            e.TicketMessageReceived: lambda *_: self._counted("messages"),
            e.TicketReplied: self._replied,
            e.TicketTransferred: self._transferred,
            e.TicketPending: self._set_aside,
            e.TicketHeld: self._set_aside,
            e.TicketResumed: self._resumed,
            e.TicketResolved: self._resolved,
            e.TicketReopened: self._reopened,
            e.TicketMerged: self._merged,
            e.SlaStarted: self._started,
            e.SlaMet: self._met,
            e.SlaBreached: self._breached,
            e.SlaWarning: lambda *_: self._counted("warnings"),
            e.SlaEscalated: self._escalated,
        }

    def take(self, output: Output) -> None:
        """Follow one output."""
        if output.topic != TICKETS_EVENTS:
            return
        data, at = output.data, output.time
        kind = type(data)
        if kind is e.TicketOpened:
            self._opened(data)
        elif (of_request := self._of_requests.get(kind)) is not None:
            of_request(data)
        elif kind is e.TicketClosed:
            self._closed(data)
        elif (of_ticket := self._of_tickets.get(kind)) is not None:
            of_ticket(self._case(data), data, at)

    def finish(self, end: datetime, dead_letters: Counter[str]) -> RunFigures:
        """What it came to, at `end`."""
        for case in self._cases.values():
            self._settle(case, "ended" if case.resolved else "running")
        return RunFigures(
            tickets=self._count["tickets"],
            messages=self._count["messages"],
            duplicates=self._count["duplicates"],
            filed=_sorted(self._filed),
            dead_letters=_sorted(dead_letters),
            queues=self._queue_figures(end),
            targets=self._target_figures(),
            warnings=self._count["warnings"],
            escalations=dict(sorted(self._escalations.items())),
            times=self._time_figures(),
            agents=self._agent_figures(end),
            in_hand=self._all_in_hand.level(end),
            acks=_sorted(self._acks),
            withheld=_sorted(self._withheld),
            accepted=self._count["accepted"],
            rejected=_sorted(self._rejected),
        )

    def _counted(self, name: str) -> None:
        self._count[name] += 1

    # -- requests and commands

    def _request_filed(self, data: e.RequestFiled) -> None:
        self._filed[data.reason] += 1

    def _command_rejected(self, data: e.CommandRejected) -> None:
        self._rejected[data.reason] += 1

    def _opened(self, data: e.TicketOpened) -> None:
        self._counted("tickets")
        self._queues[data.queue]["opened"] += 1
        self._cases[data.ticket] = _Case(data.queue, data.at)
        if data.ack_withheld is not None:
            self._withheld[data.ack_withheld] += 1
        elif data.ack is not None:
            self._acks[data.ack] += 1

    def _case(self, data: e.TicketEvent) -> _Case:
        case = self._cases.get(data.ticket)
        if case is None:
            case = self._cases[data.ticket] = _Case(data.queue, data.at)
        return case

    # -- where a ticket is

    def _place(
        self, case: _Case, at: datetime, *, waits_in: str | None = None, agent: str | None = None
    ) -> None:
        """The ticket waits in a queue, is in an agent's hands, or neither."""
        if waits_in != case.waits_in:
            self._shift(self._waiting, case.waits_in, -1, at)
            self._shift(self._waiting, waits_in, 1, at)
            case.waits_in = waits_in
        if agent != case.agent:
            self._shift(self._in_hand, case.agent, -1, at)
            self._shift(self._in_hand, agent, 1, at)
            self._all_in_hand.add((agent is not None) - (case.agent is not None), at)
            case.agent = agent

    def _shift(self, gauges: dict[str, Gauge], name: str | None, by: int, at: datetime) -> None:
        if name is not None:
            if name not in gauges:
                gauges[name] = Gauge(self._buckets)
            gauges[name].add(by, at)

    def _waits(self, case: _Case, data: e.TicketEvent, at: datetime) -> None:
        self._place(case, at, waits_in=data.queue)

    def _offered(self, case: _Case, data: e.TicketOffered, at: datetime) -> None:
        del at
        self._first(case, OFFER, data)

    def _refused(self, case: _Case, data: e.OfferEnded, at: datetime) -> None:
        del case, at
        self._agents[data.agent]["refused"] += 1

    def _assigned(self, case: _Case, data: e.TicketAssigned, at: datetime) -> None:
        self._agents[data.agent]["assigned"] += 1
        self._first(case, OFFER, data)
        self._first(case, ASSIGNMENT, data)
        self._place(case, at, agent=data.agent)

    def _replied(self, case: _Case, data: e.TicketReplied, at: datetime) -> None:
        del at
        self._agents[data.agent]["replied"] += 1
        self._first(case, REPLY, data)

    def _transferred(self, case: _Case, data: e.TicketTransferred, at: datetime) -> None:
        self._queues[data.queue]["moved_in"] += 1
        self._place(case, at, waits_in=data.queue)

    def _set_aside(self, case: _Case, data: e.TicketEvent, at: datetime) -> None:
        del data
        self._place(case, at)

    def _resumed(self, case: _Case, data: e.TicketResumed, at: datetime) -> None:
        self._place(case, at, agent=data.agent)

    def _resolved(self, case: _Case, data: e.TicketResolved, at: datetime) -> None:
        self._agents[data.agent]["resolved"] += 1
        self._first(case, RESOLUTION, data)
        self._place(case, at)
        case.resolved = True

    def _reopened(self, case: _Case, data: e.TicketReopened, at: datetime) -> None:
        del data, at
        self._settle(case, "ended")
        case.resolved = False

    def _merged(self, case: _Case, data: e.TicketMerged, at: datetime) -> None:
        self._place(case, at)
        self._closed(data)

    def _closed(self, data: e.TicketClosed | e.TicketMerged) -> None:
        case = self._cases.pop(data.ticket, None)
        if case is not None:
            self._settle(case, "ended")

    def _first(self, case: _Case, kind: str, data: e.TicketEvent) -> None:
        """The first time that this happens to the ticket."""
        if kind not in case.seen:
            case.seen.add(kind)
            seconds = (data.at - case.opened_at) / timedelta(seconds=1)
            self._times[kind, data.queue].append(seconds)
            self._times[kind, ALL_QUEUES].append(seconds)

    # -- clocks

    def _started(self, case: _Case, data: e.SlaStarted, at: datetime) -> None:
        del at
        case.running[data.target, data.cycle] = data.queue

    def _met(self, case: _Case, data: e.SlaMet, at: datetime) -> None:
        del at
        if case.running.pop((data.target, data.cycle), None) is not None:
            self._outcomes[data.target, data.queue]["met"] += 1

    def _breached(self, case: _Case, data: e.SlaBreached, at: datetime) -> None:
        del at
        case.running.pop((data.target, data.cycle), None)
        self._outcomes[data.target, data.queue]["breached"] += 1

    def _escalated(self, case: _Case, data: e.SlaEscalated, at: datetime) -> None:
        del case, at
        self._escalations[data.level] += 1

    def _settle(self, case: _Case, how: str) -> None:
        """The clocks that still run are over."""
        for (target, _), queue in case.running.items():
            self._outcomes[target, queue][how] += 1
        case.running.clear()

    # -- the end

    def _queue_figures(self, end: datetime) -> dict[str, QueueFigures]:
        for name in self._waiting:
            self._queues[name].update(())
        return {
            name: QueueFigures(
                count["opened"],
                count["moved_in"],
                (self._waiting.get(name) or Gauge(self._buckets)).level(end),
            )
            for name, count in sorted(self._queues.items())
        }

    def _agent_figures(self, end: datetime) -> dict[str, AgentFigures]:
        return {
            name: AgentFigures(
                count["assigned"],
                count["replied"],
                count["resolved"],
                count["refused"],
                (self._in_hand.get(name) or Gauge(self._buckets)).level(end),
            )
            for name, count in sorted(self._agents.items())
        }

    def _target_figures(self) -> dict[str, dict[str, Outcome]]:
        found: dict[str, dict[str, Outcome]] = {}
        for (target, queue), count in sorted(self._outcomes.items()):
            found.setdefault(target, {})[queue] = Outcome(**count)
        return found

    def _time_figures(self) -> dict[str, dict[str, Spread]]:
        return {
            kind: {
                queue: spread(values)
                for (one, queue), values in sorted(self._times.items())
                if one == kind
            }
            for kind in TIMES
        }


def _sorted(count: Counter[str]) -> dict[str, int]:
    """The counts by name."""
    return dict(sorted(count.items()))
