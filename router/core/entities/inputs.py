"""What is remembered of the inputs: requests, commands, the rulebook in force."""

from router.core.entities.entity import Entity


class Seen(Entity, frozen=True, kw_only=True):
    """A request that we have: forgotten when the dedup window is over."""


class Remembered(Entity, frozen=True, kw_only=True):
    """The outcome of a command, for whoever sends it again; `rejection` None: accepted.

    `content` is the command's fingerprint: another one under the same id is not that command.
    """

    content: str
    rejection: str | None


class Activation(Entity, frozen=True, kw_only=True):
    """The rulebook in force, whole, so that a restore needs nothing else."""

    activation: int
    version: str
    files: dict[str, str]
    packed: str = ""
