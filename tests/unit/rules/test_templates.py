"""Texts of acknowledgements: language, time zone, and what a template may do."""

import json
from datetime import UTC, datetime

import pytest

from rules.index import compile_rulebook
from rules.templates import VARIABLES, render, template_error

TEXTS = {("a", "sms"): {"zh-Hans": "简", "en": "english"}, ("a", "chat"): {"de": "deutsch"}}


@pytest.mark.parametrize(
    ("channel", "language", "text"),
    [
        ("sms", "zh-Hans", "简"),
        ("sms", "zh-Hant", "简"),
        ("sms", "zh", "简"),
        ("sms", "en-GB", "english"),
        ("sms", "fr", "english"),
        ("sms", None, "english"),
        ("chat", "fr", "deutsch"),
    ],
)
def test_a_language_falls_back(channel: str, language: str | None, text: str) -> None:
    """To its macro language, the other Chinese script, English, the first that there is."""
    assert render(TEXTS, "a", channel, language, VARIABLES) == text


def test_instants_are_shown_in_the_calendars_zone() -> None:
    """`local` turns an instant into the wall clock of the calendar's zone; none is nothing."""
    found = {("a", "sms"): {"": "{{ due_at | local }} {{ next_open | local('%H:%M') }}."}}
    given = {"timezone": "Asia/Shanghai", "due_at": datetime(2026, 3, 2, 20, tzinfo=UTC)}
    assert render(found, "a", "sms", "en", {**VARIABLES, **given}) == "03-03 04:00 ."


def test_text_stays_as_it_is() -> None:
    """Nothing is escaped: what leaves is no HTML."""
    found = {("a", "sms"): {"": "{{ customer }}"}}
    assert render(found, "a", "sms", None, {**VARIABLES, "customer": "<O'Neil & 王>"}) == (
        "<O'Neil & 王>"
    )


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{x} {{ ticket }} {}", "{x} k7f3q2mzt4ab {}"),
        ("{% raw %}{{ ticket }}{% endraw %}!", "{{ ticket }}!"),
        ("{# nothing #}{{ open }}, {{ next_open }}\n", "True, None"),
        ("{{ ticket }}{{ ticket }}", "k7f3q2mzt4abk7f3q2mzt4ab"),
        ("{% if open %}{{ customer }}{% endif %} {x}", "王芳 {x}"),
        ("{{ ticket ~ '{' }}", "k7f3q2mzt4ab{"),
    ],
)
def test_words_and_names_are_filled_in_as_everything_is(text: str, filled: str) -> None:
    """A template that is only words and names does without Jinja, and gives the same."""
    assert render({("a", "sms"): {"": text}}, "a", "sms", None, VARIABLES) == filled


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{ ticket", "line 1: unexpected end of template"),
        ("a\n{% if %}", "line 2: "),
        ("{{ tiket }}", "there is no variable 'tiket'; did you mean 'ticket'?"),
        ("{% if 1 > 2 %}{{ nobody }}{% endif %}", "there is no variable 'nobody'"),
        ("{{ ticket | locale }}", "line 1: No filter named 'locale'"),
        ("{{ ticket.__class__.__mro__ }}", "cannot be filled in: access to attribute '__class__'"),
        ("{{ due_at.year }}", "cannot be filled in: "),
        ("{% include 'x' %}", "cannot be filled in: no loader"),
    ],
)
def test_what_is_wrong_with_a_template(text: str, error: str) -> None:
    """A template that would fail on some request is refused with the rulebook."""
    found = template_error(text)
    assert found is not None
    assert found.startswith(error)


def test_files_are_read_into_texts() -> None:
    """A path ending in .txt is the text of that file, one for each language where it says so."""
    frame = {"pools": {"p": {"queues": ["q"]}}, "queues": {"q": {}}}
    acks = {"a": {"email": {"zh": "acks/zh.txt", "en": "hello.txt {{ ticket }}"}, "sms": "zh.txt"}}
    routes = [{"id": "default", "then": {"queue": "q", "ack": "a"}}]
    files = {
        "a.yaml": json.dumps(frame | {"acks": acks, "routes": routes}),
        "acks/zh.txt": "您好 {{ customer }}\n",
        "zh.txt": "短信",
    }
    found = compile_rulebook(files).templates
    assert render(found, "a", "email", "zh-Hans", VARIABLES) == "您好 王芳"
    assert render(found, "a", "email", "en", VARIABLES) == "hello.txt k7f3q2mzt4ab"
    assert render(found, "a", "sms", "en", VARIABLES) == "短信"
