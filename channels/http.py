"""The HTTP listener that the webhooks and the web chat share: uvicorn in the running loop."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from channels.errors import Refused, Unavailable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """Where to listen, as what the outside knows us, and the limits.

    `public_url` (`https://hooks.example.org`) is what peers call us by; where it is None, it is
    the request's own, with `X-Forwarded-Proto` and `-Host` believed from `trusted_proxies` only.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    max_body_bytes: int = 256 * 1024
    body_timeout_seconds: float = 10
    max_connections: int = 2000
    max_frame_bytes: int = 64 * 1024
    grace_seconds: int = 5


class TooLong(Refused):
    """A body over the limit: answered with 413."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program and not to one of its listeners."""
        yield


@dataclass
class HttpSource:
    """Serves `routes` and `/healthz`. `start`, then `port` is known; `stop` lets answers end.

    `beside` is work by its name that whoever starts this runs as long as it serves.
    """

    settings: HttpSettings
    routes: Sequence[BaseRoute]
    beside: Mapping[str, Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=dict)
    port: int = field(default=0, init=False)
    _server: _Server | None = field(default=None, init=False)
    _serving: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Listen. Raises `Unavailable` when the address cannot be had."""
        settings = self.settings
        try:
            listener = socket.create_server((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise Unavailable(f"HTTP on {where}: {error.strerror}") from error
        self.port = listener.getsockname()[1]
        self._server = _Server(self._config())
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Take no more connections; answers under way get the grace time."""
        if self._server is None or self._serving is None:
            return
        self._server.should_exit = True
        await self._serving

    def _config(self) -> uvicorn.Config:
        settings = self.settings
        return uvicorn.Config(
            Starlette(routes=[Route("/healthz", _healthy), *self.routes]),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=settings.max_frame_bytes,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # uvicorn would rewrite the peer's address, by which we decide whom to trust.
            proxy_headers=False,
            limit_concurrency=settings.max_connections,
            timeout_graceful_shutdown=settings.grace_seconds,
        )


async def body_of(request: Request, settings: HttpSettings) -> bytes:
    """The body. Raises `TooLong`, and `Refused` when it does not come in time."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(settings.body_timeout_seconds):
            async for part in request.stream():
                size += len(part)
                if size > settings.max_body_bytes:
                    raise TooLong(f"the body is over {settings.max_body_bytes} bytes")
                parts.append(part)
    except TimeoutError:
        raise Refused("the body did not come in time") from None
    except ClientDisconnect:
        raise Refused("the client went away before its body was whole") from None
    return b"".join(parts)


def public_url(request: HTTPConnection, settings: HttpSettings) -> str:
    """The URL that the peer called, as it called it: what signatures are over."""
    url = request.url
    if settings.public_url is not None:
        query = f"?{url.query}" if url.query else ""
        return settings.public_url.rstrip("/") + url.path + query
    if _trusted(request, settings.trusted_proxies):
        # A proxy appends to what it was sent: the last word is that of the one we trust.
        scheme = request.headers.get("x-forwarded-proto", url.scheme)
        host = request.headers.get("x-forwarded-host", url.netloc)
        url = url.replace(
            scheme=scheme.rpartition(",")[2].strip(), netloc=host.rpartition(",")[2].strip()
        )
    return str(url)


def peer_of(request: HTTPConnection) -> str:
    """The address of who is connected, for logs and for trust."""
    return request.client.host if request.client else "unknown"


def refusal(status: int, problem: str) -> Response:
    """An error answer, in JSON."""
    return JSONResponse({"error": problem}, status_code=status)


def try_later(problem: str) -> Response:
    """503: nothing was taken, send it again."""
    return JSONResponse(
        {"error": problem}, status_code=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
    )


def _trusted(request: HTTPConnection, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer_of(request))
    except ValueError:
        return False
    return any(address in network for network in networks)


async def _healthy(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
