"""Rulebooks of any size, as in the wild: keywords, regexes, equality; and requests that meet them.

Of ten routes one asks for an attribute and a channel, seven look for keywords, two for a regex.
Whatever the size, a request has the same three candidates: a route whose attribute it has, but not
its channel; the one that wins by a keyword; and a later one whose regex it matches.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from channels.defaults import fill
from rules.decision import Facts

KEYWORDS_EACH = 8
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
SYLLABLES = ("ba", "co", "di", "fu", "ge", "lo", "mi", "nu", "pa", "re")
CHARACTERS = "天地人日月水火木金土"
TEXTS = (
    "您好，我上周购买的空调{word}到现在还没有安装，订单 {code}，电话打不通，请尽快安排上门。",
    "Hello, I was charged twice for order {code}. The {word} on my invoice is wrong, please look.",
    "订单 {code} 的商品有质量问题，{word} 申请已经三天没有人处理了，请问什么时候可以解决？谢谢。",
    "The {word} I bought from you stopped after two days. Order {code}, can somebody look at it?",
)


def word(number: int, which: int) -> str:
    """A made-up word of a keyword route: Latin, or Chinese for every second one."""
    digits = f"{number:05d}{which}"
    if which % 2:
        return "".join(CHARACTERS[int(digit)] for digit in digits)
    return "".join(SYLLABLES[int(digit)] for digit in digits)


def code(number: int) -> str:
    """An order's number as the regex of a route has it."""
    return f"{SYLLABLES[number % 10].upper()}{number:05d}"


def conditions(count: int) -> Iterator[dict[str, Any]]:
    """The conditions of so many routes, a multiple of ten."""
    for number in range(count):
        if number % 10 == 0:
            yield {"attributes": {"product": f"sku-{number}"}, "channel": ["chat", "email"]}
        elif number % 10 < 8:
            words = [word(number, which) for which in range(KEYWORDS_EACH)]
            yield {"text": {"keywords": words}}
        else:
            yield {"text": {"regex": rf"\b{code(number)}-\d\d\b"}}


def rulebook(count: int) -> dict[str, str]:
    """So many routes before the default."""
    routes = [
        {"id": f"r{number}", "when": when, "then": {"queue": "one", "priority": number % 10}}
        for number, when in enumerate(conditions(count))
    ]
    whole = {
        "pools": {"all": {"queues": ["one", "two"]}},
        "queues": {"one": {}, "two": {}},
        "routes": [*routes, {"id": "default", "then": {"queue": "two"}}],
    }
    return {"rules.yaml": json.dumps(whole, ensure_ascii=False)}


def documents(count: int, requests: int) -> Iterator[tuple[dict[str, Any], str]]:
    """Requests for a rulebook of so many routes, each with the route that wins."""
    for number in range(requests):
        block = number * 7919 % (count // 10) * 10
        winner = block + 1 + number % 7
        text = TEXTS[number % len(TEXTS)].format(
            word=word(winner, number % KEYWORDS_EACH),
            code=f"{code(block + 8 + number % 2)}-{number % 90 + 10}",
        )
        yield (
            {
                "channel": "sms",
                "text": text,
                "attributes": {"product": f"sku-{block}", "source": "app"},
            },
            f"r{winner}",
        )


def facts(document: Mapping[str, Any]) -> Facts:
    """What the rules are told of a request."""
    request = fill(dict(document), at=NOON)
    return Facts(request=request, at=NOON, language=request.language)
