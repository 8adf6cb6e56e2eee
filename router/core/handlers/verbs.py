"""Which handler answers which command."""

from collections.abc import Callable

from router.core.commands import Command
from router.core.desk import Turn
from router.core.handlers.offers import accept, decline, take
from router.core.handlers.presence import presence
from router.core.handlers.staff import agent_set
from router.core.handlers.talk import note
from router.core.handlers.work import pending, reopen, resolve, resume, step_done, transfer
from router.core.handlers.wrap_up import wrap_up

Handler = Callable[[Turn, Command], None]

HANDLERS: dict[str, Handler] = {
    "presence": presence,
    "take": take,
    "accept": accept,
    "decline": decline,
    "note": note,
    "transfer": transfer,
    "pending": pending,
    "resume": resume,
    "step_done": step_done,
    "resolve": resolve,
    "reopen": reopen,
    "wrap_up": wrap_up,
    "agent_set": agent_set,
}
"""Every command but `reply`, which needs the letterhead too."""
