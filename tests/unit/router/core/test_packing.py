"""A rulebook's files in one record."""

import base64
import zlib
from datetime import UTC, datetime

import pytest

from channels.contract import decode, encode
from channels.errors import Malformed
from router import records
from router.core import packing
from router.core.entities.inputs import Activation
from router.core.events import RulebookActivated
from router.core.outputs import Given
from router.core.packing import pack, unpacked
from router.core.triage import Triage
from router.world import LETTERHEAD
from tests.unit.router.core.cores import Core
from tests.unit.router.core.story import rules, written

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LARGE = {"acks/x.txt": "您好 {{ ticket }}\n" * 60_000}


def event(**fields: object) -> RulebookActivated:
    """An activation."""
    known: dict[str, object] = {"activation": 1, "version": "x", "files": {}}
    return decode(RulebookActivated, encode(known | fields))


def test_files_that_fit_stand_as_they_are() -> None:
    """Whoever reads the topic needs no more than JSON."""
    assert pack({"a.yaml": "x"}) == ({"a.yaml": "x"}, "")
    assert unpacked(event(files={"a.yaml": "x"})) == {"a.yaml": "x"}


def test_files_that_would_be_too_large_are_deflated() -> None:
    """The record is small, and gives back every character."""
    message = records.activation(LARGE, 1, NOON)
    assert message.value is not None
    assert len(message.value) < 20_000
    found = decode(RulebookActivated, message.value)
    assert found.files == {}
    assert unpacked(found) == LARGE


def bytes_as_packed(data: bytes) -> str:
    """These bytes where files should be."""
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize(
    "packed",
    [
        "***",
        "AAAA",
        bytes_as_packed(b"[1]"),
        bytes_as_packed(b"\xff"),
        base64.b64encode(zlib.compress(b'{"a": "b"}')[:-6]).decode(),
    ],
)
def test_what_nobody_has_packed_is_an_error(packed: str) -> None:
    """Never a traceback: it came by the log."""
    with pytest.raises(Malformed, match="packed: "):
        unpacked(event(packed=packed))


def test_what_would_swell_beyond_any_rulebook_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small record cannot fill the memory."""
    monkeypatch.setattr(packing, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(Malformed, match="larger than any rulebook"):
        unpacked(event(packed=pack(LARGE)[1]))


def test_the_cores_decide_by_packed_files_and_keep_them_packed() -> None:
    """So a shard's state fits where its input did."""
    files, packed = pack(written(rules()) | LARGE)
    order = event(files=files, packed=packed, version="large", activation=2)
    triage, dispatch = Triage(LETTERHEAD), Core()
    triage.step(order, Given("cause", NOON), NOON)
    dispatch.step(order)
    assert (
        triage.compiled.rulebook.queues.keys() == dispatch.core.desk.compiled.rulebook.queues.keys()
    )
    for table in (triage.rulebooks, dispatch.core.desk.rulebooks):
        assert table.rows["current"] == Activation(
            activation=2, version="large", files={}, packed=packed
        )
