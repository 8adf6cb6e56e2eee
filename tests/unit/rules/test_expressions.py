"""CEL expressions: what they may call is there, and what they cost is bounded."""

from datetime import UTC, datetime

import pytest

from channels.defaults import fill
from rules.decision import Facts
from rules.expressions import FUNCTIONS, Expression, expression_error
from rules.parts import Context

NOON = datetime(2026, 3, 2, 12, 30, 15, 250_000, tzinfo=UTC)
FACTS = Facts(
    request=fill({"text": "投诉 Now", "channel": "chat", "attributes": {"n": 7}}, at=NOON),
    at=NOON,
    previous=(NOON,),
)

CALLS = {
    "contains": "text.contains('投')",
    "startsWith": "text.startsWith('投诉')",
    "endsWith": "text.endsWith('Now')",
    "matches": "text.matches('^.{2} N')",
    "length": "length(text) == 6 && text.length() == 6 && [1, 2].length() == 2",
    "timestamp": "at > timestamp('2026-03-02T00:00:00Z')",
    "duration": "at - timestamp('2026-03-02T00:00:00Z') > duration('12h')",
    "int": "int('7') == attributes.n",
    "uint": "uint('7') == 7u",
    "double": "double('7.5') == 7.5",
    "string": "string(attributes.n) == '7'",
    "bytes": "bytes('ab') == b'ab'",
    "lowerAscii": "text.lowerAscii().endsWith('now')",
    "upperAscii": "text.upperAscii().endsWith('NOW')",
    "trim": "' a '.trim() == 'a'",
    "getFullYear": "at.getFullYear() == 2026",
    "getMonth": "at.getMonth() == 2",
    "getDate": "at.getDate() == 2",
    "getDayOfMonth": "at.getDayOfMonth() == 1",
    "getDayOfWeek": "at.getDayOfWeek() == 1",
    "getDayOfYear": "at.getDayOfYear() == 60",
    "getHours": "at.getHours() == 12",
    "getMinutes": "at.getMinutes() == 30",
    "getSeconds": "at.getSeconds() == 15",
    "getMilliseconds": "at.getMilliseconds() == 250",
}


def holds(text: str) -> bool:
    """Whether an expression that is right is true of the request."""
    assert expression_error(text) is None
    return Expression(text).holds(Context(FACTS, FACTS.request, {}, {}))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_that_is_allowed_is_there(name: str) -> None:
    """A function that is allowed works, and counts characters and not bytes."""
    assert holds(CALLS[name])


@pytest.mark.parametrize(
    "text",
    [
        "attributes.nothing == 1",
        "1 / 0 == 1",
        "9223372036854775807 + 1 > 0",
        "attributes.n > 'a'",
        "timestamp(attributes.n) > at",
        "length(attributes.n) == 1",
        "call.outcome == 'answered'",
    ],
)
def test_an_expression_that_fails_does_not_hold(text: str) -> None:
    """An attribute that is not there, a type that does not fit: false, and no error."""
    assert not holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "text == 'https://shop.example' || text.contains('.all(x, ')",
        "text.matches(r'\\.exists\\(a, b') || recipients.exists(r, r == 'a') // once.all(x, true)",
        "attributes.amount > 100.0",
        "attributes > 3",
        'text != """a.all(x,"""',
    ],
)
def test_what_stands_in_texts_and_comments_is_no_walk(text: str) -> None:
    """Only what is called counts; what attributes are is not known before a request comes."""
    assert expression_error(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("recipients.map(r, r + r) == []", "there is no `map` here"),
        ("(" * 400 + "1" + ")" * 400, "not an expression: it nests too deep"),
        ("recipients.all//\n(a, recipients.exists//\n(b, a == b))", "more than one walk"),
        ("recipients.all /**/ (a, true)", "not an expression"),
        ("recipients.all(text, text == '')", "'text' is a variable"),
        ("text > 3", "it can never hold"),
        ("at.getHours('Asia/Shanghai') == 17", "it can never hold"),
        ("length(text)", "expected true or false, and this makes 5"),
        ("size(text) == 1", "`size` counts the bytes of a text: use `length`"),
        ("base64.encode(b'x') == ''", "there is no"),
        ("recipients.exists(a, recipients.all(b, a == b))", "more than one walk over a list"),
    ],
)
def test_what_has_no_bound_is_refused(text: str, problem: str) -> None:
    """An expression walks over one list, and makes nothing that outgrows what it is given."""
    error = expression_error(text)
    assert error is not None
    assert error.startswith(problem)
