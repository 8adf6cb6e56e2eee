"""Whoever needs the same rulebook in a process shares one compilation of it."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from rules import index
from rules.index import Compiled, compile_rulebook
from rules.load import RulebookError
from rules.load import load_document as really_load

RULES = "pools: {p: {queues: [q]}}\nqueues: {q: {}}\nroutes: [{id: all, then: {queue: q}}]\n"
SLOW_SECONDS = 0.1


def book(note: str) -> dict[str, str]:
    """A right rulebook that no other test has; another one for each note."""
    return {"a.yaml": f"# compiling once: {note}\n{RULES}"}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were loaded, each of them slowly."""
    found: list[str] = []

    def slowly(files: dict[str, str]) -> object:
        found.append(files["a.yaml"])
        time.sleep(SLOW_SECONDS)
        return really_load(files)

    monkeypatch.setattr(index, "load_document", slowly)
    return found


def test_threads_that_ask_at_once_wait_for_one_compilation(loads: list[str]) -> None:
    """Two shards and the senders take the same activation at the same moment."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(compile_rulebook, [book("shared")] * 4))
    assert len(loads) == 1
    assert all(one is found[0] for one in found)


def test_a_wrong_rulebook_is_looked_at_once_and_each_is_told_what_is_wrong(
    loads: list[str],
) -> None:
    """Each with an error of its own: a traceback belongs to one thread."""
    wrong = {"a.yaml": book("wrong")["a.yaml"].replace("queue: q}", "queue: x}")}

    def error(_: int) -> RulebookError:
        with pytest.raises(RulebookError, match=r"routes\.all\.then\.queue") as caught:
            compile_rulebook(wrong)
        return caught.value

    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(error, range(3)))
    assert len(loads) == 1
    assert len(set(map(id, found))) == 3
    assert found[0].problems == found[1].problems


def test_what_is_compiled_is_had_at_once_while_another_is_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shard steps with its rulebook while a thread compiles the next."""
    begun, go_on = Event(), Event()
    ready = compile_rulebook(book("ready"))

    def held(files: dict[str, str]) -> object:
        begun.set()
        assert go_on.wait(30)
        return really_load(files)

    monkeypatch.setattr(index, "load_document", held)
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(compile_rulebook, book("next"))
        try:
            assert begun.wait(30)
            assert compile_rulebook(book("ready")) is ready
            assert not other.done()
        finally:
            go_on.set()
        assert isinstance(other.result(), Compiled)


def test_what_failed_for_another_reason_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that ran out says nothing about the rulebook."""

    def fails(_: dict[str, str]) -> object:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(index, "load_document", fails)
        with pytest.raises(MemoryError):
            compile_rulebook(book("again"))
    assert compile_rulebook(book("again")).index.routes
