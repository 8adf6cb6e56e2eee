"""Lines for programs on stdout, as bytes; a reader that stops reading early is no error."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Write = Callable[[bytes], None]


@contextmanager
def lines() -> Iterator[Write]:
    """Give a function that writes one line. When nobody reads any more, the body ends quietly."""
    stdout = sys.stdout.buffer

    def write(line: bytes) -> None:
        stdout.write(line + b"\n")

    try:
        yield write
        stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end: into nothing, then.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
