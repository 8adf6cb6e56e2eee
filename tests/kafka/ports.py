"""Ports that nobody else takes, be it another run of the tests or the kernel for a client."""

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"

RANGE = range(20_000, 32_000)
"""Below the ports that Linux and macOS give to outgoing connections: while a broker is down, no
client's own end may sit on the port to which that broker comes back."""


class Ports:
    """Free TCP ports on the loopback, ours until `release`.

    The reservation is a UDP socket of the same number: it is in nobody's way, every other run of
    the tests meets it, and it ends with the process, however that ends.
    """

    def __init__(self) -> None:
        self._held = ExitStack()

    def take(self) -> int:
        """One more port. Raises OSError when none is free."""
        for port in random.sample(RANGE, len(RANGE)):  # runs side by side start elsewhere
            held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                held.bind((LOOPBACK, port))
                _listen(port)
            except OSError:
                held.close()
                continue
            self._held.enter_context(held)
            return port
        raise OSError(f"no free port from {RANGE.start} to {RANGE.stop - 1}")

    def release(self) -> None:
        """Give all of them back."""
        self._held.close()


def _listen(port: int) -> None:
    """Raises OSError when somebody listens there; connections that linger do not matter."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        probe.listen()
