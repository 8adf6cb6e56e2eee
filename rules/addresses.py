"""Addresses as people write them in a rulebook, in the form in which requests have them."""

import re

_TELEPHONE = re.compile(r"\+?[\d\s().-]+\*?")
_BETWEEN = re.compile(r"[\s().-]")


def written_address(text: str) -> str:
    """Mail in lower case, telephone numbers without what separates their digits.

    Other addresses are a platform's own, in which case counts.

    >>> written_address("+86 138-0013 8000")
    '+8613800138000'
    """
    text = text.strip()
    if _TELEPHONE.fullmatch(text):
        return _BETWEEN.sub("", text)
    return text.lower() if "@" in text else text
