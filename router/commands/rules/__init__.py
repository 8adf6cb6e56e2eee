"""`switchboard rules`: what keeps a rulebook in order: `fmt`, its `test` cases, its `stats`."""

import typer

from router.commands.rules import fmt, stats, test

app = typer.Typer(
    help="Keep a rulebook in order: its layout, its cases, how its rules do.", no_args_is_help=True
)
app.command("fmt")(fmt.fmt)
app.command("test")(test.try_cases)
app.command("stats")(stats.stats)
