"""A rulebook's folder as a mapping of names to texts: the only place where rules are read.

Read are all `*.yaml`, `*.yml`, `*.csv` and `*.txt` files below the folder, and the `*.txt` files
of a `templates` folder beside it; a config folder (with `switchboard.yaml` and `rulebook/`)
stands for its rulebook. Names are relative and have slashes: `routes.yaml`, `calendars/2027.yaml`,
`acks/complaint.txt`. Names that begin with a dot, other endings, and the folder `cases` (what
`switchboard rules test` tries the rulebook on) are not the rulebook's.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from channels.errors import Malformed
from rules.load import RulebookError
from rules.source import Problem

MAX_FILES = 1_000
MAX_FILE_BYTES = 5 * 1024 * 1024
MAX_TOTAL_BYTES = 20 * 1024 * 1024

_RULES = (".yaml", ".yml")
_TEMPLATES = (".txt",)
_LISTS = (".csv",)
CASES = "cases"
"""The folder of cases, below a rulebook's own or beside it; docs/rules-test.md."""


def read_folder(path: Path) -> dict[str, str]:
    """The files of the rulebook in `path`, by name.

    Raises:
        Malformed: There is no such folder, it is too large, or it contains itself by a link.
        RulebookError: Files that are not UTF-8, with the line and column of the first wrong byte.
    """
    folder = rulebook_folder(path)
    found = dict(_files(folder, _RULES + _TEMPLATES + _LISTS))
    for name, file in _files(folder.resolve().parent / "templates", _TEMPLATES):
        if name in found:
            raise Malformed(f"{file}: there is a {found[name]} too; which of them is meant?")
        found[name] = file
    if not any(name.endswith(_RULES) for name in found):
        raise Malformed(f"{folder}: no *.yaml file here: is this a rulebook's folder?")
    _check_sizes(folder, found)
    return _texts(found)


def rulebook_folder(path: Path) -> Path:
    """The rulebook's own folder: `path`, or `rulebook` in it where `path` is a config folder."""
    if (path / "switchboard.yaml").is_file() and (path / "rulebook").is_dir():
        path = path / "rulebook"
    if not path.is_dir():
        said = "not a folder" if path.exists() else "no such folder"
        raise Malformed(f"{path}: {said}")
    return path


def _files(folder: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    if folder.is_dir():
        for file in _walk(folder, frozenset()):
            within = file.relative_to(folder)
            if file.name.endswith(endings) and within.parts[0] != CASES:
                yield within.as_posix(), file


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        raise Malformed(f"{folder}: a link that leads back to {real}, which it is in")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise Malformed(f"{folder}: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {real})
        elif entry.name.endswith(_RULES + _TEMPLATES + _LISTS):
            yield entry


def _check_sizes(folder: Path, files: dict[str, Path]) -> None:
    if len(files) > MAX_FILES:
        raise Malformed(f"{folder}: {len(files)} files; a rulebook has at most {MAX_FILES}")
    total = 0
    for file in files.values():
        try:
            status = file.stat()
        except OSError as error:
            raise Malformed(f"{file}: {error.strerror}") from None
        if not S_ISREG(status.st_mode):
            raise Malformed(f"{file}: not a file that can be read as a whole")
        size = status.st_size
        if size > MAX_FILE_BYTES:
            raise Malformed(f"{file}: {size} bytes; a file has at most {MAX_FILE_BYTES}")
        total += size
    if total > MAX_TOTAL_BYTES:
        raise Malformed(f"{folder}: {total} bytes in all; a rulebook has at most {MAX_TOTAL_BYTES}")


def _texts(files: dict[str, Path]) -> dict[str, str]:
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name, file in sorted(files.items()):
        try:
            data = file.read_bytes()
        except OSError as error:
            raise Malformed(f"{file}: {error.strerror}") from None
        try:
            texts[name] = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problems.append(_not_utf8(name, data, error.start))
    if problems:
        raise RulebookError(problems)
    return texts


def _not_utf8(name: str, data: bytes, at: int) -> Problem:
    line_start = data.rfind(b"\n", 0, at) + 1
    column = len(data[line_start:at].decode(errors="replace")) + 1
    said = f"not UTF-8 (byte 0x{data[at]:02x}): save the file as UTF-8"
    return Problem(name, data.count(b"\n", 0, at) + 1, column, said)


def write_folder(path: Path, files: Mapping[str, str]) -> None:
    """Write a rulebook's files so that `read_folder` gives the same; overwrites nothing.

    Raises:
        Malformed: The folder is not empty, or would not be read as it was written.
    """
    if (path.absolute().parent / "templates").is_dir():
        raise Malformed(f"{path}: templates/ beside it would be read with it; nothing was written")
    for name in files:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise Malformed(f"{name!r} is no name for a file of a rulebook; nothing was written")
    try:
        if path.exists() and any(path.iterdir()):
            raise Malformed(f"{path}: not empty; nothing was written")
        for name, text in files.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror or error}") from None
