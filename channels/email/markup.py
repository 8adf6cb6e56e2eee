"""HTML bodies as text: made safe with `nh3`, then read by `inscriptis`.

Where a mail program marks the quoted history (a class, an id, a `cite` quote), a mark is set into
the text, by which `quotes` cuts it.
"""

import html
import re
from functools import cache
from itertools import chain

import lxml.etree
import lxml.html
import nh3
from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from channels.draft import Defects

MOST_CHARACTERS = 400_000
QUOTE_MARK = "\ue0f1"
QUOTE_END = "\ue0f2"
"""Stand in the text where the mail program says that the quoted history begins, and ends."""

_MOST_DEPTH = 200
_MOST_OPEN = 2_000
_TAG = re.compile(r"<[^<>]{0,10000}>")
_BREAK = re.compile(r"(?i)<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^<>]*>")
_OPEN_OR_CLOSE = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]{0,30})")
_UNCLOSED = frozenset(
    {"p", "li", "br", "img", "hr", "input", "meta", "link", "td", "th", "tr", "dd", "dt", "option"}
    | {"col", "area", "base", "wbr", "source", "o:p"}
)
_DROP_CONTENT = {"script", "style", "title", "head", "noscript", "template"}

# By these the mails of Gmail, Yahoo, Outlook, Thunderbird, Zimbra, Proton, QQ and NetEase show it.
_QUOTE_CLASSES = (
    "gmail_quote", "gmail_quote_container", "yahoo_quoted", "moz-cite-prefix", "zmail_extra",
    "protonmail_quote", "OutlookMessageHeader", "gmail_extra", "qmQuote", "ntes-mailmaster-quote",
    "foxmail_quote", "WordSection1Quote",
)  # fmt: skip
_QUOTE_IDS = (
    "divRplyFwdMsg", "appendonsend", "mail-editor-reference-message-container",
    "OLK_SRC_BODY_SECTION", "isForwardContent", "isReplyContent", "origbody", "reply-intro",
)  # fmt: skip


def text_of(markup: str, defects: Defects) -> str:
    """What a reader sees of `markup`, with `QUOTE_MARK` and `QUOTE_END` around the history."""
    if len(markup) > MOST_CHARACTERS:
        defects.add("html", f"cut after {MOST_CHARACTERS} characters")
        markup = markup[:MOST_CHARACTERS]
    markup = unmarked(markup).replace("\0", "")
    if _open_at_once(markup) > _MOST_OPEN:
        defects.add("html", f"over {_MOST_OPEN} elements inside each other; tags were taken out")
        return _stripped(markup)
    safe = nh3.clean(
        markup,
        tags=_tags(),
        attributes={"*": {"class", "id", "type"}, "img": {"alt"}, "ol": {"start"}},
        clean_content_tags=_DROP_CONTENT,
        link_rel=None,
        strip_comments=True,
    )
    if not safe.strip():
        return ""
    try:
        return _rendered(safe)
    except (ValueError, TypeError, IndexError, RecursionError, lxml.etree.LxmlError) as error:
        defects.add("html", f"not rendered ({type(error).__name__}); tags were taken out")
        return _stripped(safe)


def unmarked(text: str) -> str:
    """`text` without the marks of quotes."""
    return text.replace(QUOTE_MARK, "").replace(QUOTE_END, "")


@cache
def _tags() -> set[str]:
    return set(nh3.ALLOWED_TAGS) | {"font", "section", "main"}


def _open_at_once(markup: str) -> int:
    """About how many elements stand inside each other at most: `nh3` takes the square of it."""
    most = depth = 0
    for match in _OPEN_OR_CLOSE.finditer(markup):
        if match["name"].lower() not in _UNCLOSED:
            depth = max(0, depth + (-1 if match["close"] else 1))
            most = max(most, depth)
    return most


def _rendered(safe: str) -> str:
    tree = lxml.html.document_fromstring(f"<div>{safe}</div>")
    if _too_deep(tree):
        raise ValueError("too deep")
    elements = tree.iter()
    first = next(filter(_begins_quote, elements), None)
    if first is not None:
        # The element may be no more than the line above the quote.
        within = (element for element in chain([first], elements) if element.tag == "blockquote")
        quote = next(within, None)
        first.addprevious(_marker(QUOTE_MARK))
        if quote is not None:
            end = _marker(QUOTE_END)
            end.tail, quote.tail = quote.tail, None
            quote.addnext(end)
    return str(Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"])).get_text())


def _too_deep(tree: lxml.html.HtmlElement) -> bool:
    depth = 0
    for event, _ in lxml.etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _MOST_DEPTH:
            return True
    return False


def _begins_quote(element: lxml.html.HtmlElement) -> bool:
    classes = (element.get("class") or "").split()
    if any(name in _QUOTE_CLASSES for name in classes) or element.get("id") in _QUOTE_IDS:
        return True
    return bool(element.tag == "blockquote" and element.get("type") == "cite")


def _marker(mark: str) -> lxml.html.HtmlElement:
    marker = lxml.html.Element("div")
    marker.text = mark
    return marker


def _stripped(safe: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", safe)))
