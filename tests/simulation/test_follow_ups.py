"""Follow-ups, missed chats and orders, whatever crashes: each comes once, or is taken back."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml

from channels.identity import request_id
from channels.request import CustomerRequest, Kind, Sender
from router.core.commands import Command
from router.edges.intake import request_message
from tests.simulation.chaos import Chaos
from tests.simulation.checkers import Run, violations
from tests.simulation.invariants import remembered
from tests.simulation.rulebooks import RULES, VARIANTS, written
from tests.unit.router.core.story import merged

CHANGES = """
queues: {billing: {missed: rescue}, claims: {missed: archive}}
types: {complaint: {follow_up: {after: 40s, kind: revisit}}}
workers: {li: {phone: "+8613900000001"}}
orders: {account: main}
threading: {reopen: 30s}
"""
MADE = {
    variant: yaml.safe_dump(
        merged(yaml.safe_load(written(variant)), yaml.safe_load(CHANGES)), allow_unicode=True
    )
    for variant in VARIANTS
}
SEEDS = range(30)
MORE_SEEDS = range(30, 200)
STEPS = 700


class Aftermath(Chaos):
    """Agents set follow-ups and send workers, visitors close the chat and come back."""

    def _written(self, variant: str) -> str:
        return MADE[variant]

    def _own_work(self, identity: str) -> Command:
        ticket = self.chance.choice(sorted(self._owned))
        common: dict[str, Any] = {"id": identity, "agent": self._owned[ticket], "ticket": ticket}
        draw = self.chance.random()
        if draw < 0.2:
            return self._follow_up(common)
        if draw < 0.3:
            number = self.chance.choice([None, 1, 2, 3])
            return Command(command="follow_up_cancel", follow_up=number, **common)
        if draw < 0.35:
            return Command(command="order", worker="li", address="here", **common)
        return super()._own_work(identity)

    def _follow_up(self, common: dict[str, Any]) -> Command:
        common["kind"] = self.chance.choice(["callback", "revisit"])
        if self.chance.random() < 0.5:
            after = self.chance.choice(["5s", "30s", "10m"])
            return Command(command="follow_up", after=after, **common)
        due_at = self.now + timedelta(seconds=self.chance.choice([-5, 2, 60]))
        return Command(command="follow_up", due_at=due_at, **common)

    async def _customer_writes(self) -> None:
        if self._requests and self.chance.random() < 0.4:
            await self._comes_or_goes()
            return
        await super()._customer_writes()

    async def _comes_or_goes(self) -> None:
        """A visitor closes the chat, or is back; or the worker answers an order."""
        self._count += 1
        kind: Kind = self.chance.choice(["left", "left", "returned"])
        chats = [one for one in self._requests[-12:] if one.channel == "chat"][-1:]
        one = self.chance.choice(chats or self._requests[-12:])
        channel, address, text = one.channel, one.sender.address, ""
        if self.chance.random() < 0.3:
            channel, address, kind, text = "sms", "+8613900000001", "message", "1"
        external_id = f"m{self._count}"
        request = CustomerRequest(
            id=request_id(channel, "shop", external_id), channel=channel, account="shop",
            external_id=external_id, kind=kind, sender=Sender(address=address), text=text,
            received_at=self.now,
        )  # fmt: skip
        await self._publish(request_message(request))


def each_follow_up_has_one_fate(run: Run) -> list[str]:
    """What was scheduled is due once, or cancelled once, and nothing else is."""
    fates: dict[str, Counter[tuple[str, int]]] = {
        kind: Counter(
            (event.data["ticket"], event.data["number"])
            for event in run.of("tickets.events", f"follow_up.{kind}")
        )
        for kind in ("scheduled", "due", "cancelled")
    }
    scheduled, ended = fates["scheduled"], fates["due"] + fates["cancelled"]
    wrong = [f"scheduled {n} times: {one}" for one, n in scheduled.items() if n > 1]
    wrong += [f"ended {n} times: {one}" for one, n in ended.items() if n > 1]
    return wrong + [f"not both: {one}" for one in scheduled.keys() ^ ended.keys()]


def what_is_due_is_one_request_and_one_ticket(run: Run) -> list[str]:
    """The request is stored once, opens one ticket that names the old one, and joins none."""
    requests = Counter(
        event.id for event in run.of("requests.inbound") if event.data.get("kind") == "follow_up"
    )
    opened = {
        event.data["request"]: event.data["previous"]
        for event in run.of("tickets.events", "ticket.opened")
    }
    due = {
        event.data["request"]: event.data["ticket"]
        for event in run.of("tickets.events", "follow_up.due")
    }
    wrong = [f"stored {n} times: {one}" for one, n in requests.items() if n > 1]
    wrong += [f"a request of nothing: {one}" for one in requests.keys() ^ due.keys()]
    return wrong + [f"no ticket: {one}" for one, of in due.items() if opened.get(one) != of]


def nothing_is_early(run: Run) -> list[str]:
    """No follow-up comes before it is due."""
    return [
        f"early: {event.id}"
        for event in run.of("tickets.events", "follow_up.due")
        if event.time < datetime.fromisoformat(event.data["due_at"])
    ]


async def holds(seed: int) -> None:
    """One run, and all that must hold of it; a restored shard remembers the same."""
    chaos = Aftermath(seed)
    await chaos.play(STEPS)
    await chaos.settle()
    run = chaos.run()
    assert each_follow_up_has_one_fate(run) == []
    assert what_is_due_is_one_request_and_one_ticket(run) == []
    assert nothing_is_early(run) == []
    assert violations(run, RULES) == []
    assert chaos.wrong == []
    assert not run.of("deadletter"), "nothing in this world is malformed"
    for owner, restored in await chaos.restored():
        assert remembered(restored.core) == remembered(owner.core)


@pytest.mark.simulation
@pytest.mark.parametrize("seed", SEEDS)
async def test_each_follow_up_comes_once_or_is_cancelled(seed: int) -> None:
    """And all else holds that must hold."""
    await holds(seed)


@pytest.mark.simulation
@pytest.mark.soak
@pytest.mark.parametrize("seed", MORE_SEEDS)
async def test_each_follow_up_comes_once_on_more_seeds(seed: int) -> None:
    """The same, for as long as somebody has time."""
    await holds(seed)


@pytest.mark.simulation
async def test_the_seeds_show_what_they_are_for() -> None:
    """Follow-ups that come, are cancelled, by rule and by agents; missed chats; orders."""
    kinds: Counter[str] = Counter()
    for seed in range(6):
        chaos = Aftermath(seed)
        await chaos.play(STEPS)
        await chaos.settle()
        for event in chaos.run().of("tickets.events"):
            kinds[event.type] += 1
            kinds[f"{event.type}/{event.data.get('reason')}"] += 1
    for kind in (
        "follow_up.due", "follow_up.cancelled", "follow_up.scheduled/rule",
        "follow_up.scheduled/None", "ticket.transferred/missed", "ticket.transferred/returned",
        "order.created", "order.updated",
    ):  # fmt: skip
        assert kinds[kind] > 0, kind
