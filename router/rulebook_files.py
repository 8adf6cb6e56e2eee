"""A rulebook's folder as a mapping of names to texts: the only place that reads it."""

from pathlib import Path

from channels.errors import Malformed

MAX_FILES = 2_000
MAX_BYTES = 64 * 1024 * 1024
_SUFFIXES = frozenset({".yaml", ".yml", ".txt", ".csv"})
TEMPLATES = "templates"


def read_folder(folder: Path) -> dict[str, str]:
    """Every YAML, text and CSV file, by its path within the folder.

    The sibling folder `templates/`, which `switchboard init` writes, is read too; what stands in
    the rulebook's own folder wins. Raises `Malformed` with the file.
    """
    if not folder.is_dir():
        raise Malformed(f"{folder}: no such folder")
    files: dict[str, str] = {}
    for root in (folder.resolve().parent / TEMPLATES, folder):
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            if path.suffix in _SUFFIXES and path.is_file():
                files[path.relative_to(root).as_posix()] = _text(path)
                _bounded(folder, files)
    if not any(name.endswith((".yaml", ".yml")) for name in files):
        raise Malformed(f"{folder}: no rulebook here (a rulebook is made of .yaml files)")
    return files


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Malformed(f"{path}: larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(
            f"{path}: not UTF-8 (byte {error.start} is 0x{error.object[error.start]:02x})"
        ) from None
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from None


def _bounded(folder: Path, files: dict[str, str]) -> None:
    if len(files) > MAX_FILES:
        raise Malformed(f"{folder}: more than {MAX_FILES} files")
    if sum(map(len, files.values())) > MAX_BYTES:
        raise Malformed(f"{folder}: more than {MAX_BYTES} bytes in all")
