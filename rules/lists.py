"""Named lists of words: written in the rulebook, or in a file beside it.

A text file has a word a line (`#` begins a comment line); a CSV file (RFC 4180) has its words in
the column that `column` names, under a header line.
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO

from rules.model import WordList
from rules.wording import did_you_mean

MAX_WORDS = 200_000
MAX_WORD_CHARACTERS = 200


def words_of(words: WordList, files: Mapping[str, str]) -> tuple[str, ...]:
    """The words of a list, each once, in their order. `list_error` has found nothing wrong."""
    found = (word for _, word in _in_file(words, files))
    return tuple(dict.fromkeys(word for word in (*words.entries, *found) if word.strip()))


def list_error(words: WordList, files: Mapping[str, str]) -> str | None:
    """What is wrong with a list, or None."""
    if words.file is None:
        if words.column is not None:
            return "`column` is the column of a `file`, and there is none"
        return None if words.entries else "expected `entries` or a `file`"
    if words.file not in files:
        return f"no file {words.file!r}{did_you_mean(words.file, files)}"
    if words.file.endswith(".csv") != (words.column is not None):
        return f"{words.file}: a .csv file, and no other, needs the name of a `column`"
    try:
        return _file_error(words, files)
    except (csv.Error, LookupError) as error:
        return f"{words.file}: {error.args[0]}"


def _file_error(words: WordList, files: Mapping[str, str]) -> str | None:
    count = len(words.entries)
    for line, word in _in_file(words, files):
        count += 1
        if len(word) > MAX_WORD_CHARACTERS:
            return (
                f"{words.file}:{line}: a word of {len(word)} characters; "
                f"at most {MAX_WORD_CHARACTERS}"
            )
        if count > MAX_WORDS:
            return f"{words.file}:{line}: more than {MAX_WORDS:,} words"
    return None if count else f"{words.file}: no words in it"


def _in_file(words: WordList, files: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The words of the file, each with its line."""
    if words.file is None:
        return
    text = files[words.file]
    if words.column is None:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number, line.strip()
        return
    rows = csv.DictReader(StringIO(text, newline=""), strict=True)
    columns = rows.fieldnames or []
    if words.column not in columns:
        hint = did_you_mean(words.column, columns)
        raise LookupError(f"no column {words.column!r} in its first line{hint}")
    for row in rows:
        if word := (row[words.column] or "").strip():
            yield rows.line_num, word
