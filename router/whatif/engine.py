"""Both cores in virtual time, hand in hand: what one yields is what the other gets.

`router.world` plays the same over a memory log, record by record. Here nothing is encoded, stored
or polled, so that a day's traffic takes a minute; a test holds the two to the same events.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from channels.request import CustomerRequest
from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.core.events import CustomerChanged, RulebookActivated, TicketMessage, TicketTriaged
from router.core.outputs import Given, Output
from router.core.triage import Triage
from router.stepping import TIMER_RETRY
from router.topics import REQUESTS_INBOUND, TICKETS_FEEDBACK, TICKETS_TRIAGED, Stage
from router.world import LETTERHEAD, TICK
from rules.load import version

ROUNDS = 100_000
_PASSED_ON = {
    TICKETS_TRIAGED: Stage.DISPATCH,
    TICKETS_FEEDBACK: Stage.TRIAGE,
    REQUESTS_INBOUND: Stage.TRIAGE,
}
_EMBEDDING = (TicketTriaged, TicketMessage)


class _Input(NamedTuple):
    """What a core is to step, and the id of its cause."""

    event: Any
    cause: str


class Engine:
    """A router whose clock the caller moves. `heard` gets every output, in order.

    `dead_letters` counts the inputs whose step raised, by the error's name.
    """

    def __init__(
        self, files: Mapping[str, str], start: datetime, heard: Callable[[Output], None]
    ) -> None:
        self.now = start
        self.dead_letters: Counter[str] = Counter()
        self.triage = Triage(LETTERHEAD)
        self.dispatch = Dispatch(LETTERHEAD)
        self._cores: tuple[Triage | Dispatch, ...] = (self.triage, self.dispatch)
        self._inboxes: dict[Stage, deque[_Input]] = {core.stage: deque() for core in self._cores}
        self._heard = heard
        named = version(files)
        event = RulebookActivated(activation=1, version=named, files=dict(files))
        for core in self._cores:
            self._inboxes[core.stage].append(_Input(event, "rulebook/1"))
        self._rest(self.now)

    def customer(self, event: CustomerChanged) -> None:
        """Take a customer's reference data."""
        self._publish(Stage.TRIAGE, event, f"customer/{event.id}")

    def request(self, request: CustomerRequest) -> None:
        """A customer's request comes now."""
        self._publish(Stage.TRIAGE, request, request.id)

    def command(self, command: Command) -> None:
        """An agent's command comes now."""
        self._publish(Stage.DISPATCH, command, f"command/{command.id}")

    def advance(self, to: datetime) -> None:
        """Let time pass: what is due before `to` fires at its own instant, what is due at it not.

        So an action at exactly the due instant, which comes next, is in time.
        """
        while self.tick(to):
            pass

    def tick(self, to: datetime) -> bool:
        """Let what is due next fire; False: nothing is due before `to`, and now it is `to`."""
        due = self._next_due()
        if due is None or due >= to:
            self.now = max(self.now, to)
            return False
        self.now = max(self.now, due)
        self._rest(self.now + TICK)
        return True

    def finish(self) -> None:
        """Let what is due at the present instant fire."""
        self._rest(self.now + TICK)

    def _next_due(self) -> datetime | None:
        instants = (core.next_at() for core in self._cores)
        return min((at for at in instants if at is not None), default=None)

    def _publish(self, stage: Stage, event: object, cause: str) -> None:
        self._inboxes[stage].append(_Input(event, cause))
        self._rest(self.now)

    def _rest(self, before: datetime) -> None:
        """Turn the cores until neither has anything left to do at this instant."""
        for _ in range(ROUNDS):
            for core in self._cores:
                self._turn(core, before)
            if not any(self._inboxes.values()):
                return
        raise RuntimeError("the cores do not come to rest at one instant")

    def _turn(self, core: Triage | Dispatch, before: datetime) -> None:
        """One round of a core: all that has come, then all that is due before `before`."""
        inbox = self._inboxes[core.stage]
        for _ in range(len(inbox)):
            self._step(core, inbox.popleft())
        while self._fire(core, before):
            pass

    def _step(self, core: Triage | Dispatch, one: _Input) -> None:
        given = Given(one.cause, self.now)
        try:
            outputs = core.step(one.event, given, self.now)
        except Exception as error:  # noqa: BLE001 - as in a shard: it is set aside, others go on
            core.journal.rollback()
            self.dead_letters[type(error).__name__] += 1
            outputs = core.fallback(one.event, given, self.now) or []
        core.journal.committed()
        self._pass_on(outputs, one.event)

    def _fire(self, core: Triage | Dispatch, before: datetime) -> bool:
        try:
            outputs = core.fire(before, self.now)
        except Exception as error:  # noqa: BLE001 - as in a shard: it is put off, others go on
            core.journal.rollback()
            core.postpone(self.now + TIMER_RETRY)
            self.dead_letters[type(error).__name__] += 1
            outputs = []
        core.journal.committed()
        if outputs is not None:
            self._pass_on(outputs, None)
        return outputs is not None

    def _pass_on(self, outputs: list[Output], source: object) -> None:
        """Tell what came of a step, and give the other core its part of it."""
        for output in outputs:
            stage = _PASSED_ON.get(output.topic)
            if stage is not None:
                event = _whole(output.data, source)
                self._inboxes[stage].append(_Input(event, output.id))
                output = msgspec.structs.replace(output, data=event)  # noqa: PLW2901 - whole now
            self._heard(output)


def _whole(data: object, source: object) -> object:
    """An event as its reader has it: what embeds the step's input embeds the input itself."""
    if isinstance(data, _EMBEDDING):
        return msgspec.structs.replace(data, request=source)
    return source if isinstance(data, msgspec.Raw) else data
