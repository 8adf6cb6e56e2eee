"""What parsers have in common: a request that has defects keeps the bytes it was made from."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from channels.blobs import ref_of
from channels.parsed import Parsed
from channels.request import CustomerRequest, Defect


class Defects:
    """The defects of one input, in the order in which they were found, and each of them once."""

    def __init__(self) -> None:
        self._found: dict[Defect, None] = {}

    def add(self, where: str, problem: str | None) -> None:
        """Note a problem; None is none."""
        if problem:
            self._found[Defect(where=where, problem=problem)] = None

    def all(self) -> tuple[Defect, ...]:
        """What was noted."""
        return tuple(self._found)


def finish(
    request: CustomerRequest, defects: Defects, raw: bytes, blobs: Mapping[str, bytes]
) -> Parsed:
    """`request` with its defects, and, when there are any, with `raw` beside it."""
    found = defects.all()
    if not found:
        return Parsed(request, blobs)
    reference = ref_of(raw)
    flawed = replace(request, defects=found, raw_ref=reference)
    return Parsed(flawed, {**blobs, reference: raw})


def stand_in_id(*parts: Any) -> str:
    """An external id for input that brought none: a hash of all that distinguishes it."""
    digest = hashlib.sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogatepass"))
    return f"sha256:{digest.hexdigest()[:32]}"


def anonymous(external_id: str) -> str:
    """The address of a sender who gives none.

    It is the message's own, so that two strangers never share a conversation.
    """
    return f"anonymous:{external_id}"
