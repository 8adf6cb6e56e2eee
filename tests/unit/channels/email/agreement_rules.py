"""When a mail agrees although its expected value, to the letter, differs from the request's.

Each rule takes out of the expected line what a request cannot or should not have, or adds what an
origin does not list at all; the rest is compared as it stands. No rule looks at a single mail.
What agrees by a rule alone is listed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from channels.draft import Defects
from channels.email import headers, structure
from channels.request import CustomerRequest

Line = Mapping[str, Any]

_PRESSED = re.compile(rb"(?im)^subject:(?:.*\r?\n[ \t])*.*\?=[^\s=]")
_UU_BEGIN = re.compile(r"(?m)^begin [0-7]{3,4} (.*)$")
_NOBODYS = re.compile("[\0\N{REPLACEMENT CHARACTER}]")


def words(text: str | None) -> str:
    """`text` with its white space joined."""
    return " ".join((text or "").split())


def subject(expected: Line, request: CustomerRequest, raw: bytes) -> Line:
    """The table's parser puts a space between an encoded word and what follows it directly."""
    wanted, got = expected["subject"], request.subject
    pressed = _PRESSED.search(raw) and words(wanted).replace(" ", "") == words(got).replace(" ", "")
    return {**expected, "subject": got} if pressed else expected


def text(expected: Line, _request: CustomerRequest, _raw: bytes) -> Line:
    """Without characters that nobody wrote.

    NUL, which no text field may have, and U+FFFD, which stands for octets that are no text.
    """
    wanted = [_NOBODYS.sub("", one) for one in expected.get("text_contains", [])]
    return {**expected, "text_contains": wanted}


def attachments(expected: Line, request: CustomerRequest, raw: bytes) -> Line:
    """Files under the name that people read, without texts that are shown, with those left out.

    One origin leaves encoded words in names as they are, and lists neither nameless parts (mails
    inside a mail among them) nor uuencoded files.
    """
    wanted = [one for one in expected["attachments"] if not _is_shown(one, request, raw)]
    for number, one in enumerate(wanted):
        if one["name"] is not None:
            wanted[number] = {**one, "name": headers.decode(one["name"])[0]}
    if expected["file"].startswith("mime4j/"):
        uuencoded = {name.strip() for name in _UU_BEGIN.findall(raw.decode("latin-1"))}
        wanted += [
            {"name": one.name, "media_type": one.media_type, "size": one.size}
            for one in request.attachments
            if one.name is None or one.name in uuencoded
        ]
    return {**expected, "attachments": wanted}


def _is_shown(expected: Line, request: CustomerRequest, raw: bytes) -> bool:
    """Whether a nameless text, which the origin lists as a file, stands last in our text.

    The origin does so with texts whose multipart is not closed. By two octets the sizes may
    differ: the line end before a boundary. Of a text without octets there is nothing to show.
    """
    if expected["name"] is not None or expected.get("what") != "text":
        return False
    if expected["size"] == 0:
        return True
    full = words(request.full_text)
    return any(
        not part.is_unopened
        and expected["media_type"] == part.media_type
        and abs(len(part.content) - expected["size"]) <= 2
        and words(part.content.decode("utf-8", "replace")) in full
        for part in structure.read(raw, Defects()).leaves[-1:]
    )


RULES: Mapping[str, Callable[[Line, CustomerRequest, bytes], Line]] = {
    "subject": subject,
    "text": text,
    "attachments": attachments,
}
"""By field."""
