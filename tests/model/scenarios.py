"""What is explored: small worlds in which everything that matters can happen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from tests.model.explorer import Order, Scenario
from tests.unit.router.core.cores import triaged
from tests.unit.router.core.story import Rules, merged, rules

BASE = """
slas: {standard: {first_response: null, next_response: null, resolution: null}}
agents: {ann: {queues: [billing], capacity: 1}, bob: {queues: [billing], capacity: 1}, dan: null, eve: null}
presence: {grace: 15s, missed_offers: 2}
"""  # noqa: E501 - one thing a line reads better here


def presence(state: str) -> Order:
    """The agent comes or goes."""
    return Order("presence", None, (("state", state),))


def to(queue: str, ticket: str = "a") -> Order:
    """The agent gives the ticket to another queue."""
    return Order("transfer", ticket, (("queue", queue),))


HERE, GONE, AWAY = presence("available"), presence("offline"), presence("away")
BOTH_HERE = (("ann", HERE), ("bob", HERE))
A, B = triaged("a"), triaged("b", priority=1)


def on(ticket: str, *names: str) -> tuple[Order, ...]:
    """Orders about one ticket."""
    return tuple(Order(name, ticket) for name in names)


CLOCKS = """
slas:
  standard: {first_response: 20s, next_response: 20s, resolution: 45s, pause: [pending], ladder: duty}
ladders:
  duty: [{level: 1, after: 0s, notify: [lead]}, {level: 2, after: 20s, notify: [boss], move_to: rescue}]
agents: {bob: {queues: [billing, rescue]}}
"""  # noqa: E501 - one thing a line reads better here

CHAIN = """
queues:
  billing: {targets: [{skills: {words: 2}, for: 15s}, {queues: [rescue], for: 20s}]}
  rescue: {mode: pull}
agents: {ann: {skills: {words: 2}, capacity: 2}, bob: {queues: [rescue]}}
"""

POOLS = """
agents: {bob: {pool: office, queues: [claims]}}
"""


GONE_RULES = """
queues: {billing: null}
pools: {service: {queues: [rescue, repairs]}}
routes: [{id: default, then: {queue: rescue, sla: standard}}]
agents: {ann: {queues: [rescue, repairs], capacity: 2}, bob: null}
"""


SET_ASIDE = """
queues: {billing: {wrap_up: 10s}}
agents: {bob: {role: supervisor}}
"""


def world(*changes: str) -> Rules:
    """The rulebook of these worlds, with changes."""
    found = rules(BASE)
    for one in changes:
        found = merged(found, yaml.safe_load(one))
    return found


SCENARIOS: Mapping[str, Scenario] = {
    "an offer, and two who want it": Scenario(
        rules=world(),
        tickets={"a": A},
        menu={
            "ann": (HERE, GONE, *on("a", "accept", "decline", "resolve")),
            "bob": (HERE, *on("a", "accept", "take", "resolve")),
        },
    ),
    "two tickets, and room for one each": Scenario(
        rules=world(),
        tickets={"a": A, "b": B},
        begins=BOTH_HERE,
        menu={
            "ann": (*on("a", "accept", "pending", "resume"), Order("take")),
            "bob": (AWAY, *on("b", "accept", "decline"), Order("take")),
        },
    ),
    "a customer, clocks, and a ladder that moves it": Scenario(
        rules=world(CLOCKS),
        tickets={"a": A},
        begins=BOTH_HERE,
        writes=1,
        commands=2,
        closes=True,
        menu={
            "ann": on("a", "accept", "pending", "resolve", "reopen"),
            "bob": (*on("a", "accept", "take"), Order("reply", "a", (("text", "here"),))),
        },
    ),
    "a chain that widens to a queue from which agents take": Scenario(
        rules=world(CHAIN),
        tickets={"a": A},
        begins=BOTH_HERE,
        menu={
            "ann": (GONE, *on("a", "accept"), to("rescue")),
            "bob": on("a", "take", "resolve"),
        },
    ),
    "two pools between which it goes": Scenario(
        rules=world(POOLS),
        tickets={"a": A},
        begins=BOTH_HERE,
        writes=1,
        menu={
            "ann": (*on("a", "accept", "resolve"), to("claims")),
            "bob": (GONE, *on("a", "accept", "pending"), to("billing")),
        },
    ),
    "rules that take a queue and an agent away": Scenario(
        rules=world("agents: {ann: {queues: [billing, repairs]}}"),
        then=world(GONE_RULES),
        tickets={"a": A},
        begins=BOTH_HERE,
        writes=1,
        menu={
            "ann": on("a", "accept", "pending", "resolve", "reopen"),
            "bob": (*on("a", "accept"), to("repairs")),
        },
    ),
    "two tickets, one set aside, wrapped up, given to another or merged": Scenario(
        rules=world(SET_ASIDE),
        tickets={"a": A, "b": B},
        begins=BOTH_HERE,
        commands=2,
        menu={
            "ann": (
                *on("a", "accept", "resolve", "resume", "wrap_up"),
                Order("hold", "a", (("until", "25"),)),
            ),
            "bob": (
                Order("assign", "a", (("to", "bob"),)),
                Order("assign", "b", (("to", "ann"),)),
                Order("merge", "a", (("into", "b"),)),
                Order("merge", "b", (("into", "a"),)),
                *on("b", "accept"),
            ),
        },
    ),
}


def larger(name: str, **changes: Any) -> Scenario:
    """A scenario with more that may happen, for `make soak`."""
    return replace(SCENARIOS[name], **changes)


LARGER: Mapping[str, Scenario] = {
    "everything that can be done with an offer": larger(
        "an offer, and two who want it",
        crashes=2,
        menu={
            "ann": (HERE, GONE, AWAY, *on("a", "accept", "decline", "pending", "resolve")),
            "bob": (HERE, GONE, *on("a", "accept", "take", "resolve", "reopen")),
        },
    ),
    "two tickets, and room for one each, with a customer": larger(
        "two tickets, and room for one each", writes=1
    ),
    "three commands each beside running clocks": larger(
        "a customer, clocks, and a ladder that moves it", commands=3
    ),
    "three commands each of those who set aside, give and merge": larger(
        "two tickets, one set aside, wrapped up, given to another or merged", commands=3
    ),
    "a chain, and all that can be done beside it": larger(
        "a chain that widens to a queue from which agents take",
        menu={
            "ann": (HERE, GONE, *on("a", "accept"), to("rescue")),
            "bob": (HERE, *on("a", "take", "resolve"), to("billing")),
        },
    ),
    "two tickets while the rules change": larger(
        "rules that take a queue and an agent away",
        tickets={"a": A, "b": B},
        menu={
            "ann": on("a", "accept", "pending", "resolve", "reopen"),
            "bob": (*on("b", "accept"), *on("a", "accept"), to("repairs", "b")),
        },
    ),
}
