"""`switchboard notices`: whether a contact of the rulebook can be reached."""

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import httpx
import typer

from channels.chat.hub import ChatHub
from channels.errors import Malformed, Unavailable
from channels.inbox import utc_now
from channels.outbound import OutboundMessage
from channels.sending import Delivery, Sender
from router.core.entities.notice import Alarm
from router.core.writing import messages
from router.edges import wiring
from router.edges.ledger import account_of
from router.rulebook_files import read_folder
from router.settings import Config, load
from router.visible import visible
from rules.index import Compiled, compile_rulebook
from rules.wording import did_you_mean

app = typer.Typer(help="Notices to the rulebook's contacts.", no_args_is_help=True)

TEST_TYPE = "sla.notice.test"
_REACHED = frozenset({"sent", "delivered"})


@app.callback()
def notices() -> None:
    """Notices to the rulebook's contacts."""


@app.command("test")
def try_out(
    contact: Annotated[str, typer.Argument(help="The contact's name in the rulebook.")],
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
) -> None:
    """Send one signed test notice by each way of a contact, at once, and say what came back.

    Quiet hours do not hold it. Exit code 1: some way refuses it; 3: some way does not answer.
    """
    settings = load(config)
    compiled = compile_rulebook(read_folder(settings.path(settings.settings.rulebook)))
    outcomes = asyncio.run(_sent_to_all(settings, list(_messages(compiled, contact))))
    if any(isinstance(one, Delivery) and one.outcome not in _REACHED for one in outcomes):
        raise typer.Exit(1)
    for one in outcomes:
        if isinstance(one, Unavailable):
            raise typer.Exit(3)


def _messages(compiled: Compiled, name: str) -> list[OutboundMessage]:
    rulebook = compiled.rulebook
    contact = rulebook.contacts.get(name)
    if contact is None:
        hint = did_you_mean(name, rulebook.contacts) or "; see `contacts` in the rulebook"
        raise Malformed(f"there is no contact {name!r}{hint}")
    if not contact.email and contact.webhook is None:
        raise Malformed(f"contact {name!r} has neither email nor webhook")
    now, pool = utc_now(), next(iter(rulebook.pools))
    alarm = Alarm(
        id=f"test/{uuid.uuid4().hex}", ticket="test", pool=pool,
        queue=rulebook.pools[pool].queues[0], target="first_response", cycle=0, level=1,
        due_at=now, lapsed_at=now, subject="switchboard notices test",
    )  # fmt: skip
    return list(messages(compiled, name, contact, [alarm], now, type=TEST_TYPE))


async def _sent_to_all(
    config: Config, found: list[OutboundMessage]
) -> list[Delivery | Unavailable]:
    outcomes: list[Delivery | Unavailable] = []
    async with httpx.AsyncClient() as client:
        ways = wiring.senders(config, ChatHub(), client)
        for message in found:
            sender: Sender | None = ways.get(account_of(message))
            if message.channel == "webhook":
                sender = wiring.webhooks(config, client)
            outcome = await _sent(sender, message)
            outcomes.append(outcome)
            where = message.account if message.channel == "webhook" else message.to
            typer.echo(visible(f"{message.channel} {where}: {_words(outcome)}"))
    return outcomes


async def _sent(sender: Sender | None, message: OutboundMessage) -> Delivery | Unavailable:
    if sender is None:
        reason = f"no sender is configured for {'/'.join(account_of(message))}"
        return Delivery("failed", permanent=True, reason=reason)
    try:
        return await sender.send(message)
    except Unavailable as error:
        return error


def _words(outcome: Delivery | Unavailable) -> str:
    if isinstance(outcome, Unavailable):
        return f"no answer: {outcome}"
    return f"{outcome.outcome} ({outcome.reason})" if outcome.reason else outcome.outcome
