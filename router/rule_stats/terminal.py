"""The report on a terminal."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.rule_stats.cost_tables import CostTables
from router.rule_stats.report import Report
from router.rule_stats.tables import Tables
from router.rule_stats.words import Section
from router.visible import visible


def show(report: Report, console: Console) -> None:
    """Print the whole report."""
    tables, costs = Tables(report), []
    for sentence in tables.head():
        console.print(_text(sentence), soft_wrap=True)
    if report.cost is not None:
        words = CostTables(report, report.cost)
        console.print(_text(words.sentence()), soft_wrap=True)
        costs = list(words.sections())
    for section in (*tables.sections(), *costs):
        _section(section, console)


def _section(section: Section, console: Console) -> None:
    console.print()
    console.print(_text(section.title, style="bold underline"))
    if section.note:
        console.print(_text(section.note, style="dim"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in section.columns:
        number = name.startswith("#")
        table.add_column(_text(name.removeprefix("#")), justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*map(_text, row))
    console.print(table)
    if section.more:
        console.print(_text(section.more, style="dim"))


def _text(said: str, style: str = "") -> Text:
    return Text(visible(said), style=style)
