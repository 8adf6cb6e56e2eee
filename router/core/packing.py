"""A rulebook's files in one record: as they are while they fit, else deflated."""

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Protocol

import msgspec

from channels.errors import Malformed
from router.core.entities.inputs import Activation
from router.core.events import RulebookActivated

PLAIN_BYTES = 800_000
"""What is larger as JSON is deflated: a log takes records of 1,000,000 bytes."""

MAX_UNPACKED_BYTES = 64 * 1024 * 1024
"""More than any rulebook's folder may have, however much of it JSON has to escape."""

_LEVEL = 9
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Packed(Protocol):
    """What carries a rulebook: its `files`, or all of them as one `packed` text."""

    @property
    def files(self) -> dict[str, str]: ...  # noqa: D102 - see the class
    @property
    def packed(self) -> str: ...  # noqa: D102 - see the class


def kept(event: RulebookActivated) -> Activation:
    """The rulebook that an event puts in force, as a shard remembers it."""
    return Activation(
        activation=event.activation, version=event.version, files=event.files, packed=event.packed
    )


def pack(files: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The two fields of a record: the files and an empty text, or none and the packed text."""
    plain = _encode(dict(files))
    if len(plain) <= PLAIN_BYTES:
        return dict(files), ""
    return {}, base64.b64encode(zlib.compress(plain, _LEVEL)).decode("ascii")


def unpacked(carrier: Packed) -> dict[str, str]:
    """The files of a record. Raises `Malformed` for a text that nobody has packed."""
    if not carrier.packed:
        return carrier.files
    inflating = zlib.decompressobj()
    try:
        plain = inflating.decompress(base64.b64decode(carrier.packed), MAX_UNPACKED_BYTES)
        if not inflating.eof:
            raise Malformed("packed: incomplete, or larger than any rulebook")
        return _decode(plain)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Malformed(f"packed: {error}") from None
