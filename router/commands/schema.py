"""`switchboard schema`: every contract as JSON Schema."""

import json
from pathlib import Path
from typing import Annotated

import typer

from router.contracts import schemas


def schema(
    folder: Annotated[
        Path | None, typer.Argument(help="Write one file a contract here; else all to stdout.")
    ] = None,
) -> None:
    """Write the JSON Schemas (2020-12) of every request, event, command and of the rulebook."""
    found = schemas()
    if folder is None:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True))
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in found.items():
        text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
        (folder / f"{name}.schema.json").write_text(text + "\n", encoding="utf-8")
    typer.echo(f"{len(found)} schemas in {folder}", err=True)
