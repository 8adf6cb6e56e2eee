"""Dispatch's core by itself, for what a whole router in one world cannot show.

Two pools on two partitions, a step that raised, a shard that comes up again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from channels.contract import decode, encode
from channels.defaults import fill
from channels.identity import conversation_key, ticket_id
from router.core.commands import Command
from router.core.dispatch import Dispatch
from router.core.events import RulebookActivated, TicketMessage, TicketMoved, TicketTriaged
from router.core.outputs import Given, Output
from router.world import LETTERHEAD
from rules.load import version
from tests.unit.router.core.story import START, Rules, rules, written

_OF_TYPE = {one.TYPE: one for one in (TicketMoved, TicketMessage, TicketTriaged)}


class Core:
    """A dispatch core; every input gets an id of its own."""

    def __init__(self, changes: str = "") -> None:
        self.core = Dispatch(LETTERHEAD)
        self._count = 0
        self._activations = 0
        self.enforce(rules(changes))

    def enforce(self, rulebook: Rules) -> list[Output]:
        """Put a rulebook in force."""
        self._activations += 1
        return self.step(activation(self._activations, rulebook))

    def given(self, event: object, seconds: float = 0) -> Given:
        """How the next input comes, `seconds` after the beginning."""
        self._count += 1
        return Given(f"cause-{self._count}", at(seconds), encode(event))

    def step(self, event: object, seconds: float = 0) -> list[Output]:
        """One input; its changes are committed."""
        outputs = self.core.step(event, self.given(event, seconds), at(seconds))
        self.core.journal.committed()
        return outputs

    def take_in(self, output: Output, seconds: float = 0) -> list[Output]:
        """What another core has written comes here, as the log would bring it."""
        value = output.data if isinstance(output.data, bytes) else encode(output.data)
        return self.step(decode(self.core.contracts[output.type], value), seconds)

    def command(self, agent: str, command: str, seconds: float = 0, **fields: Any) -> list[Output]:
        """An agent's command."""
        self._count += 1
        order = Command(id=f"c{self._count}", agent=agent, command=cast("Any", command), **fields)
        return self.step(order, seconds)

    def fire(self, seconds: float) -> list[Output]:
        """Everything that is due before `seconds`."""
        found: list[Output] = []
        while (outputs := self.core.fire(at(seconds), at(seconds))) is not None:
            found += outputs
        return found


def activation(number: int, rulebook: Rules) -> RulebookActivated:
    """The order to put a rulebook in force."""
    files = written(rulebook)
    return RulebookActivated(activation=number, version=version(files), files=files)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the beginning."""
    return START + timedelta(seconds=seconds)


def triaged(
    name: str = "x1",
    queue: str = "billing",
    pool: str = "service",
    channel: str = "sms",
    **fields: Any,
) -> TicketTriaged:
    """Triage's order to take on the ticket of the request `name`."""
    request = fill(
        {"channel": channel, "account": "shop", "external_id": name, "sender": "+8610"}, at=START
    )
    key = conversation_key(request.channel, request.account, request.sender.address)
    decided: dict[str, Any] = {
        "type": None, "priority": 0, "skills": {}, "tier": None, "sla": "standard", "tags": (),
        "language": None, "customer": None, "rule": "default", "rulebook": "", "activation": 1,
        "number": 1, "previous": None,
    }  # fmt: skip
    return TicketTriaged(
        ticket=ticket_id(request.id), conversation=f"{key}-1", pool=pool, queue=queue,
        request=request, **(decided | fields),
    )  # fmt: skip


def message(ticket: TicketTriaged, number: int, **fields: Any) -> TicketMessage:
    """Triage's order to add the customer's message `number` to the ticket."""
    request = fill(
        {"channel": "sms", "account": "shop", "external_id": f"m{number}", "sender": "+8610",
         "text": f"message {number}"},
        at=START,
    )  # fmt: skip
    known: dict[str, Any] = {"pool": ticket.pool, "automatic": None, "activation": 1}
    return TicketMessage(
        ticket=ticket.ticket, conversation=ticket.conversation, number=number, request=request,
        **(known | fields),
    )  # fmt: skip


def of(outputs: list[Output], type: str) -> list[Output]:
    """The outputs of a type."""
    return [output for output in outputs if output.type == type]


def types(outputs: list[Output] | None) -> list[str]:
    """The types of what a core yielded, of each event once."""
    return list(dict.fromkeys(output.type for output in outputs or ()))


def fields_of(output: Output) -> Mapping[str, Any]:
    """An output's data as fields."""
    found: Mapping[str, Any] = decode(dict[str, Any], encode(output.data))
    return found
