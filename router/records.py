"""Records that edges publish besides requests: a rulebook's activation, a desktop's command."""

from collections.abc import Mapping
from datetime import datetime

from channels.contract import encode
from router.core.commands import Command
from router.core.events import RulebookActivated
from router.log.protocol import Envelope, Message
from router.topics import AGENT_COMMANDS, RULEBOOK
from rules.load import version


def activation(files: Mapping[str, str], number: int, at: datetime) -> Message:
    """Puts a rulebook in force; `number` grows with every activation, also a rollback's."""
    event = RulebookActivated(activation=number, version=version(files), files=dict(files))
    return Message(
        topic=RULEBOOK,
        key="current",
        value=encode(event),
        envelope=Envelope(
            id=f"rulebook/{number}", type=event.TYPE, source="switchboard/rulebook", time=at
        ),
    )


def command(order: Command, pool: str, at: datetime) -> Message:
    """A desktop's command, for the pool that its agent belongs to."""
    return Message(
        topic=AGENT_COMMANDS,
        key=pool,
        value=encode(order),
        envelope=Envelope(
            id=f"command/{order.id}",
            type="agent.command",
            source=f"switchboard/desktop/{order.agent}",
            time=at,
        ),
    )
