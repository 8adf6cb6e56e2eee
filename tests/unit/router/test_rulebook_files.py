"""Reading a rulebook's folder: what is its, and what stops it."""

import os
from pathlib import Path

import pytest

from channels.errors import Malformed
from router import rulebook_files
from router.rulebook_files import read_folder, write_folder
from rules.load import RulebookError


def write(folder: Path, **files: str | bytes) -> Path:
    """Files by name; `__` in a name is a slash, `_` at its end a dot before yaml."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_names_are_relative_and_have_slashes(tmp_path: Path) -> None:
    """YAML and text files of all levels, and the templates beside; nothing else."""
    write(
        tmp_path,
        book__routes_yaml="a: 1",
        book__calendars__2027_yaml="b: 2",
        book__acks__x_txt="hello",
        book__README="not ours",
        templates__acks__y_txt="您好",
        templates__style_yaml="not ours",
    )
    (tmp_path / "book" / ".hidden.yaml").write_text("not ours")
    assert read_folder(tmp_path / "book") == {
        "routes.yaml": "a: 1",
        "calendars/2027.yaml": "b: 2",
        "acks/x.txt": "hello",
        "acks/y.txt": "您好",
    }


def test_a_config_folder_stands_for_its_rulebook(tmp_path: Path) -> None:
    """`switchboard.yaml` is not a part of the rulebook."""
    write(tmp_path, switchboard_yaml="log: embedded", rulebook__all_yaml="a: 1")
    assert set(read_folder(tmp_path)) == {"all.yaml"}


def test_a_folder_of_links_is_read_once(tmp_path: Path) -> None:
    """Kubernetes mounts files as links into a hidden folder: each is read by its own name."""
    write(tmp_path, book__placeholder="")
    hidden = tmp_path / "book" / "..2027_01_01"
    hidden.mkdir()
    (hidden / "all.yaml").write_text("a: 1")
    (tmp_path / "book" / "..data").symlink_to(hidden)
    (tmp_path / "book" / "all.yaml").symlink_to(Path("..data") / "all.yaml")
    assert read_folder(tmp_path / "book") == {"all.yaml": "a: 1"}


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    """Editors that write one do no harm."""
    assert read_folder(write(tmp_path / "b", a_yaml=b"\xef\xbb\xbfa: 1")) == {"a.yaml": "a: 1"}


def test_another_encoding_is_an_error_with_its_place(tmp_path: Path) -> None:
    """Every file that is not UTF-8 is named, with the line and column of the first wrong byte."""
    folder = write(
        tmp_path / "b", a_yaml="a: 1\n名: 投诉".encode("gb18030"), b_yaml="c: 1".encode("utf-16")
    )
    with pytest.raises(RulebookError) as caught:
        read_folder(folder)
    assert str(caught.value).splitlines() == [
        "a.yaml:2:1: not UTF-8 (byte 0xc3): save the file as UTF-8",
        "b.yaml:1:1: not UTF-8 (byte 0xff): save the file as UTF-8",
    ]


def test_a_template_in_both_places_is_an_error(tmp_path: Path) -> None:
    """Which of them is meant nobody can know."""
    write(tmp_path, book__a_yaml="", book__x_txt="one", templates__x_txt="two")
    with pytest.raises(Malformed, match=r"templates/x\.txt: there is a .*book/x\.txt too"):
        read_folder(tmp_path / "book")


def test_a_link_that_leads_back_is_an_error(tmp_path: Path) -> None:
    """A folder that contains itself ends at once."""
    folder = write(tmp_path / "b", a_yaml="", sub__b_yaml="")
    (folder / "sub" / "up").symlink_to(folder)
    with pytest.raises(Malformed, match=r"sub/up: a link that leads back to"):
        read_folder(folder)


def test_a_link_to_itself_is_an_error(tmp_path: Path) -> None:
    """A file that is a link to itself cannot be read."""
    folder = write(tmp_path / "b", a_yaml="")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(Malformed, match=r"loop\.yaml: Too many levels of symbolic links"):
        read_folder(folder)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """What is not a file is an error, not a wait for ever."""
    folder = write(tmp_path / "b", a_yaml="")
    os.mkfifo(folder / "pipe.yaml")
    with pytest.raises(Malformed, match=r"pipe\.yaml: not a file"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("bound", "value", "message"),
    [
        ("MAX_FILES", 1, "2 files; a rulebook has at most 1"),
        ("MAX_FILE_BYTES", 3, r"a\.yaml: 4 bytes; a file has at most 3"),
        ("MAX_TOTAL_BYTES", 7, "8 bytes in all; a rulebook has at most 7"),
    ],
)
def test_a_rulebook_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int, message: str
) -> None:
    """Too many files, too large a file, too much of them: errors that say so."""
    folder = write(tmp_path / "b", a_yaml="a: 1", b_yaml="b: 1")
    monkeypatch.setattr(rulebook_files, bound, value)
    with pytest.raises(Malformed, match=message):
        read_folder(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [("absent", "no such folder"), ("a.yaml", "not a folder"), ("empty", "no \\*.yaml file here")],
)
def test_what_is_no_rulebook(tmp_path: Path, name: str, message: str) -> None:
    """A path that is no folder of rules."""
    write(tmp_path, a_yaml="", empty__notes="")
    with pytest.raises(Malformed, match=message):
        read_folder(tmp_path / name)


# -- writing


@pytest.mark.parametrize("text", ["a: 1\n", "a: 1\r\nb: 投诉\r\n", "", "no end of line"])
def test_what_is_written_is_read_as_it_was(tmp_path: Path, text: str) -> None:
    """To the character: the version is the hash of it."""
    files = {"a.yaml": "x: 1", "acks/deep/x.txt": text}
    write_folder(tmp_path / "new" / "book", files)
    assert read_folder(tmp_path / "new" / "book") == files


@pytest.mark.parametrize("name", ["/etc/x.yaml", "../x.yaml", "a/../../x.txt"])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    """The names come from the log."""
    with pytest.raises(Malformed, match="no name for a file"):
        write_folder(tmp_path / "book", {"a.yaml": "", name: ""})
    assert not (tmp_path / "book").exists()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A folder with something in it, a file, and a place where templates would be read too."""
    files = {"a.yaml": "x: 1"}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for name, said in (("full", "not empty"), ("full/file", "Not a directory")):
        with pytest.raises(Malformed, match=said):
            write_folder(tmp_path / name, files)
    (tmp_path / "templates").mkdir()
    with pytest.raises(Malformed, match="templates/ beside it"):
        write_folder(tmp_path / "book", files)
    assert (tmp_path / "full" / "file").read_text() == "mine"
    assert not (tmp_path / "book").exists()
