"""What is the customer's own in a mail, and what is history."""

import pytest

from channels.email.markup import QUOTE_END, QUOTE_MARK
from channels.email.quotes import own_text


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 2 Mar 2026 at 09:00, Ann Lee <ann@example.org> wrote:\n> Hello",
        "On Mon, 2 Mar 2026 at 09:00, Ann Lee\n<ann@example.org>\nwrote:\n> Hello",
        "Am 02.03.2026 um 09:00 schrieb Ann Lee <ann@example.org>:\n> Hallo",
        "Le lun. 2 mars 2026 à 09:00, Ann Lee <ann@example.org> a écrit :\n> Bonjour",
        "El lun, 2 mar 2026 a las 9:00, Ann (<ann@example.org>) escribió:\n> Hola",
        "пн, 2 мар. 2026 г. в 09:00, Ann <ann@example.org>:\n> Привет",
        "在 2026年3月2日，09:00，安 <ann@example.org> 写道：\n> 您好",
        '在 2026-03-02 09:00:00，"安" <ann@example.org> 写道：\n您好',
        "安 <ann@example.org> 於 2026年3月2日 週一 上午9:00寫道：\n> 您好",
        '------------------ 原始邮件 ------------------\n发件人: "安"<ann@example.org>;\n您好',
        "发件人： 安\n发送时间： 2026-03-02 09:00\n收件人： 王\n主题： 订单\n\n您好",
        "寄件者: 安\n寄件日期: 2026年3月2日\n收件者: 王\n主旨: 訂單\n\n您好",
        "-----Original Message-----\nFrom: Ann\nSent: Monday\nTo: Wang\nSubject: x\n\nHello",
        "________________________________\nFrom: Ann\nSent: Monday\nTo: Wang\nSubject: x\n\nHello",
        "From: Ann <ann@example.org>\nSent: Monday\nTo: Wang\n\nHello",
        "2026年3月2日(月) 9:00 Ann <ann@example.org>:\n> こんにちは",
        "---- 回复的原邮件 ----\n| 发件人 | 安<ann@example.org> |\n| 主题 | 订单 |\n您好",
        f"{'-' * 66}\n发件人：安 <ann@example.org>\n日\u3000期：2026年\n收件人：王\n主\u3000题：x",
        "发件人： 安 <ann@example.org>\n发件时间： 2026年3月2日\n收件人： 王\n\n您好",
        "======= 2026-03-02 09:00:00 您在来信中写道：=======\n\n>您好",
        "Ann 写于 2026/3/2 9:00:\n> 您好",
        "Ann <ann@example.org> 於 2026年3月2日 (週一) 9:00 AM 寫道﹕\n\n您好",
        "2026년 3월 2일 (월) 오전 9:00, Ann <ann@example.org>님이 작성:\n\n> 안녕",
        "ในวันที่ จ. 2 มี.ค. 2026 เวลา 09:00 Ann <ann@example.org> เขียนว่า:\n\n> สวัสดี",
        "Ann/Example wrote on 02/03/2026 09:00:00:\n\n> hello",
        "Od: Ann <ann@example.org>\nWysłano: 2 marca 2026\nDo: Wang\nTemat: RE: x\n\nhej",
        "Gönderen: Ann\nGönderildi: 2 Mart 2026\nKime: Wang\nKonu: YNT: x\n\nmerhaba",
        "------------------ Original ------------------\nFrom: Ann\n\nhello",
        "##- Please type your reply above this line -##\nhello",
        "##- 请在此行上方键入您的回复 -##\n您好",
        "-- \nWang Wei\nExample Ltd",
        "获取 Outlook for iOS",
        "发送自 Windows 10 版邮件应用",
        "Sent from my iPhone",
        "发自我的iPhone",
        "> Hello",
    ],
)
def test_history_is_cut(history: str) -> None:
    """What a mail program puts below the customer's words is none of them."""
    assert own_text(f"我要投诉\n请回复\n\n{history}") == "我要投诉\n请回复"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday he came.\nThen I wrote:\nplease help",
        "From: Beijing\nTo: Xi'an\nDate: Monday\nPlease book it.",
        "Tell me: where is 订单?",
        "Sent from my office to yours, the parcel is lost.",
        "price > 5\nand more",
        "主题：我要投诉\n内容：太慢",
        "The train at 9:00 from Beijing to Shanghai:\nit never came",
        "包裹收到了\n\n发自内心的感谢",
    ],
)
def test_own_words_stay(text: str) -> None:
    """What only looks like history stays."""
    assert own_text(text) == text


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "On Mon 9:00 A <a@b.example> wrote:\n> q1\nanswer 1\n> q2\nanswer 2",
            "answer 1\nanswer 2",
        ),
        ("> q\n\nbelow", "below"),
        ("> only\n> quotes", "> only\n> quotes"),
        (f"new\n{QUOTE_MARK}\nold", "new"),
        (f"{QUOTE_MARK}\nall of it", "all of it"),
        (f"{QUOTE_MARK}\nold\n{QUOTE_END}\nnew", "new"),
        (f"new\n{QUOTE_MARK}\nold\n{QUOTE_END}\nSent by an app", "new"),
        ("", ""),
    ],
)
def test_answers_below_and_between(text: str, own: str) -> None:
    """Answers between or below quotes are own words; a mail that is all quote stays whole."""
    assert own_text(text) == own


def test_a_forward_without_words_keeps_what_it_forwards() -> None:
    """What somebody forwards is what they want to say."""
    forward = "---------- Forwarded message ---------\nFrom: A <a@b.example>\nSubject: x\n\nLook"
    assert own_text(forward) == forward
    assert own_text(f"FYI\n\n{forward}") == "FYI"
