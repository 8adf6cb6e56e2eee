"""The config folder, read once: `switchboard.yaml` as typed data.

Secrets are never written in the file itself but named: `env:NAME` reads the environment,
`file:PATH` a file beside it. Paths are relative to the folder.
"""

import os
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from channels.contract import describe
from channels.errors import Malformed
from router.topics import Partitions
from rules.scalars import Duration

FILE = "switchboard.yaml"
Port = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    """Every section: frozen, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Listener(_Section):
    """Where something listens; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: Port = 0


def _instant(value: object) -> object:
    """A date is its beginning in UTC; an instant has its offset from UTC."""
    if isinstance(value, str) and value not in {"end", "start"}:
        value = yaml.safe_load(value)
        if not isinstance(value, date):
            raise ValueError("expected end, start, a date, or an instant (RFC 3339)")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant without its offset from UTC (write ...Z)")
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


class Smtp(_Section):
    """The mail server that our answers go through; `start_tls` null means: when it offers it."""

    host: str
    port: Port = 587
    username: str | None = None
    password: str | None = None
    use_tls: bool = False
    start_tls: bool | None = None


class EmailAccount(_Section):
    """A mailbox: the addresses (`name@domain`, `@domain`) that are delivered to it."""

    name: str | None = None
    addresses: list[str] = []


class Email(_Section):
    """Mail: the SMTP listener, the accounts (by their own address), the way out."""

    listen: Listener = Listener(port=2525)
    hostname: str = "localhost"
    max_bytes: int = 25 * 1024 * 1024
    accounts: dict[str, EmailAccount]
    smtp: Smtp | None = None


class SmsAccount(_Section):
    """A number with a Twilio-compatible provider: webhook in, callback out."""

    tokens: list[str]
    region: str | None = None
    number: str | None = None
    url: str | None = None
    username: str | None = None
    password: str | None = None


class ChatAccount(_Section):
    """A web chat: the pages that may open it, the secrets that sign visitors' tokens.

    Who has had no window open for `left_after` has left.
    """

    origins: list[str]
    secrets: list[str] = []
    left_after: Duration = timedelta(seconds=30)


class WebhookAccount(_Section):
    """A connector that pushes by the generic signed webhook."""

    secrets: list[str]


class HotlineAccount(_Section):
    """A telephone system's `queue_log`, and the country of the numbers in it.

    `from` is for the first start beside an old log: from its `end`, its `start`, or an instant on.
    """

    queue_log: str
    region: str | None = None
    from_: Annotated[
        Literal["end", "start"] | datetime, BeforeValidator(_instant), Field(alias="from")
    ] = "end"

    def since(self, now: datetime) -> datetime | None:
        """What was logged before this instant is history; None: nothing is."""
        if isinstance(self.from_, datetime):
            return self.from_
        return now if self.from_ == "end" else None


class Http(_Section):
    """The listener that webhooks and web chat share. `public_url` is what the world calls it."""

    listen: Listener = Listener(port=8080)
    public_url: str | None = None
    trusted_proxies: list[str] = []

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for network in value:
            ip_network(network)
        return value


class KafkaTls(_Section):
    """TLS to the brokers: files of the authority, and of our own certificate where they ask."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None


class KafkaSasl(_Section):
    """Who we are to the brokers: a user with a password, or a token (read anew each time)."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
    username: str | None = None
    password: str | None = None
    token: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "KafkaSasl":
        if self.mechanism == "OAUTHBEARER":
            if self.token is None:
                raise ValueError("OAUTHBEARER needs token: env:NAME or file:PATH")
        elif self.username is None or self.password is None:
            raise ValueError(f"{self.mechanism} needs username and password")
        return self


class Kafka(_Section):
    """The cluster behind `log: kafka://…`: how many copies of each record, how we connect."""

    replication: Annotated[int, Field(ge=1, le=7)] = 3
    tls: KafkaTls | None = None
    sasl: KafkaSasl | None = None


class Settings(_Section):
    """All of `switchboard.yaml`. `log` is `embedded`, a Redis/Valkey URL, or `kafka://a:9092,b`.

    `domain` stands in the Message-IDs that we send; `secrets` sign the proofs in them: the first
    signs, all verify, so that a rotation overlaps. `retention` is of the log's records,
    `keep_blobs` of raw mails and attachments (null: for ever).
    """

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "switchboard"
    log: str = "embedded"
    data: str = "data"
    rulebook: str = "rulebook"
    domain: str = "switchboard.localhost"
    secrets: list[str] = []
    kafka: Kafka = Kafka()
    retention: Duration = timedelta(days=30)
    keep_blobs: Duration | None = None
    triage_partitions: Annotated[int, Field(ge=1, le=1024)] = 1
    dispatch_partitions: Annotated[int, Field(ge=1, le=1024)] = 1
    http: Http = Http()
    email: Email | None = None
    sms: dict[str, SmsAccount] = {}
    chat: dict[str, ChatAccount] = {}
    webhooks: dict[str, WebhookAccount] = {}
    hotline: dict[str, HotlineAccount] = {}

    @property
    def partitions(self) -> Partitions:
        """The partition counts of the two stages."""
        return Partitions(self.triage_partitions, self.dispatch_partitions)


class Config:
    """A config folder: its settings, and how names in them are resolved."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    def path(self, name: str) -> Path:
        """A path of the settings, relative to the folder."""
        return (self.folder / name).resolve()

    def secret(self, name: str) -> str:
        """The secret that `env:NAME` or `file:PATH` names. Raises `Malformed`."""
        kind, _, where = name.partition(":")
        if kind == "env":
            value = os.environ.get(where)
            if not value:
                raise Malformed(f"{self.folder / FILE}: the environment has no {where}")
            return value
        if kind == "file":
            try:
                return self.path(where).read_text().strip()
            except OSError as error:
                raise Malformed(f"{self.path(where)}: {error.strerror}") from None
        raise Malformed(f"{self.folder / FILE}: a secret is named env:NAME or file:PATH")

    def secrets(self, names: list[str]) -> tuple[bytes, ...]:
        """Several secrets as bytes."""
        return tuple(self.secret(name).encode() for name in names)


def load(folder: Path) -> Config:
    """Read `switchboard.yaml`. Raises `Malformed` with the file and the field."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Malformed(
            f"{path}: no such file (`switchboard init DIR` writes a config folder)"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{path}: {error}") from None
    return Config(folder.resolve(), parse(text, str(path)))


def parse(text: str, name: str) -> Settings:
    """The settings in `text`. Raises `Malformed`."""
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Malformed(f"{name}: {error}") from None
    try:
        return Settings.model_validate(data or {})
    except ValidationError as error:
        raise Malformed(f"{name}: {describe(error, 'settings')}") from None
