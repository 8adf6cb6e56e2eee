"""The AsyncAPI document says what is on the topics, all of it and nothing else."""

import json
import re
from typing import Any

import pytest

from router import asyncapi
from router.contracts import CONTRACTS
from router.core.events import RulebookActivated, TicketMoved
from router.topics import AGENT_QUEUE
from tests.simulation.chaos import Chaos

BETWEEN_THE_STAGES = {"tickets.triaged", "tickets.feedback"}
DOCUMENT: dict[str, Any] = json.loads(asyncapi.document())


def references(node: Any) -> set[str]:
    """Every `$ref` below `node`."""
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*(references(one) for one in node.values()))
    return set().union(*(references(one) for one in node)) if isinstance(node, list) else set()


def test_every_reference_leads_somewhere() -> None:
    """And what it leads to has a name that AsyncAPI 3.0 allows."""
    found = references(DOCUMENT)
    assert found
    for reference in found:
        here: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            assert re.fullmatch(r"[\w.-]+", step), reference
            here = here[step]


@pytest.mark.parametrize(
    ("table", "action"), [(asyncapi.TAKEN, "receive"), (asyncapi.GIVEN, "send")]
)
def test_each_topic_is_a_channel_with_its_types(table: dict[str, Any], action: str) -> None:
    """Under its own name, in the direction that it has for Switchboard."""
    for topic, contracts in table.items():
        name = topic.removesuffix(".{queue}")
        assert DOCUMENT["channels"][name]["address"] == f"switchboard.{topic}"
        assert DOCUMENT["operations"][name]["action"] == action
        payload = DOCUMENT["components"]["schemas"][name]
        titles = [one["title"] for one in payload["oneOf"]]
        assert titles == [asyncapi.type_of(contract) for contract in contracts]


def test_every_contract_is_in_the_document_or_stays_between_the_stages() -> None:
    """A new event cannot be forgotten."""
    told = {
        one for table in (asyncapi.TAKEN, asyncapi.GIVEN) for ones in table.values() for one in ones
    }
    inside = {one for one in asyncapi._INSIDE if one is not RulebookActivated} | {TicketMoved}
    assert set(CONTRACTS.values()) - told <= inside
    assert told <= set(CONTRACTS.values())


@pytest.mark.simulation
async def test_the_router_writes_nothing_else() -> None:
    """What a simulated day puts on each topic is of the types that the document names."""
    tables = {**asyncapi.TAKEN, **asyncapi.GIVEN}
    seen = set()
    for seed in range(4):
        chaos = Chaos(seed)
        await chaos.play(300)
        seen |= {(one.topic, one.envelope.type) for one in chaos.log.stored()}
    for topic, kind in seen:
        if topic in BETWEEN_THE_STAGES:
            continue
        queue = topic.startswith(AGENT_QUEUE)
        contracts = tables[f"{AGENT_QUEUE}{{queue}}" if queue else topic]
        assert kind in {asyncapi.type_of(one) for one in contracts}, topic
    assert len(seen) > 20
