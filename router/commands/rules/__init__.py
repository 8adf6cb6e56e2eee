"""`switchboard rules`: what keeps a rulebook in order: `fmt` its layout, `test` its cases."""

import typer

from router.commands.rules import fmt, test

app = typer.Typer(help="Keep a rulebook in order: its layout, its cases.", no_args_is_help=True)
app.command("fmt")(fmt.fmt)
app.command("test")(test.try_cases)
