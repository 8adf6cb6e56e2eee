"""The SMS that tell a worker of an order: what they may name, and what they say."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.model import Rulebook
from rules.source import Path
from rules.templates import Texts, render, template_error

ORDER_VARIABLES: Mapping[str, Any] = {
    "order": "k7f3q2mzt4ab-1",
    "worker": "李师傅",
    "customer": "王芳",
    "phone": "+8613800138000",
    "address": "世纪大道1号",
    "appointment": "03-02 09:00",
    "type": "报修",
    "note": "空调漏水",
}
"""All that an order's SMS may name, with an example of each."""

_SITUATIONS = (ORDER_VARIABLES, dict.fromkeys(ORDER_VARIABLES, ""))
_SMS = "sms"


def order_texts(rulebook: Rulebook, files: Mapping[str, str]) -> Texts:
    """The texts by what they tell, `notice` or `cancelled`, files read in."""
    return {
        (what, _SMS): {
            language: files.get(text, text)
            for language, text in (
                template.items() if isinstance(template, dict) else [("", template)]
            )
        }
        for what, template in _templates(rulebook)
    }


def _templates(rulebook: Rulebook) -> Iterator[tuple[str, str | dict[str, str]]]:
    yield "notice", rulebook.orders.notice
    yield "cancelled", rulebook.orders.cancelled


def wrong_texts(rulebook: Rulebook, files: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """What cannot be filled in."""
    for (what, _), by_language in order_texts(rulebook, files).items():
        if not by_language:
            yield ("orders", what), "there is no text"
        for language, text in by_language.items():
            path: Path = ("orders", what, *([language] if language else []))
            if not text.strip():
                yield path, "the text is empty"
            elif (said := template_error(text, _SITUATIONS)) is not None:
                yield path, said


def order_text(found: Texts, what: str, language: str | None, variables: Mapping[str, Any]) -> str:
    """The SMS for a worker, in their language; what is not known leaves no space behind."""
    return " ".join(render(found, what, _SMS, language, variables).split())
