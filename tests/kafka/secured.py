"""A Kafka that demands TLS and SASL, and allows what its list of rights says and nothing else."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.kafka.cluster import Cluster
from tests.kafka.ports import LOOPBACK

PASSWORD = "correct-horse"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")

TOPIC, GROUP, TRANSACTIONAL_ID = 2, 3, 5
PREFIXED, ALLOW = 4, 3
OPERATIONS = {
    "Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Alter": 7, "Describe": 8,
    "DescribeConfigs": 10, "AlterConfigs": 11,
}  # fmt: skip
"""The numbers of the protocol (KIP-140 and `org.apache.kafka.common.acl.AclOperation`)."""


@dataclass(frozen=True)
class Right:
    """What a user may do with the resources of a kind whose names begin so."""

    user: str
    resource: int
    prefix: str
    operations: str


class Secured:
    """Such a cluster; `async with` gives its brokers. `users` have `PASSWORD`, by any mechanism."""

    def __init__(self, make: Callable[..., Cluster], folder: Path, users: Iterable[str]) -> None:
        self.authority = folder / "authority.pem"
        self._own = folder / "broker.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        self._own.write_bytes(_store(authority.issue_cert(LOOPBACK)))
        names = ("admin", *users)
        self._options: dict[str, Any] = {
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(self.authority)),
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": "admin",
            "sasl_plain_password": PASSWORD,
        }
        scram = [
            f"{mechanism}=[name={name},password={PASSWORD}]"
            for name in names
            for mechanism in MECHANISMS
            if mechanism.startswith("SCRAM")
        ]
        self._cluster = make(
            properties=self._properties(names), security=self._options, users=scram
        )

    async def __aenter__(self) -> "Secured":
        await self._cluster.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cluster.stop()

    @property
    def bootstrap(self) -> str:
        """Where clients begin."""
        return self._cluster.bootstrap

    def _properties(self, users: Iterable[str]) -> dict[str, str]:
        plain = " ".join(f'user_{user}="{PASSWORD}"' for user in ("broker", *users))
        security = "org.apache.kafka.common.security"
        listener = "listener.name.clients"
        return {
            "listener.security.protocol.map": (
                "CLIENTS:SASL_SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            f"{listener}.plain.sasl.jaas.config": (
                f"{security}.plain.PlainLoginModule required "
                f'username="broker" password="{PASSWORD}" {plain};'
            ),
            **{
                f"{listener}.{mechanism.lower()}.sasl.jaas.config": (
                    f"{security}.scram.ScramLoginModule required;"
                )
                for mechanism in MECHANISMS
                if mechanism.startswith("SCRAM")
            },
            f"{listener}.oauthbearer.sasl.jaas.config": (
                f"{security}.oauthbearer.OAuthBearerLoginModule required "
                'unsecuredLoginStringClaim_sub="broker";'
            ),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._own),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The controller's listener has no SASL here: who comes by it is ANONYMOUS.
            "super.users": "User:broker;User:admin;User:ANONYMOUS",
        }

    async def allow(self, rights: Iterable[Right]) -> None:
        """Add to the list."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, **self._options)
        await admin.start()
        try:
            for right in rights:
                for operation in right.operations.split():
                    await self._add(admin, right, OPERATIONS[operation])
        finally:
            await admin.close()
        await asyncio.sleep(0.5)  # until the broker has it from its controller

    async def _add(self, admin: AIOKafkaAdminClient, right: Right, operation: int) -> None:
        response = await admin._send_request(
            CreateAclsRequest(
                right.resource, right.prefix, PREFIXED, f"User:{right.user}", "*", operation, ALLOW
            )
        )
        for code, problem in response.creation_responses:
            assert code == 0, problem


def _store(certificate: trustme.LeafCert) -> bytes:
    """Key and certificate as Kafka's PEM store wants them: the key as PKCS #8."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + b"".join(one.bytes() for one in certificate.cert_chain_pems)


def token(user: str) -> str:
    """An unsigned JSON Web Token (RFC 7519, 6), which a broker without a key to check takes."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": user, "iat": now, "exp": now + 3600})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return ".".join(one.decode() for one in encoded) + "."
