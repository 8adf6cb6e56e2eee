"""The settings' Kafka cluster: brokers, TLS and SASL as aiokafka wants them."""

import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from channels.errors import Malformed
from router.log.kafka_wire import Cluster
from router.settings import Config, KafkaSasl, KafkaTls

SCHEME = "kafka://"
DEFAULT_PORT = 9092


def cluster(config: Config, url: str) -> Cluster:
    """The cluster at `kafka://host[:port][,host[:port]…]`. Raises `Malformed`."""
    hosts = url.removeprefix(SCHEME).strip("/").split(",")
    if not all(hosts):
        raise Malformed(f"log: {url!r} is not kafka://host:9092[,host:9092]")
    servers = [host if ":" in host else f"{host}:{DEFAULT_PORT}" for host in hosts]
    return Cluster(",".join(servers), _security(config))


def _security(config: Config) -> dict[str, Any]:
    tls, sasl = config.settings.kafka.tls, config.settings.kafka.sasl
    protocol = ("SASL_" if sasl else "") + ("SSL" if tls else "PLAINTEXT")
    found: dict[str, Any] = {"security_protocol": protocol}
    if tls is not None:
        found["ssl_context"] = _context(config, tls)
    if sasl is not None:
        found |= _sasl(config, sasl)
    return found


def _context(config: Config, tls: KafkaTls) -> ssl.SSLContext:
    authority = str(config.path(tls.authority)) if tls.authority else None
    try:
        context = ssl.create_default_context(cafile=authority)
        if tls.certificate is not None:
            key = str(config.path(tls.key)) if tls.key else None
            context.load_cert_chain(str(config.path(tls.certificate)), key)
    except (OSError, ssl.SSLError) as error:
        raise Malformed(f"kafka.tls: {error}") from None
    return context


def _sasl(config: Config, sasl: KafkaSasl) -> dict[str, Any]:
    if sasl.token is not None:
        return {
            "sasl_mechanism": sasl.mechanism,
            "sasl_oauth_token_provider": _Token(config, sasl.token),
        }
    return {
        "sasl_mechanism": sasl.mechanism,
        "sasl_plain_username": sasl.username,
        "sasl_plain_password": config.secret(sasl.password or ""),
    }


class _Token(AbstractTokenProvider):  # type: ignore[misc] # aiokafka has no types
    """A token from the environment or a file that something else renews."""

    def __init__(self, config: Config, name: str) -> None:
        self._config = config
        self._name = name

    async def token(self) -> str:
        return self._config.secret(self._name)
