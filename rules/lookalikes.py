"""Text as it looks: `pаypal` with a Cyrillic а, `раураl`, `paypa1` -> `paypal`.

By the confusable characters of Unicode Technical Standard 39, as far as one character looks like
one Latin letter; so every place in the text stays what it was. Keyword and text are compared in
this form only where a rule asks for it: `mall` and `ma1l` are the same here.
"""

from functools import lru_cache

from confusable_homoglyphs import confusables

from rules.textfold import Folded


def as_it_looks(folded: Folded) -> Folded:
    """Folded text with each character that looks like a Latin letter replaced by it."""
    text = folded.text
    for one in set(text):
        letter = _letter(one)
        if letter != one:
            text = text.replace(one, letter)
    return Folded(text, folded.ways)


@lru_cache(maxsize=8192)
def _letter(one: str) -> str:
    """The lower-case Latin letter that a character looks like, or the character."""
    if one.isspace() or (one.isascii() and one.isalpha()):
        return one
    for found in confusables.is_confusable(one, greedy=True) or ():
        for alike in found["homoglyphs"]:
            letter = str(alike["c"])
            if len(letter) == 1 and letter.isascii() and letter.isalpha():
                return letter.lower()
    return one
