"""Which handler answers which command."""

from collections.abc import Callable

from router.core.commands import Command
from router.core.handlers.aside import hold, pending
from router.core.handlers.flags import flag_decision
from router.core.handlers.follow_up import follow_up, follow_up_cancel
from router.core.handlers.merges import merge
from router.core.handlers.offers import accept, decline, take
from router.core.handlers.orders import order, order_update
from router.core.handlers.presence import presence
from router.core.handlers.splits import split
from router.core.handlers.staff import agent_set
from router.core.handlers.supervise import assign, escalation_acknowledge
from router.core.handlers.talk import consult, note
from router.core.handlers.transfers import transfer
from router.core.handlers.updates import update
from router.core.handlers.work import reopen, resolve, resume, step_done
from router.core.handlers.wrap_up import wrap_up
from router.core.turn import Turn

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
    "follow_up": follow_up,
    "follow_up_cancel": follow_up_cancel,
    "order": order,
    "order_update": order_update,
    "wrap_up": wrap_up,
    "agent_set": agent_set,
    "assign": assign,
    "merge": merge,
    "split": split,
    "update": update,
    "hold": hold,
    "consult": consult,
    "escalation_acknowledge": escalation_acknowledge,
    "flag_decision": flag_decision,
}
"""Every command but `reply`, which needs the letterhead too."""
