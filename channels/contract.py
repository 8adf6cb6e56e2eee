"""How every contract is written down: one frozen dataclass, two codecs.

Edges validate with pydantic (`validate`), which names the field and what was expected. Shards
decode with msgspec (`decode`), which is an order of magnitude faster; what msgspec refuses goes
through `validate` once more for its error. Both write the same JSON: RFC 8259, UTF-8, instants as
RFC 3339 in UTC.

Versions are additive. Unknown fields are skipped by a reader and yet survive the whole way, for
nobody encodes again what was handed to them: edges publish, and stages embed, the original bytes.
"""

from typing import Any, TypeVar

import msgspec
import pydantic

from channels.errors import Malformed

T = TypeVar("T")

_encoder = msgspec.json.Encoder()


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_adapters: dict[Any, pydantic.TypeAdapter[Any]] = {}


def _decoder(contract: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of `contract`, to be used again: there are as many as there are contracts."""
    _decoders[contract] = msgspec.json.Decoder(contract)
    return _decoders[contract]


def adapter(contract: type[T]) -> pydantic.TypeAdapter[T]:
    """The pydantic adapter of `contract`, built once."""
    if contract not in _adapters:
        _adapters[contract] = pydantic.TypeAdapter(contract)
    return _adapters[contract]


def encode(value: object) -> bytes:
    """`value` (a contract, or plain data) as JSON bytes."""
    return _encoder.encode(value)


def decode(contract: type[T], data: bytes) -> T:
    """JSON bytes as a `contract`. Raises `Malformed` with the field and what was expected."""
    try:
        result: T = (_decoders.get(contract) or _decoder(contract)).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return validate(contract, data)
        except pydantic.errors.PydanticSchemaGenerationError:  # it embeds an entity of the core
            raise Malformed(f"{contract.__name__}: {error}") from error
    return result


def validate(contract: type[T], data: bytes | str | dict[str, Any]) -> T:
    """Like `decode`, by pydantic: slower, and explains every error."""
    try:
        found: T = (
            adapter(contract).validate_python(data)
            if isinstance(data, dict)
            else adapter(contract).validate_json(data)
        )
    except pydantic.ValidationError as error:
        raise Malformed(describe(error, contract.__name__)) from error
    return found


def describe(error: pydantic.ValidationError, what: str) -> str:
    """One line for a validation error: every field and what was expected there."""
    problems = (
        f"{'.'.join(str(step) for step in problem['loc']) or 'document'}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
    return f"{what}: " + "; ".join(problems)
