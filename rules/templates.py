"""Texts of automatic messages: Jinja templates in a sandbox, by channel and language.

Variables: `ticket`, `customer` (name), `queue` and `type` (names), `open` (whether the SLA's
calendar is open), `due_at` (first response) and `next_open`, instants or none. The filter `local`
shows an instant in the calendar's time zone: `{{ due_at | local }}`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rules.model import Rulebook
from rules.wording import did_you_mean

Texts = Mapping[tuple[str, str], Mapping[str, str]]
"""(ack, channel) -> language -> the template's text; the language `""` is for all others."""

FALLBACK = "en"


@jinja2.pass_context
def _local(context: jinja2.runtime.Context, at: datetime | None, form: str = "%m-%d %H:%M") -> str:
    zone = str(context.get("timezone", "UTC"))
    return "" if at is None else at.astimezone(ZoneInfo(zone)).strftime(form)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # Plain text for mail, SMS and chat: there is no HTML to escape for.
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=False
    )
    environment.filters["local"] = _local
    return environment


Filler = Callable[[Mapping[str, Any]], str]
"""A template as a function of its variables."""


@lru_cache(maxsize=1024)
def _filler(text: str) -> Filler:
    """Most templates are words and names: what names each is asked for, and nothing else."""
    pattern = _pattern(text)
    return _by_jinja(text) if pattern is None else pattern.format_map


def _pattern(text: str) -> str | None:
    """The template as a format string; None when it is more than words and names."""
    parts: list[str] = []
    for statement in _environment().parse(text).body:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            if isinstance(node, nodes.TemplateData):
                parts.append(node.data.replace("{", "{{").replace("}", "}}"))
            elif isinstance(node, nodes.Name):
                parts.append(f"{{{node.name}}}")
            else:
                return None
    return "".join(parts)


def _by_jinja(text: str) -> Filler:
    template = _environment().from_string(text)
    globals_ = template.environment.globals

    def filled(variables: Mapping[str, Any]) -> str:
        # As `Template.render`, which merges the globals anew each time at twice the cost.
        context = template.new_context({**globals_, **variables}, shared=True)
        return "".join(template.root_render_func(context))

    return filled


VARIABLES: Mapping[str, Any] = {
    "ticket": "k7f3q2mzt4ab",
    "customer": "王芳",
    "queue": "投诉",
    "type": "投诉",
    "open": True,
    "due_at": datetime(2027, 1, 4, 9, 30, tzinfo=UTC),
    "next_open": None,
    "timezone": "UTC",
}
"""All that a template may name, with an example of each."""

_SITUATIONS = (
    VARIABLES,
    {**VARIABLES, "open": False, "next_open": VARIABLES["due_at"]},
    {**VARIABLES, "customer": "", "queue": "", "type": "", "due_at": None},
)


def template_error(text: str, situations: Sequence[Mapping[str, Any]] = _SITUATIONS) -> str | None:
    """What is wrong with a template, or None: its syntax, or a variable that there is not.

    It must do in each of the `situations`: variables with examples, the first with all there are.
    """
    known = situations[0]
    try:
        named = meta.find_undeclared_variables(_environment().parse(text))
        for name in sorted(named - known.keys()):
            return f"there is no variable {name!r}{did_you_mean(name, known)}"
        for situation in situations:
            _filler(text)(situation)
    except jinja2.TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    except Exception as error:  # noqa: BLE001 - a template can raise whatever its words do
        return f"cannot be filled in: {error}"
    return None


def texts(rulebook: Rulebook, files: Mapping[str, str]) -> Texts:
    """Every template's text, files read in."""
    return {
        (ack, str(channel)): {
            language: files.get(text, text)
            for language, text in (
                template.items() if isinstance(template, dict) else [("", template)]
            )
        }
        for ack, by_channel in rulebook.acks.items()
        for channel, template in by_channel.items()
    }


def render(
    found: Texts, ack: str, channel: str, language: str | None, variables: Mapping[str, Any]
) -> str:
    """The text of `ack` for `channel` in the customer's language.

    A language falls back to its macro language (`zh-Hant` to `zh`), to English, to the first.
    """
    by_language = found[ack, channel]
    first = next(iter(by_language))
    if len(by_language) > 1:
        first = next((one for one in fallbacks(language) if one in by_language), first)
    return _filler(by_language[first])(variables).strip()


def fallbacks(language: str | None) -> Iterator[str]:
    """The languages in which to look for a text, the best first."""
    if language is not None:
        yield language
        macro = language.partition("-")[0]
        yield macro
        if macro == "zh":
            yield from ("zh-Hans", "zh-Hant")
    yield from ("", FALLBACK)
