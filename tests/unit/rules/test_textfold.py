"""Folding: what is the same text to a rule, and where in the original it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.matcher import Keywords
from rules.textfold import MAX_ODD, fold, fold_keyword


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("投訴", "投诉"),
        ("薴麻", "苎麻"),
        ("Ｒｅｆｕｎｄ", "refund"),
        ("REFUND", "refund"),
        ("Straße", "strasse"),
        ("re\u200bfund", "refund"),
        ("re\u00adfund", "refund"),
        ("refund\r\n  now", "refund now"),
        ("退\u3000款", "退款"),
        ("退 款 now", "退款 now"),
        ("환불 요청", "환불 요청"),
        ("it’s “so” e‑mail", 'it\'s "so" e-mail'),
        ("ref\u200eund\ufe0f\u3164", "refund"),
        ("cafe\u200b\u0301", "café"),
        ("wait…", "wait..."),
        ("e\u0301cole", "école"),
        ("ｶﾞｽ", "ガス"),
        ("\u1112\u1161\u11ab", "한"),
        ("①", "1"),
        ("İ", "i\u0307"),
        ("", ""),
        ("🙂", "🙂"),
        ("貴公司員工態度惡劣，請儘速處理我們訂單", "贵公司员工态度恶劣,请尽速处理我们订单"),
        ("Ｄｅａｒ　Ｍｒ．Ｗａｎｇ，ＩＷＡＮＴ", "dear mr.wang,iwant"),
    ],
)
def test_what_is_the_same_to_a_rule(text: str, folded: str) -> None:
    """Case, width, composition, script and spacing make no difference."""
    assert fold(text).text == folded


@pytest.mark.parametrize(
    ("text", "keyword", "original"),
    [
        ("我要投訴你們", "投诉", "投訴"),
        ("please Re\u200bFund\u200b me", "refund", "Re\u200bFund\u200b"),
        ("a…b… REFUND  \n now…", "refund now", "REFUND  \n now"),
        ("die Straße…", "STRASSE", "Straße"),
        ("le cafe\u0301 ferme", "café", "cafe\u0301"),
        ("  \n refund", "refund", "refund"),
        ("退 \u200b\n 款", "退 款", "退 \u200b\n 款"),
    ],
)
def test_a_span_is_a_piece_of_the_original(text: str, keyword: str, original: str) -> None:
    """A match is shown as the customer wrote it, and nothing around it."""
    span = Keywords([keyword]).find(fold(text))[fold_keyword(keyword)]
    assert text[span.start : span.end] == original


@pytest.mark.parametrize(
    ("text", "keyword", "found"),
    [
        ("a refund, please", "refund", True),
        ("refunded", "refund", False),
        ("prerefund", "refund", False),
        ("refund_id", "refund", False),
        ("我要refund谢谢", "refund", True),
        ("我要退款了", "退款", True),
        ("C++ code", "c++", True),
        ("abc++", "c++", False),
        ("refunded, no: refund", "refund", True),
        ("12315", "12315", True),
        ("0123159", "12315", False),
    ],
)
def test_a_latin_keyword_is_a_whole_word(text: str, keyword: str, found: bool) -> None:
    """Scripts that separate words by spaces are matched by words, Chinese anywhere."""
    assert (fold_keyword(keyword) in Keywords([keyword]).find(fold(text))) is found


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    """What is folded stays as it is, whatever the text."""
    once = fold(text).text
    assert fold(once).text == once


@given(st.text(min_size=1))
def test_every_folded_character_comes_from_somewhere(text: str) -> None:
    """Spans lie in the original, in its order, whatever the text."""
    folded = fold(text)
    spans = [folded.span(index, index + 1) for index in range(len(folded.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_many_words_of_which_some_begin_others_are_all_found() -> None:
    """More words than one automaton is good for are searched as few are."""
    words = [f"w{number}" for number in range(20_100)]
    found = Keywords(words).find(fold("w1, w20 und w20099; w20100"))
    assert sorted(found) == ["w1", "w20", "w20099"]


def test_a_text_of_odd_characters_is_looked_at_up_to_a_bound() -> None:
    """What stands behind the ten thousandth of them is not looked at; what is before is found."""
    text = "refund " + "ﬁ" * MAX_ODD + "ﬁ refund now"
    assert Keywords(["refund"]).find(fold(text))["refund"].start == 0
    assert not Keywords(["refund now"]).find(fold(text))
    assert len(fold(text).text) == len("refund ") + 2 * MAX_ODD
