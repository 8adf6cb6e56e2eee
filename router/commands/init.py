"""`switchboard init`: a config folder to start from."""

from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree
from typing import Annotated

import typer

from channels.errors import Malformed


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Write a config folder: switchboard.yaml, rulebook/, templates/, cases/.

    Overwrites nothing.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise Malformed(f"{folder}: not empty; nothing was written")
        with as_file(files("rules") / "example") as example:
            copytree(example, folder, dirs_exist_ok=True, ignore=lambda *_: {"__pycache__"})
    except OSError as error:
        raise Malformed(f"{folder}: {error.strerror or error}") from None
    typer.echo(f"{folder} is ready: `switchboard check {folder}/rulebook`, then", err=True)
    typer.echo(f"`switchboard serve --config {folder}`", err=True)
