r"""What a customer wrote, as a terminal may show it: nothing in it acts on the terminal.

Control characters are shown as `\x1b`, marks that turn the direction of text as `\u202e`, and
what has no width as `·`. Output for programs stays as it is.
"""

import re

_WITHOUT_WIDTH = (
    "\u00ad\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_ACTS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
    f"|(?P<unseen>[{_WITHOUT_WIDTH}])"
)


def visible(text: str) -> str:
    """A text in one line, with what acts on a terminal shown instead."""
    return text if text.isprintable() else _ACTS.sub(_shown, text)


def visible_lines(text: str, indent: str = "") -> str:
    """A text of several lines, each but the first indented, and shown as `visible` does."""
    return f"\n{indent}".join(visible(line.removesuffix("\r")) for line in text.split("\n"))


def _shown(match: re.Match[str]) -> str:
    character = match.group()
    if match["unseen"]:
        return "·"
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
