"""What the customer wrote, without the history that the mail program put below it."""

import re
from collections.abc import Sequence

from channels.email.html import QUOTE_MARK

_WORDS_SPAN = 4  # lines that an attribution may be folded over

# Who wrote when, as mail programs say it, in the languages of their users.
_WROTE = re.compile(
    r"""(?ix) ^ [>\s*_]* (?:
      (?: on | le | am | el | il | em | op | den | dnia | w\ dniu | dne | ngày | pada | vào | на | в | v ) \b .{6,400}?
      (?: wrote | writes | a\ écrit | schrieb | escribió | ha\ scritto | escreveu | schreef | skrev
        | napisał(?:\(a\)|a)? | napsal(?:\(a\)|a)? | kirjoitti | a\ írt | đã\ viết | menulis | yazdı | написал(?:\(а\)|а)?
        | het\ volgende\ geschreven | пише | пишет | scris | έγραψε ) \b .{0,80}? [:：]
    | (?: 在 | 于 | 於 ) .{4,300}? (?: 写道 | 寫道 | 写到 ) \s* [:：]?
    | .{4,300}? (?: 写道 | 寫道 | 写到 ) \s* [:：]
    | \d{4} \s* [年./-] .{6,300}? (?: のメール | さんは書きました | 님이\ 작성 | \ wrote | \ schrieb | さんの?書 ) .{0,20} [:：]?
    | .{2,120} <[^<>\s]+@[^<>\s]+> .{0,60} (?: wrote | writes | schrieb | skrev | escribió | a\ écrit | написал ) .{0,10} [:：]
    | \d{1,4} [./-] \d{1,2} [./-] \d{1,4} .{0,60} <[^<>\s]+@[^<>\s]+> \s* [:：]
    | .{2,80} \b (?:wrote|schrieb|writes) \s* [:：]
    ) \s* $"""
)
_RULE = re.compile(
    r"""(?ix) ^ [>\s]* [-_=—─]{2,} \s* (?:
      original\ (?:message|appointment) | reply\ message | forwarded\ (?:message|by\b.*) | ursprüngliche\ nachricht | message\ d.origine | message\ transféré
    | mensaje\ original | messaggio\ originale | mensagem\ original | oorspronkelijk\ bericht | original-nachricht
    | исходное\ сообщение | пересылаемое\ сообщение | ursprungligt\ meddelande | 原始邮件 | 原始郵件 | 原邮件 | 原始信件 | 回复邮件 | 转发邮件信息 | 转发邮件
    | 轉寄郵件 | 轉寄的郵件 | 元のメッセージ | original\ mail
    ) \s* [-_=—─]* \s* $"""
)
_FORWARD = re.compile(
    r"(?i)^[>\s]*(?:[-_=—─]{2,}\s*(?:forwarded|转发|轉寄|message transféré|пересылаемое|weitergeleitet)"
    r"|begin forwarded message|anfang der weitergeleiteten)"
)
_LONG_RULE = re.compile(r"^\s*(?:_{20,}|-{30,})\s*$")
_FIELDS = (
    (r"from|von|de|da|van|od|från|fra|от|发件人|發件人|寄件者|寄件人|差出人|보낸 ?사람|från"),
    (
        r"sent|date|gesendet|datum|envoyé|date d.envoi|fecha|enviado(?: el)?|inviato|data|verzonden|skickat|sendt|дата"
        r"|отправлено|发送时间|發送時間|寄件日期|传送日期|傳送日期|日期|时间|時間|送信日時|日時|보낸 ?날짜"
    ),
    (r"to|an|à|para|a|aan|til|till|кому|收件人|收件者|宛先|받는 ?사람"),
    (
        r"subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|тема|主题|主題|主旨|件名|제목"
    ),
    (r"cc|kopie|copie|копия|抄送|副本|reply-to|回复"),
)
_FIELD = re.compile(
    r"(?i)^[>\s*]*(?:"
    + "|".join(f"(?P<f{i}>{names})" for i, names in enumerate(_FIELDS))
    + r")\s*\**\s*[:：]\**(?P<value>.*)$"
)
_SIGNATURE = re.compile(r"^(?:-- ?|--|__)\s*$")
_SENT_FROM = re.compile(
    r"(?i)^\s*(?:sent from (?:my|a|an|the|outlook|mail|yahoo|samsung|proton)\b.{0,80}|get outlook for .{0,60}"
    r"|(?:von|from) meinem .{0,40}gesendet|gesendet von .{0,60}|envoyé (?:de|depuis) mon .{0,60}|enviado desde mi .{0,60}"
    r"|inviato da(?:l mio)? .{0,60}|发自我的.{0,40}|發自我的.{0,40}|从我的.{0,30}发送|從我的.{0,30}傳送|來自我的.{0,30}"
    r"|отправлено с .{0,60}|sendt fra min .{0,40}|skickat från min .{0,40}|verstuurd vanaf mijn .{0,40})$"
)
_QUOTED = re.compile(r"^\s{0,3}>")


def own_text(full: str) -> str:
    """The part of `full` above (or else below) its quotes, without a signature.

    A forward without own words keeps what it forwards.
    """
    marked, _, _ = full.partition(QUOTE_MARK)
    plain = full.replace(QUOTE_MARK, "")
    lines = (marked if marked.strip() else plain).split("\n")
    cut = _cut(lines)
    own = _without_signature(_without_quotes(lines[:cut]))
    if _joined(own):
        return _joined(own)
    if any(map(_FORWARD.match, lines)):
        return plain.strip()
    below = _below(plain.split("\n"))
    return below or plain.strip()


def _cut(lines: Sequence[str]) -> int:
    """The index of the line with which the history begins; only after own words."""
    for index, line in enumerate(lines):
        if _begins_history(lines, index, line):
            return index
    return len(lines)


def _begins_history(lines: Sequence[str], index: int, line: str) -> bool:
    if not line.strip():
        return False
    if _RULE.match(line) or _FORWARD.match(line):
        return True
    if _LONG_RULE.match(line):
        return _is_block(lines, _next(lines, index + 1))
    if _is_block(lines, index):
        return True
    return _attribution(lines, index) > 0 and not _replied_below(lines, index)


def _replied_below(lines: Sequence[str], index: int) -> bool:
    """Own words between or below the quotes: then only the quotes themselves are cut."""
    after = index + _attribution(lines, index)
    rest = lines[after:]
    quoted = [bool(_QUOTED.match(line)) for line in rest if line.strip()]
    return bool(quoted) and quoted[0] and not all(quoted)


def _next(lines: Sequence[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _attribution(lines: Sequence[str], index: int) -> int:
    """How many lines from `index` on say who wrote, or 0."""
    joined = ""
    for count, line in enumerate(lines[index : index + _WORDS_SPAN], start=1):
        if not line.strip():
            return 0
        joined = f"{joined} {line.strip()}"[:1_000]
        if _WROTE.match(joined.strip()):
            return count
    return 0


def _is_block(lines: Sequence[str], index: int) -> bool:
    """A header block (From, Sent, To, Subject) as Outlook and its kin put above a quote."""
    first = _FIELD.match(lines[index]) if index < len(lines) else None
    if first is None or first["f0"] is None:
        return False
    seen = {first.lastgroup}
    kinds = {0}
    for line in lines[index + 1 : index + 10]:
        match = _FIELD.match(line)
        if match:
            kinds |= {i for i in range(len(_FIELDS)) if match[f"f{i}"] is not None}
    return len(kinds) >= 3 and bool(seen)


def _without_quotes(lines: Sequence[str]) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines):
        count = _attribution(lines, index)
        if count and _QUOTED.match(
            lines[_next(lines, index + count)] if _next(lines, index + count) < len(lines) else ""
        ):
            index += count
            continue
        if not _QUOTED.match(lines[index]):
            kept.append(lines[index])
        index += 1
    return kept


def _without_signature(lines: Sequence[str]) -> list[str]:
    for index, line in enumerate(lines):
        if _SIGNATURE.match(line) and _joined(lines[:index]):
            return list(lines[:index])
        if _SENT_FROM.match(line) and _joined(lines[:index]) and not _joined(lines[index + 1 :]):
            return list(lines[:index])
    return list(lines)


def _below(lines: Sequence[str]) -> str:
    """Own words below a quote."""
    return _joined(_without_signature(_without_quotes(lines)))


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip()
