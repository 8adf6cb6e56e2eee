"""`switchboard route`: where requests would go, and why; no broker."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from channels.contract import encode
from channels.defaults import fill
from channels.errors import Malformed
from channels.request import CustomerRequest
from router.commands import output
from router.commands.explained import explained
from router.core.acks import withheld_reason
from router.core.customers import Customers
from router.core.state import Journal
from router.core.triage import facts_of
from router.rulebook_files import read_folder
from router.visible import visible_lines
from rules.decide import decide
from rules.decision import Facts
from rules.index import Compiled, compile_rulebook


def route(
    rulebook: Annotated[Path, typer.Option(help="The rulebook's folder.")],
    source: Annotated[str, typer.Argument(metavar="[FILE]", help="JSON lines; - is stdin.")] = "-",
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Decide as of then (RFC 3339), not of received_at."),
    ] = None,
    explain: Annotated[bool, typer.Option(help="For people: where each goes, and why.")] = False,
) -> None:
    """Decide about CustomerRequest lines: queue, priority, SLA, acknowledgement, explanation."""
    compiled = compile_rulebook(read_folder(rulebook))
    desk = Triager(compiled, _instant(at))
    wrong = 0
    with output.lines() as write:
        for number, text in enumerate(_texts(source), 1):
            try:
                if not text.strip():
                    continue
                facts = desk.facts(desk.request(text))
                started = time.perf_counter()
                outcome = desk.outcome(facts)
                seconds = time.perf_counter() - started
                if explain:
                    said = explained(compiled, facts, outcome, seconds)
                    write("\n".join([*said, ""]).encode())
                else:
                    write(encode(outcome))
            except Malformed as error:
                wrong += 1
                print(f"{source}:{number}: {visible_lines(str(error))}", file=sys.stderr)
    if wrong:
        raise typer.Exit(1)


class Triager:
    """Triage's decision alone: no conversations, no history."""

    def __init__(self, compiled: Compiled, at: datetime | None = None) -> None:
        self._compiled = compiled
        self._at = at
        self._customers = Customers(Journal())
        self._customers.enforce(compiled.rulebook)

    def request(self, text: str | bytes) -> CustomerRequest:
        """The request of one line, missing fields filled in. Raises `Malformed`."""
        return fill(_object(text), at=self._at or datetime.now(UTC))

    def facts(
        self, request: CustomerRequest, *, at: datetime | None = None, tier: str | None = None
    ) -> Facts:
        """What is decided by; `at` and `tier` go before what the request says."""
        customer = self._customers.identify(request)
        at = at or self._at or request.received_at
        found = facts_of(self._compiled, request, customer, at)
        return found if tier is None else msgspec.structs.replace(found, tier=tier)

    def outcome(self, facts: Facts) -> dict[str, Any]:
        """The decision as `route` prints it."""
        request, decision = facts.request, decide(self._compiled, facts)
        withheld = None
        if decision.ack is not None:
            rulebook = self._compiled.rulebook
            has_template = request.channel in rulebook.acks.get(decision.ack, {})
            withheld = withheld_reason(request, rulebook.ack_policy, has_template=has_template)
        return {
            "external_id": request.external_id,
            "queue": None if decision.drop else decision.queue,
            "pool": None if decision.drop else decision.pool,
            "type": decision.type,
            "priority": decision.priority,
            "skills": decision.skills,
            "tier": decision.tier,
            "sla": decision.sla,
            "ack": decision.ack,
            "ack_withheld": withheld,
            "tags": decision.tags,
            "drop": decision.drop,
            "rule": decision.rule,
            "rulebook": decision.rulebook,
            "explanation": decision.explanation,
        }


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Malformed(f"expected a JSON object: {error}") from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise typer.BadParameter(
            f"--at: {text!r} is not an RFC 3339 instant (2027-01-04T09:00:00Z)"
        )
    return at.astimezone(UTC)


def _texts(source: str) -> Iterator[bytes]:
    if source == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield from file
    except OSError as error:
        raise Malformed(f"{source}: {error.strerror}") from None
