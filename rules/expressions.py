"""`when: {cel: …}`: the escape hatch, an expression of the Common Expression Language.

Its cost is bounded before it is ever run: in length, to functions whose results do not outgrow
what they are given, and to one walk over a list (https://github.com/google/cel-spec,
"langdef.md"). An expression that fails (a type that does not fit, an attribute that is not
there) does not hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sized
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cel
from cel import stdlib

from rules.wording import did_you_mean

if TYPE_CHECKING:
    from rules.parts import Context

MAX_CHARACTERS = 1_000
MAX_TEXT_CHARACTERS = 10_000
"""More of a text than this is not shown to an expression."""

_WALKS = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")
_LITERALS = re.compile(
    r"""(?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')"""
    r"""|\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|//[^\n]*""",
    re.DOTALL,
)
"""Texts and comments, in which nothing is a walk (CEL's specification, "Syntax")."""

FUNCTIONS = frozenset(
    {"contains", "startsWith", "endsWith", "matches", "length", "timestamp", "duration", "int",
     "uint", "double", "string", "bytes", "lowerAscii", "upperAscii", "trim", "getFullYear",
     "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours",
     "getMinutes", "getSeconds", "getMilliseconds"}
)  # fmt: skip
"""What an expression may call; operators are written with `_` or `@` and are all allowed."""


_FAILURES = (ValueError, TypeError, LookupError, RuntimeError, ArithmeticError)
"""What an expression can end in."""

_EXAMPLE: dict[str, Any] = {
    "at": datetime(2027, 1, 4, 9, tzinfo=UTC), "channel": "email", "account": "shop",
    "kind": "message", "sender": "wang@shop.example", "recipients": ["help@shop.example"],
    "customer": "wang", "tier": "vip", "language": "en", "subject": "order", "text": "hello",
    "attributes": {}, "automatic": "list",
    "call": {"outcome": "answered", "queue": "a", "wait_seconds": 1.0, "talk_seconds": 1.0},
    "attachments": [{"name": "a.pdf", "media_type": "application/pdf", "size": 1}],
    "previous_tickets": [datetime(2027, 1, 1, tzinfo=UTC)],
}  # fmt: skip
"""A request of which everything is known."""


VARIABLES = tuple(_EXAMPLE)
"""The names that an expression may use."""


def expression_error(text: str) -> str | None:
    """What is wrong with an expression, or None."""
    if len(text) > MAX_CHARACTERS:
        return f"{len(text)} characters; an expression has at most {MAX_CHARACTERS}"
    try:
        program = cel.compile(text)
    except ValueError as error:
        return _first_line(str(error))
    return next(_problems(text, program), None)


def _problems(text: str, program: cel.Program) -> Iterator[str]:
    walks = _WALKS.findall(_LITERALS.sub(_emptied, text))
    yield from _walk_problems(walks)
    names = set(program.variables()) - {name for _, name in walks}
    for name in sorted(names - set(VARIABLES)):
        yield f"there is no variable {name!r}{did_you_mean(name, VARIABLES)}"
    yield from filter(None, map(_function_error, program.functions()))
    yield from _tried(program)


def _emptied(literal: re.Match[str]) -> str:
    return " " if literal[0].startswith("//") else "''"


def _walk_problems(walks: list[tuple[str, str]]) -> Iterator[str]:
    for how, name in walks:
        if how in _MAKING:
            yield f"there is no `{how}` here: it makes a list"
        if name in VARIABLES:
            yield f"{name!r} is a variable: name what walks over a list otherwise"
    if len(walks) > 1:
        yield "more than one walk over a list: an expression has one `all` or `exists`"


def _tried(program: cel.Program) -> Iterator[str]:
    """What comes of an expression when everything is known; of attributes nothing is."""
    try:
        result = program.execute(_with_functions(_EXAMPLE))
    except (TypeError, RuntimeError) as error:
        if "attributes" not in program.variables():
            yield f"it can never hold: {str(error).split('. ')[0].rstrip('.')}"
    except _FAILURES:
        return
    else:
        if not isinstance(result, bool):
            yield f"expected true or false, and this makes {result!r}"


_MAKING = frozenset({"map", "filter"})


def _function_error(name: str) -> str | None:
    if name == "size":
        return "`size` counts the bytes of a text: use `length`"
    if name in FUNCTIONS or name.startswith(("_", "@", "!", "-")):
        return None
    return f"there is no function {name!r} here{did_you_mean(name, FUNCTIONS)}"


_PROBLEM = re.compile(r"<input>:(\d+):(\d+): (.*?)(?: expecting|$)", re.MULTILINE)


def _first_line(said: str) -> str:
    """`<input>:1:4: Syntax error: mismatched input …`, without its long list of tokens."""
    if "Recursion limit" in said:
        return "not an expression: it nests too deep"
    places = (
        f": {problem} (line {line}, character {column} of it)"
        for line, column, problem in _PROBLEM.findall(said)
    )
    return "not an expression" + next(places, "")


class Expression:
    """An expression that is right (`expression_error`), ready to be asked."""

    def __init__(self, text: str) -> None:
        self._program = cel.compile(text)

    def holds(self, context: "Context") -> bool:
        """Whether it is true of a request."""
        if context.variables is None:
            context.variables = _with_functions(_variables(context))
        try:
            return self._program.execute(context.variables) is True
        except _FAILURES:
            return False


def _with_functions(variables: Mapping[str, Any]) -> cel.Context:
    known = cel.Context(dict(variables))
    for name, function in _OWN.items():
        known.add_function(name, function)
    return known


_OWN: Mapping[str, Callable[..., Any]] = {
    "length": lambda value: len(value) if isinstance(value, Sized) else None,
    "lowerAscii": lambda value: stdlib.lower_ascii(value) if isinstance(value, str) else None,
    "upperAscii": lambda value: stdlib.upper_ascii(value) if isinstance(value, str) else None,
    "trim": lambda value: stdlib.trim(value) if isinstance(value, str) else None,
}
"""What they cannot take makes null: the library would write a log line for what they raise."""


def _variables(context: "Context") -> dict[str, Any]:
    facts, request = context.facts, context.request
    call = request.call
    return {
        "at": facts.at,
        "channel": request.channel,
        "account": request.account,
        "kind": request.kind,
        "sender": request.sender.address,
        "recipients": [one.address for one in request.recipients],
        "customer": facts.customer,
        "tier": facts.tier,
        "language": facts.language,
        "subject": (request.subject or "")[:MAX_TEXT_CHARACTERS],
        "text": request.text[:MAX_TEXT_CHARACTERS],
        "attributes": dict(facts.attributes_seen),
        "automatic": request.automatic,
        "call": None if call is None else {
            "outcome": call.outcome, "queue": call.queue, "wait_seconds": call.wait_seconds,
            "talk_seconds": call.talk_seconds,
        },
        "attachments": [
            {"name": one.name or "", "media_type": one.media_type, "size": one.size}
            for one in request.attachments
        ],
        "previous_tickets": list(facts.previous),
    }  # fmt: skip
