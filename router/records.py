"""Records that edges publish besides requests: a rulebook's activation, a desktop's command."""

from collections.abc import Mapping
from datetime import datetime

from channels.contract import encode
from router.core.commands import Command
from router.core.events import RulebookActivated
from router.core.packing import pack
from router.log.protocol import Envelope, Message
from router.topics import AGENT_COMMANDS, RULEBOOK
from rules.load import version


def activation(
    files: Mapping[str, str],
    number: int,
    at: datetime,
    *,
    by: str = "",
    note: str = "",
    origin: str = "folder",
    rollback_of: int | None = None,
    routes: int = 0,
) -> Message:
    """Puts a rulebook in force; `number` grows with every activation, also a rollback's.

    The key is the activation's own, so that compaction forgets none; the version is a part of it,
    for two programs may come to the same number at once, and both records have to stay.
    """
    plain, packed = pack(files)
    event = RulebookActivated(
        activation=number, version=version(files), files=plain, packed=packed,
        by=by, note=note, origin=origin, rollback_of=rollback_of, routes=routes,
    )  # fmt: skip
    name = f"{number}/{event.version}"
    return Message(
        topic=RULEBOOK,
        key=name,
        value=encode(event),
        envelope=Envelope(
            id=f"rulebook/{name}", type=event.TYPE, source="switchboard/rulebook", time=at
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
