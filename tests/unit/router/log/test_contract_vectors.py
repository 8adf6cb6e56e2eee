"""The vectors of `docs/contracts` are what we compute: other programs are built against them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import identity, proof
from router.log.partition import murmur2, partition_of

CONTRACTS = Path(__file__).resolve().parents[4] / "docs" / "contracts"
PARTITIONS = json.loads((CONTRACTS / "partitions.json").read_text("utf-8"))["vectors"]
IDENTITIES = json.loads((CONTRACTS / "identities.json").read_text("utf-8"))

APACHE_KAFKA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}
"""What the Java client's own tests expect, as signed integers (UtilsTest.testMurmur2)."""


@pytest.mark.parametrize("vector", PARTITIONS, ids=lambda vector: vector["key"][:20] or "empty")
def test_a_key_has_the_hash_and_the_partitions_of_its_vector(vector: dict[str, Any]) -> None:
    """For every partition count that the vector names."""
    key = vector["key"]
    assert murmur2(key.encode()) == vector["murmur2"]
    found = {count: partition_of(key, int(count)) for count in vector["partitions"]}
    assert found == vector["partitions"]


def test_the_hash_is_the_java_clients() -> None:
    """Every value that Apache Kafka's own test states."""
    for key, signed in APACHE_KAFKA.items():
        assert murmur2(key.encode()) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64))
def test_the_hash_is_aiokafkas(data: bytes) -> None:
    """For any bytes; skipped, and said so, where the Kafka extra is not installed."""
    partitioner = pytest.importorskip(
        "aiokafka.partitioner", reason="aiokafka is absent: murmur2 was NOT compared with it"
    )
    assert murmur2(data) == partitioner.murmur2(data) & 0xFFFFFFFF


@given(st.text(max_size=30), st.integers(1, 200))
def test_every_key_has_one_of_the_partitions(key: str, count: int) -> None:
    """None is out of range, whatever sign the hash would have in Java."""
    assert 0 <= partition_of(key, count) < count


def test_the_namespace_is_the_vectors() -> None:
    """Every derived UUID hangs on it."""
    assert str(identity.NAMESPACE) == IDENTITIES["namespace"]


@pytest.mark.parametrize("vector", IDENTITIES["request_id"], ids=lambda one: one["id"][:8])
def test_a_request_has_the_id_of_its_vector(vector: dict[str, str]) -> None:
    """From channel, account and external id alone."""
    parts = vector["channel"], vector["account"], vector["external_id"]
    assert identity.request_id(*parts) == vector["id"]


@pytest.mark.parametrize("vector", IDENTITIES["conversation_key"], ids=lambda one: one["key"])
def test_a_customer_has_the_conversation_key_of_its_vector(vector: dict[str, Any]) -> None:
    """And a conversation's id leads back to the key."""
    key = identity.conversation_key(vector["channel"], vector["account"], vector["address"])
    assert key == vector["key"]
    assert identity.conversation_id(key, vector["number"]) == vector["conversation"]
    assert identity.key_of(vector["conversation"]) == key


@pytest.mark.parametrize("vector", IDENTITIES["ticket_id"], ids=lambda one: one["ticket"])
def test_a_ticket_has_the_id_of_its_vector(vector: dict[str, str]) -> None:
    """From the request that opened it."""
    assert identity.ticket_id(vector["request"]) == vector["ticket"]


@pytest.mark.parametrize("vector", IDENTITIES["proof"], ids=lambda one: one["mac"])
def test_a_proof_is_its_vectors_and_is_read_back(vector: dict[str, str]) -> None:
    """In a Message-ID and in a reply address."""
    secrets = (vector["secret"].encode(),)
    conversation = vector["conversation"]
    assert proof.mac(conversation, secrets[0]) == vector["mac"]
    assert proof.token(conversation, secrets) == vector["token"]
    domain, label = vector["domain"], vector["label"]
    assert proof.message_id(conversation, label, secrets, domain) == vector["message_id"]
    address = proof.reply_address(vector["account"], conversation, secrets)
    assert address == vector["reply_address"]
    for text in (vector["message_id"], address.upper()):
        assert proof.prove(text, secrets) == conversation
        assert proof.prove(text, (b"another secret",)) is None


def test_no_two_vectors_share_an_identity() -> None:
    """Their parts are kept apart: ("a", "bc") is not ("ab", "c")."""
    for name, field in (("request_id", "id"), ("conversation_key", "key"), ("ticket_id", "ticket")):
        found = [vector[field] for vector in IDENTITIES[name]]
        assert len(set(found)) == len(found)
