"""What must become of the samples: their manifest, and the totals that follow from it.

The totals are those of the demo's summary that depend on the samples alone; assignments, warnings
and escalations depend on how quick the agents are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from channels.errors import Malformed
from channels.request import Channel
from router.demo.summary import CHANNELS
from router.demo.traffic import MANIFEST

NOT_WITHHELD = frozenset({"sent", "none"})
"""What `ack` says besides the reasons: it was sent, or no rule names one."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input: what it is, and what becomes of it. The manifest's head says what a field means.

    `sender` is the address as it is normalized, or for a call as it is logged.
    """

    channel: Channel
    what: str
    sender: str
    ticket: Literal["opens", "joins", "filed", "none"] = "none"
    queue: str | None = None
    type: str | None = None
    ack: str | None = None
    reason: str | None = None
    joined: str | None = msgspec.field(default=None, name="with")
    duplicate: bool = False
    deadletter: bool = False
    refused: bool = False
    tier: str | None = None
    attachments: int = 0
    defects: bool = False

    @property
    def received(self) -> bool:
        """Whether it becomes a request: the line of a call that goes on does not."""
        return self.ticket != "none" or self.duplicate


def load(folder: Path) -> dict[str, Entry]:
    """The manifest in `folder`, by input. Raises `Malformed` when it is none."""
    path = folder / MANIFEST
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(entries, dict[str, Entry])
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Malformed(f"{path}: {error}") from error


def expected(manifest: Mapping[str, Entry]) -> dict[str, Any]:
    """The part of the demo's summary that follows from `manifest`, under the summary's names."""
    entries = manifest.values()
    received: Counter[str] = Counter(one.channel for one in entries if one.received)
    acks = Counter(one.ack for one in entries if one.ack is not None)
    return {
        "received": {channel: received[channel] for channel in CHANNELS},
        "duplicates": sum(one.duplicate for one in entries),
        "tickets": sum(one.ticket == "opens" for one in entries),
        "acks": acks["sent"],
        "acks_withheld": _counted(one for one in acks.elements() if one not in NOT_WITHHELD),
        "filed": _counted(one.reason for one in entries if one.reason is not None),
        "deadletters": sum(one.deadletter for one in entries),
        "refused": sum(one.refused for one in entries),
    }


def _counted(reasons: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(reasons).items()))
