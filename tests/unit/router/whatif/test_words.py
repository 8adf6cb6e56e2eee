"""Every word stands in both languages and says the same."""

import re
import string

import pytest

from router.whatif.words import WORDS, Language, Say


def fields(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("word", WORDS)
def test_both_languages_fill_in_the_same(word: str) -> None:
    """No name is missing in one of them, and none of them is empty."""
    english, chinese = WORDS[word]
    assert english
    assert chinese
    assert fields(english) == fields(chinese)


@pytest.mark.parametrize("word", sorted(WORDS.keys() - {"delta"}))
def test_chinese_is_chinese(word: str) -> None:
    """Nothing is left untranslated but signs."""
    assert re.search(r"[\u4e00-\u9fff]", WORDS[word][1]), word


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "0 s", "0秒"),
        (4.25, "4.25 s", "4.25秒"),
        (59.9, "59.9 s", "59.9秒"),
        (59.99, "60 s", "60秒"),
        (60, "1 min", "1分"),
        (80, "1 min 20 s", "1分20秒"),
        (3_600, "1 h", "1小时"),
        (3_601, "1 h", "1小时"),
        (3_661, "1 h 1 min", "1小时1分"),
        (90_000, "1 d 1 h", "1天1小时"),
        (86_460, "1 d", "1天"),
    ],
)
def test_durations_have_two_units(seconds: float, english: str, chinese: str) -> None:
    """The greatest that is not nothing, and the next one, if it is something."""
    languages: tuple[Language, ...] = ("en", "zh")
    assert [Say(one).duration(seconds) for one in languages] == [english, chinese]
