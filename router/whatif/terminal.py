"""The report on a terminal."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.visible import visible
from router.whatif.tables import Cell, Section
from router.whatif.view import Told, View
from router.whatif.words import Say

STYLES = {"good": "green", "bad": "red", "same": "dim", "": "yellow"}


def show(view: View, say: Say, console: Console) -> None:
    """Print the whole report."""
    console.print(_text(view.title, style="bold"))
    console.print(_text(view.subtitle))
    for label, source, version in view.rulebooks:
        console.print(_text(f"{label}: {source} ({version})"))
    console.print()
    for sentence in view.sentences:
        console.print(_text(sentence, style="bold"))
    for section in view.sections:
        _section(section, console)
    if view.examples:
        _heading(say("examples"), say("examples_note"), console)
        for one in view.examples:
            _example(one, console)
    _heading(say("about"), "", console)
    for sentence in view.about:
        console.print(_text(sentence))


def _text(said: str, style: str = "") -> Text:
    return Text(visible(said), style=style)


def _heading(title: str, note: str, console: Console) -> None:
    console.print()
    console.print(_text(title, style="bold underline"))
    if note:
        console.print(_text(note, style="dim"))


def _section(section: Section, console: Console) -> None:
    _heading(section.title, section.note, console)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in section.columns:
        table.add_column(_text(column.text), justify="right" if column.number else "left")
    for row in section.rows:
        table.add_row(*map(_cell, row))
    console.print(table)
    if section.more:
        console.print(_text(section.more, style="dim"))


def _cell(cell: Cell) -> Text:
    if not cell.delta:
        return _text(cell.text, style="dim" if cell.tone == "same" else "")
    was, change = _text(f"{cell.old} → ", "dim"), _text(cell.delta, STYLES[cell.tone])
    return Text.assemble(was, _text(cell.text), " ", change)


def _example(one: Told, console: Console) -> None:
    console.print()
    console.print(Text.assemble(_text(one.name, "bold"), "  ", _text(one.said, "italic")))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    table.add_column(style="dim")
    for label, before, after in one.reasons:
        table.add_row(_text(f"  {label}"), _text(before), "→", _text(after, style="yellow"))
    console.print(table)
