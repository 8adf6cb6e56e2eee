"""What docker-compose.yml starts works together: its settings, its mounts, its server's arguments.

Without Docker: the server and the router run here, as the file says, on ports of their own.
"""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosmtplib
import httpx
import pytest
import yaml

from router import bootstrap
from router.log.protocol import Log
from router.log.valkey_server import binary
from router.settings import FILE, load
from router.topics import TICKETS_EVENTS
from tests.kafka.cluster import Cluster
from tests.kafka.installation import version

pytestmark = pytest.mark.services

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ROUTER = COMPOSE["services"]["switchboard"]
PATIENCE_SECONDS = 30
MAIL = b"From: kim@example.net\r\nTo: support@example.org\r\n\r\nhello\r\n"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def valkey(folder: Path) -> AsyncIterator[int]:
    """The `valkey` service's command, its data in `folder`."""
    port = free_port()
    _, *arguments = COMPOSE["services"]["valkey"]["command"]
    server = await asyncio.create_subprocess_exec(
        binary(), *arguments, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield port
    finally:
        server.kill()
        await server.wait()


def mounted(folder: Path, service: dict[str, Any], log: str, moved: str) -> Path:
    """`/config` as a service sees it, the outside moved to this machine."""
    config = folder / "config"
    for mount in service["volumes"]:
        source, target, *_ = mount.split(":")
        if source.startswith("."):
            shutil.copytree(ROOT / source, folder / target.lstrip("/"))
    (mount,) = service["configs"]
    assert mount["target"] == f"/config/{FILE}"
    settings = yaml.safe_load(COMPOSE["configs"][mount["source"]]["content"])
    assert settings["log"] == log
    settings |= {"log": moved, "data": str(folder / "data")}
    for section in ("http", "email"):
        settings[section]["listen"] = {"host": "127.0.0.1", "port": 0}
    (config / FILE).write_text(yaml.safe_dump(settings))
    return config


async def happened(log: Log, kind: str) -> None:
    """Return once the log has an event of a ticket of this kind."""
    async for delivery in log.subscribe([TICKETS_EVENTS], None, from_start=True):
        if any(record.envelope.type == kind for record in delivery.records):
            return


async def takes_mail(app: bootstrap.App) -> None:
    """It says that it is healthy, and a mail opens a ticket."""
    async with httpx.AsyncClient() as client:
        assert app.http is not None
        assert app.smtp is not None
        health = await client.get(f"http://127.0.0.1:{app.http.port}/healthz")
        assert health.status_code == httpx.codes.OK
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=app.smtp.port) as smtp:
            await smtp.sendmail("kim@example.net", ["support@example.org"], MAIL)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await happened(app.log, "ticket.opened")


async def test_a_mail_into_the_composed_services_opens_a_ticket(tmp_path: Path) -> None:
    """The router finds its log and its rulebook."""
    async with valkey(tmp_path) as port:
        moved = f"redis://127.0.0.1:{port}/0"
        config = load(mounted(tmp_path, ROUTER, "redis://valkey:6379/0", moved))
        async with bootstrap.running(config) as app:
            await takes_mail(app)


@pytest.mark.kafka
@pytest.mark.xdist_group("kafka")
async def test_a_mail_into_the_services_on_kafka_opens_a_ticket(
    tmp_path: Path, new_kafka: Callable[..., Cluster]
) -> None:
    """Topics first, then the router, then the edges, each as its service is told to."""
    services = COMPOSE["services"]
    asked = {name: services[name]["command"] for name in ("topics", "router", "edges")}
    assert asked["topics"] == ["topics", "apply", "--config", "/config"]
    roles = [frozenset(asked[name][4].split(",")) for name in ("router", "edges")]
    assert frozenset[str]().union(*roles) == bootstrap.ROLES
    assert services["kafka"]["image"] == f"apache/kafka:{version()}"
    listener = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    async with new_kafka() as kafka:
        moved = f"kafka://{kafka.bootstrap}"
        log = listener.replace("INSIDE", "kafka")
        folder = mounted(tmp_path, services["edges"], log, moved)
        applying = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "router.cli", *asked["topics"][:-1], str(folder),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert await applying.wait() == 0
        config = load(folder)
        async with bootstrap.running(config, roles[0]), bootstrap.running(config, roles[1]) as app:
            await takes_mail(app)


def test_published_ports_are_those_that_the_settings_listen_on() -> None:
    """The file, its settings and the image agree on the ports, and on the data folder."""
    settings = yaml.safe_load(COMPOSE["configs"]["settings"]["content"])
    listening = {settings[section]["listen"]["port"] for section in ("http", "email")}
    assert {int(port.rpartition(":")[2]) for port in ROUTER["ports"]} == listening
    image = (ROOT / "Dockerfile").read_text()
    assert f"EXPOSE {' '.join(map(str, sorted(listening, reverse=True)))}" in image
    assert f"127.0.0.1:{settings['http']['listen']['port']}/healthz" in image
    assert f"VOLUME {settings['data']}" in image
    assert settings["data"] in [mount.split(":")[1] for mount in ROUTER["volumes"]]
