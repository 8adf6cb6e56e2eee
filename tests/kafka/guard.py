"""A child that never outlives us, not even when we are killed with SIGKILL."""

import asyncio
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# A shell is the child's parent. It reads signals to send from our pipe; the pipe's end, which comes
# also when we are killed, is SIGKILL. As its parent it reaps the child, so that no signal ever goes
# to a stranger who was given the same number. What runs in a container is reached through Docker.
GUARD = """
container=$1; shift
exec 3<&0
"$@" </dev/null >&2 3<&- &
child=$!
send() {
  if [ -z "$container" ]; then kill -s "$1" "$child"; return; fi
  docker kill --signal "$1" "$container"
}
{
  while read -r name <&3; do send "$name" >/dev/null; echo "$name"; done
  send KILL >/dev/null
} &
guard=$!
wait "$child"; code=$?
kill "$guard"
exit "$code"
"""


class Guarded:
    """A running command, which takes signals; what it writes is added to the file `console`.

    `container` is the name of the Docker container that the command runs, if it runs one. A Ctrl-C
    in the terminal is not for the command: it has a session of its own.
    """

    def __init__(self, command: Sequence[str], console: Path, *, container: str = "") -> None:
        with console.open("ab") as output:
            self._shell = subprocess.Popen(
                ["sh", "-c", GUARD, "guard", container, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the command still runs."""
        return self._shell.poll() is None

    def send(self, which: signal.Signals) -> None:
        """Send a signal; returns when it is sent. Nothing happens when the command has ended."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        with suppress(BrokenPipeError):
            self._shell.stdin.write(which.name.removeprefix("SIG").encode() + b"\n")
            self._shell.stdin.flush()
            self._shell.stdout.readline()

    async def end(self) -> None:
        """SIGKILL; returns when the command is gone."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        with suppress(BrokenPipeError):
            self._shell.stdin.close()
        while self.alive:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.01)
        self._shell.stdout.close()
