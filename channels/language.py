"""In which language a message is written, told by its script alone: pure, fast, deterministic.

Scripts decide, not statistics: a triage rule that asks for Chinese must get the same answer for
the same text in every version, and the statistical detectors that were tried need numpy or some
100 MB of models, and guess at texts as short as an SMS. What scripts cannot tell stays untold:
every text in Latin letters is `en`.
"""

import re
from bisect import bisect_right
from collections import Counter
from functools import cache, lru_cache

import opencc

SAMPLE_CHARACTERS = 2_000
"""Only so many characters from the start of a text are looked at."""

_HAN, _KANA, _HANGUL, _LATIN = "han", "kana", "hangul", "en"

# Unicode blocks: first and last code point, and the script, or the language that it stands for.
_BLOCKS = (
    (0x0041, 0x005A, _LATIN), (0x0061, 0x007A, _LATIN), (0x00C0, 0x024F, _LATIN),
    (0x0370, 0x03FF, "el"), (0x0400, 0x052F, "ru"), (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "ar"), (0x0750, 0x077F, "ar"), (0x0900, 0x097F, "hi"),
    (0x0E00, 0x0E7F, "th"), (0x1100, 0x11FF, _HANGUL), (0x1E00, 0x1EFF, _LATIN),
    (0x3041, 0x30FA, _KANA), (0x30FD, 0x30FF, _KANA), (0x3130, 0x318F, _HANGUL),
    (0x31F0, 0x31FF, _KANA), (0x3400, 0x4DBF, _HAN), (0x4E00, 0x9FFF, _HAN),
    (0xAC00, 0xD7AF, _HANGUL), (0xF900, 0xFAFF, _HAN), (0xFF21, 0xFF3A, _LATIN),
    (0xFF41, 0xFF5A, _LATIN), (0xFF66, 0xFF9D, _KANA), (0x20000, 0x323AF, _HAN),
)  # fmt: skip
_STARTS = tuple(first for first, _, _ in _BLOCKS)

# Addresses are Latin in any language, so they say nothing of it.
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-~]+|[\w.+-]{1,64}@[\w.-]+")

_LETTERS_PER_WORD = 4  # so many letters of an alphabet weigh as much as one Chinese character


def detect(text: str) -> str | None:
    """The BCP 47 tag of `text`: `zh-Hans`, `zh-Hant`, `ja`, `ko`, `ru`, `en` …, or None.

    None when fewer than two letters (or no Chinese character) say anything. In a mixed text the
    script with more words wins. Chinese whose characters are the same in both scripts (你好)
    counts as `zh-Hans`.

    >>> detect("我要投诉"), detect("我要投訴"), detect("Where is my order?"), detect("12345")
    ('zh-Hans', 'zh-Hant', 'en', None)
    """
    sample = text[:SAMPLE_CHARACTERS]
    counts = _count(sample)
    if len(counts) > 1 and counts[_LATIN]:
        counts = _count(_ADDRESS.sub(" ", sample)) or counts
    if not counts:
        return None
    return _winner(counts, sample)


def _count(sample: str) -> Counter[str]:
    counts = Counter(map(_script, sample))
    del counts[""]
    return counts


@lru_cache(maxsize=16_384)
def _script(character: str) -> str:
    code = ord(character)
    index = bisect_right(_STARTS, code) - 1
    if index < 0 or code > _BLOCKS[index][1]:
        return ""
    return _BLOCKS[index][2]


def _winner(counts: Counter[str], sample: str) -> str | None:
    han, kana, hangul = counts.pop(_HAN, 0), counts.pop(_KANA, 0), counts.pop(_HANGUL, 0)
    letters, alphabet = max(((n, name) for name, n in counts.items()), default=(0, ""))
    if letters > _LETTERS_PER_WORD * (han + kana + hangul):
        return alphabet if letters > 1 else None
    if hangul and hangul * 3 >= han + kana:
        return "ko"
    # A lone の decorates Chinese shop signs; Japanese has far more kana than one in six.
    if kana and (not han or (kana > 1 and kana * 5 >= han)):
        return "ja"
    if han:
        return _chinese(sample)
    return alphabet if letters > 1 else None


def _chinese(sample: str) -> str:
    simplified, traditional = _only_in_one_script()
    distinct = set(sample)
    more_traditional = len(distinct & traditional) > len(distinct & simplified)
    return "zh-Hant" if more_traditional else "zh-Hans"


@cache
def _only_in_one_script() -> tuple[frozenset[str], frozenset[str]]:
    """The characters of simplified Chinese alone, and those of traditional Chinese alone.

    By OpenCC's tables; but a character that the other side writes as well (后, 里, 乾) tells
    nothing, so whatever the other side's own character set (Big5, GB 2312) holds is left out.
    """
    han = "".join(map(chr, range(0x4E00, 0xA000)))
    lines = "\n".join(han)
    to_traditional = opencc.OpenCC("s2t").convert(lines).split("\n")
    to_simplified = opencc.OpenCC("t2s").convert(lines).split("\n")
    simplified = _changed(han, to_traditional, other_charset="big5")
    traditional = _changed(han, to_simplified, other_charset="gb2312")
    return simplified - traditional, traditional - simplified


def _changed(han: str, converted: list[str], *, other_charset: str) -> frozenset[str]:
    return frozenset(
        character
        for character, becomes in zip(han, converted, strict=True)
        if character != becomes and not character.encode(other_charset, "ignore")
    )
