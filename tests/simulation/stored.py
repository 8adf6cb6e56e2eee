"""Stored records as the checkers take them, who know nothing of the router's types."""

import json

from router.log.protocol import Record
from tests.simulation.checkers import Event


def event_of(record: Record) -> Event:
    """The event that a stored record holds."""
    envelope = record.envelope
    data = json.loads(record.value)
    return Event(record.topic, record.key, envelope.id, envelope.type, envelope.time, data)
