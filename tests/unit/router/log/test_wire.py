"""Addresses as users write them, and whose fault an error reply is."""

import hiredis
import pytest

from channels.errors import Full, Malformed, Unavailable
from router.log.wire import Address, Refused, Wire, raise_error


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(host="localhost")),
        ("redis://db.example:7000/3", Address(host="db.example", port=7000, database=3)),
        ("valkey://127.0.0.1:6379/0", Address()),
        (
            "rediss://ann:p%40ss@db.example:6380",
            Address(host="db.example", port=6380, username="ann", password="p@ss", tls=True),
        ),
        ("redis://:secret@h", Address(host="h", password="secret")),
        ("unix:///run/my%20valkey.sock", Address(path="/run/my valkey.sock")),
    ],
)
def test_a_url_is_an_address(url: str, address: Address) -> None:
    """Host, port and database; user and password unquoted; TLS; or a Unix socket."""
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://localhost", "redis://", "redis://h:port", "redis://h/x"]
)
def test_what_is_no_address_is_an_error_with_an_example(url: str) -> None:
    """Never a traceback."""
    with pytest.raises(Malformed, match=r"^log: "):
        Address.parse(url)


def test_an_address_is_shown_without_its_password() -> None:
    """It stands in error messages."""
    assert "secret" not in str(Address.parse("redis://ann:secret@h/1"))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", Full),
        ("MISCONF Errors writing to the AOF file: No space left on device", Full),
        ("EXECABORT Transaction discarded because of: OOM command not allowed", Full),
        ("LOADING Valkey is loading the dataset in memory", Unavailable),
        ("READONLY You can't write against a read only replica.", Unavailable),
        ("EXECABORT Transaction discarded because of previous errors.", Refused),
        ("NOAUTH Authentication required.", Refused),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Refused),
    ],
)
def test_an_error_reply_says_whose_fault_it_is(reply: str, kind: type[Exception]) -> None:
    """No room, not ready, or refused for good."""
    with pytest.raises(kind) as raised:
        raise_error(hiredis.ReplyError(reply))
    assert type(raised.value) is kind


def test_other_replies_are_no_errors() -> None:
    """Whatever they are."""
    for reply in (None, b"OK", 1, [b"a"]):
        raise_error(reply)


async def test_a_wire_that_must_be_connected_is_not_opened_anew() -> None:
    """A WATCH on another connection would hold nothing."""
    with pytest.raises(Unavailable, match="hung up"):
        await Wire(Address()).call([("EXEC",)], connected=True)
