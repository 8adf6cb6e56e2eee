"""The language of a message, by its script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.language import SAMPLE_CHARACTERS, detect


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我要投诉，订单三天没到", "zh-Hans"),
        ("我要投訴，訂單三天沒到", "zh-Hant"),
        ("你好", "zh-Hans"),
        ("后来里面干净", "zh-Hans"),
        ("皇后號", "zh-Hant"),
        ("乾隆", "zh-Hans"),
        ("我的 order number 12345 没到", "zh-Hans"),
        ("请看 https://shop.example.com/orders/abc-def/ghi 谢谢", "zh-Hans"),
        ("联系 wang.xiaoming.long.name@mail.example.com", "zh-Hans"),
        ("Please call me back as soon as you can, thanks. 王小明", "en"),
        ("優の良品", "zh-Hant"),
        ("注文はどこですか", "ja"),
        ("カメラ", "ja"),
        ("ｶﾒﾗ", "ja"),
        ("商品がまだ届いていません", "ja"),
        ("주문은 어디에 있습니까", "ko"),
        ("請求書 환불 주세요", "ko"),
        ("Где мой заказ?", "ru"),
        ("Πού είναι η παραγγελία", "el"),
        ("אני רוצה החזר", "he"),
        ("أين طلبي", "ar"),
        ("मेरा आदेश कहाँ है", "hi"),
        ("สั่งซื้อของฉันอยู่ที่ไหน", "th"),
        ("Where is my order?", "en"),
        ("ＨＥＬＬＯ", "en"),
        ("see https://example.org", "en"),
        ("https://example.org", "en"),
        ("ok", "en"),
        ("x", None),
        ("", None),
        ("12345 !?", None),
        ("😀👍", None),
        ("\ud800", None),
    ],
)
def test_detect(text: str, expected: str | None) -> None:
    """A script stands for its language; characters of one script alone tell Hans from Hant."""
    assert detect(text) == expected


def test_detect_is_bounded() -> None:
    """Only the start of a long text is looked at."""
    assert detect("a" * SAMPLE_CHARACTERS + "我" * 1_000_000) == "en"


@given(st.text())
def test_detect_is_deterministic(text: str) -> None:
    """Any text has one answer, a plain tag or none."""
    found = detect(text)
    assert found == detect(text)
    assert found is None or found.replace("-", "").isalpha()
