"""`switchboard`: the commands by name, and the one place where an error becomes an exit code.

Results go to stdout (JSON lines for programs), messages and logs to stderr. Exit codes: 0 done,
1 the input is wrong, 2 usage, 3 a service is unreachable.
"""

import logging
import sys

import typer

from channels.errors import SwitchboardError, Unavailable
from router import logs
from router.commands import (
    agent,
    calendar,
    check,
    deadletter,
    demo,
    doctor,
    init,
    normalize,
    notices,
    route,
    rulebook,
    rules,
    schema,
    serve,
    simulate,
    topics,
    watch,
    whatif,
)
from router.visible import visible_lines

EXIT_WRONG_INPUT = 1
EXIT_UNREACHABLE = 3

app = typer.Typer(
    name="switchboard",
    help="Route customer requests from every channel to the right agents, and forget none.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


for command in (
    demo.demo,
    init.init,
    check.check,
    normalize.normalize,
    route.route,
    simulate.simulate,
    whatif.whatif,
    serve.serve,
    watch.watch,
    agent.agent,
    schema.schema,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(calendar.app, name="calendar")
app.add_typer(deadletter.app, name="deadletter")
app.add_typer(notices.app, name="notices")
app.add_typer(rulebook.app, name="rulebook")
app.add_typer(rules.app, name="rules")
app.add_typer(topics.app, name="topics")


def main() -> None:
    """The console script: run a command, say what went wrong, exit with its code."""
    logs.configure(logging.WARNING)
    try:
        app()
    except Unavailable as error:
        print(f"switchboard: {visible_lines(str(error))}", file=sys.stderr)
        sys.exit(EXIT_UNREACHABLE)
    except SwitchboardError as error:
        print(f"switchboard: {visible_lines(str(error))}", file=sys.stderr)
        sys.exit(EXIT_WRONG_INPUT)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
