"""Putting a rulebook in force: it goes through the log, where every shard reads it."""

from collections.abc import Mapping
from datetime import datetime

from channels.contract import encode
from router.core.events import RulebookActivated
from router.log.protocol import Envelope, Message
from router.topics import RULEBOOK
from rules.load import version


def activation_message(files: Mapping[str, str], number: int, at: datetime) -> Message:
    """The record for topic `rulebook`; `number` grows with every activation, also a rollback's."""
    event = RulebookActivated(activation=number, version=version(files), files=dict(files))
    return Message(
        topic=RULEBOOK,
        key="current",
        value=encode(event),
        envelope=Envelope(
            id=f"rulebook/{number}", type=event.TYPE, source="switchboard/rulebook", time=at
        ),
    )
