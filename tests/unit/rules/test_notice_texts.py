"""The texts of notices: there is always one, and what is wrong with an own one is said."""

import json
from typing import Any

import pytest

from rules.contacts import Contact
from rules.diff import differences
from rules.index import compile_rulebook
from rules.notice_texts import NOTICE, PARTS, TARGET_NAMES, USUAL, VARIABLES
from rules.service_levels import Targets
from rules.templates import fallbacks, render, template_error

FRAME: dict[str, Any] = {
    "pools": {"p": {"queues": ["q"]}},
    "queues": {"q": {}},
    "routes": [{"id": "default", "then": {"queue": "q"}}],
}
LANGUAGES = {"en", "zh-Hans", "zh-Hant"}


def files(notices: dict[str, Any], **texts: str) -> dict[str, str]:
    """A rulebook with these notices, and these text files."""
    named = {f"{name}.txt": text for name, text in texts.items()}
    return {"a.yaml": json.dumps(FRAME | {"notices": notices}), **named}


@pytest.mark.parametrize("part", ["subject", "text"])
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_the_usual_texts_do_in_each_situation(part: str, language: str) -> None:
    """Every language has one; a warning and a level are told apart."""
    text = USUAL[part][language]
    assert template_error(text, (VARIABLES, {**VARIABLES, "level": 0, "share": "75%"})) is None
    level = render({("x", "y"): {"": text}}, "x", "y", None, VARIABLES)
    warning = {**VARIABLES, "level": 0, "share": "75%"}
    assert level != render({("x", "y"): {"": text}}, "x", "y", None, warning)
    assert str(VARIABLES["ticket"]) in level


def test_targets_are_called_by_a_name_in_each_language() -> None:
    """No reader has to know our words for them."""
    assert all(set(names) == LANGUAGES for names in TARGET_NAMES.values())
    assert set(Targets.model_fields) | {"accept"} == set(TARGET_NAMES)
    assert set(USUAL) == set(PARTS)


def test_an_own_text_goes_before_the_usual_one() -> None:
    """Of one language, or of all; from a file too."""
    compiled = compile_rulebook(
        files({"subject": {"zh-Hans": "急"}, "digest": "{{ count }}!", "text": "t.txt"}, t="文")
    )
    found = compiled.notices
    assert found["subject", NOTICE] == {**USUAL["subject"], "zh-Hans": "急"}
    assert found["digest", NOTICE] == {"": "{{ count }}!"}
    assert found["text", NOTICE] == {"": "文"}
    assert found["link", NOTICE] == {"": ""}


def test_what_a_text_file_says_is_compared() -> None:
    """A changed file is a changed text, whatever its name."""
    old, new = files({"text": "t.txt"}, t="one"), files({"text": "t.txt"}, t="two")
    (change,) = differences(old, new)
    assert (change.section, change.path) == ("notices", "text")
    assert (change.old, change.new) == ("one", "two")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("Lead@Shop.Example", "lead@shop.example"),
        (" lead@shop.example ", "lead@shop.example"),
        ("王@公司.example", "王@xn--55qx5d.example"),
    ],
)
def test_addresses_are_normalized(given: str, address: str) -> None:
    """As the channels write them."""
    assert Contact(email=given).email == [address]


@pytest.mark.parametrize(
    "given",
    ["lead", "@shop.example", "lead@", "a b@shop.example", "a@b@c", "a@x.example, b@x.example",
     "a@x.example\nBcc: b@x.example", ""],
)  # fmt: skip
def test_what_is_no_address(given: str) -> None:
    """Names, lists and what would make another header."""
    with pytest.raises(ValueError, match="expected a mail address"):
        Contact(email=[given])


@pytest.mark.parametrize(
    "url",
    ["shop.example", "https://", "file:///etc/passwd", "https://a b.example/", "https://x\n.example",
     "https://u@shop.example/", "https://shop.example/#x", "https://shop.example:99999/", "//x/y"],
)  # fmt: skip
def test_what_is_no_url(url: str) -> None:
    """Nothing but http and https to a host, without credentials."""
    with pytest.raises(ValueError, match="expected a URL"):
        Contact(webhook={"url": url, "secrets": "env:X"})


def test_languages_fall_back() -> None:
    """The same way as for acknowledgements."""
    assert list(fallbacks("zh-Hant-HK"))[:2] == ["zh-Hant-HK", "zh"]
