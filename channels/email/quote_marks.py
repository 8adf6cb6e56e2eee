"""The lines by which mail programs mark what is not the writer's: as patterns, one line at a time.

Collected from what mail programs produce; each pattern is linear in the length of its line.
"""

import re

_VERBS = (
    "wrote|writes|schrieb|schreibt|a écrit|escribió|escribio|ha scritto|escreveu|schreef|skrev"
    "|geschreven|napisał\\(a\\)|napisała|napisał|pisze|napsala?|kirjoitti|a írt|írta"
    "|đã viết|menulis|yazdı|написала?|написал\\(а\\)|пишет|писала?|пише|написав|scris|έγραψε"
    "|כתב|kirjutas"
)
_OPENERS = (
    "on|le|am|el|il|em|op|den|dne|dnia|w dniu|ngày|pada|vào|на|в|від|in data|a|à|på|il giorno"
)
_LEAD = r"[>\s*_-]{0,40}"

SPEAKS = re.compile(r"[^\W_]")
OPENER = re.compile(rf"{_LEAD}(?:{_OPENERS})\b", re.IGNORECASE)
VERB = re.compile(rf"(?<!\w)(?:{_VERBS})(?!\w)", re.IGNORECASE)
VERB_AT_END = re.compile(rf"(?<!\w)(?:{_VERBS})\s{{0,3}}[:：]\s*$", re.IGNORECASE)
ADDRESS_AT_END = re.compile(
    r"@[\w.-]{1,255}[\s>)\]]{0,6}(?:<mailto:[^<>]{1,200}>{1,2})?\s?[:：]\W{0,3}$"
)
TIME = re.compile(r"\d{1,2}[:.]\d\d|\b\d{4}\b")
DATED_ADDRESS = re.compile(
    rf"{_LEAD}\d{{4}}[/.-]\d{{1,2}}[/.-]\d{{1,2}}\b.{{0,200}}@[\w.-]{{1,200}}>?\s?[:：]?$"
)
CHINESE = re.compile(r"[写寫][道到]\s?[:：﹕]\W{0,12}$|\s[写寫][于於]\s?\d{4}.{4,40}[:：]$")
CHINESE_OPENED = re.compile(rf"{_LEAD}(?:在|于|於).{{4,900}}[写寫][道到]\W{{0,3}}$")
EAST_ASIAN = re.compile(
    rf"{_LEAD}\d{{4}}\s?[年년./-].{{4,900}}(?:のメール|書きました|書いた|님이 작성|작성:).{{0,20}}$"
)

OPENS = re.compile(r"\d{1,2}[:.]\d\d|\b(?:19|20)\d\d\b|<\s*$|<?[\w.+-]{1,64}@[\w.-]+")
DATED = re.compile(r"\d{1,2}[:.]\d\d.*[:：]\W{0,3}$")
"""In whatever language: a line with a time, above a quote."""

CERTAIN = re.compile(r"\d|@")
"""An attribution with a time or an address is one; any other only where a quote follows."""

# Only lines that end so are worth the patterns above.
ATTRIBUTION_END = re.compile(
    r"[:：﹕]\W{0,12}$|-{2,}\s*$|\b(?:wrote|schrieb)\s*$|@[\w.-]+>?\s*$|[写寫][道到]\W{0,3}$|작성\W*$|書きました|のメール"
)

_ORIGINAL = (
    r"original(?: (?:message|appointment|mail))?|repl(?:y|ied) message|ursprüngliche nachricht"
    r"|original-?nachricht|message d.origine|mensaje original|messaggio originale|mensagem original"
    r"|oorspronkelijk bericht|исходное сообщение|ursprungligt meddelande|opprinnelig melding"
    r"|oprindelig (?:meddelelse|besked)|message (?:original|initial)|courriel original"
    r"|originalmeddelande|alkuperäinen viesti|původní zpráva|pôvodná správa|oryginalna wiadomość"
    r"|wiadomość oryginalna|eredeti üzenet|mesaj original|αρχικό μήνυμα|orijinal (?:mesaj|ileti)"
    r"|pesan asli|thư gốc|missatge original|original besked|원본 메일|원본 메시지"
    r"|原始邮件|原始郵件|(?:回复的)?原邮件(?:信息)?|原郵件|邮件原文|原文|原始信件|回复邮件|回復郵件|元のメッセージ"
)
_FORWARDED = (
    r"forwarded (?:message|mail|by\b.{0,100})|message transféré|weitergeleitete nachricht"
    r"|пересылаемое сообщение|пересланное сообщение|mensaje reenviado|messaggio inoltrato"
    r"|mensagem encaminhada|doorgestuurd bericht|videresendt (?:besked|meddelelse|melding)"
    r"|vidarebefordrat meddelande|přeposlaná zpráva|wiadomość przekazana|iletilen mesaj"
    r"|转发邮件信息|转发的邮件|转发邮件|轉寄郵件|轉寄的郵件|轉寄信件|转发信息"
)
ORIGINAL = re.compile(rf"[>\s]*[-_=—─*]{{2,}}\s*(?:{_ORIGINAL})\s*[-_=—─*]*\s*$", re.IGNORECASE)
FORWARDED = re.compile(
    rf"[>\s]*(?:[-_=—─*]{{2,}}\s*(?:{_FORWARDED})\s*[-_=—─*]*\s*$|begin forwarded message"
    r"|anfang der weitergeleiteten|début du message (?:transféré|réexpédié))",
    re.IGNORECASE,
)

FIELD_NAMES = {
    "from": r"from|von|de|da|van|od|från|fra|gönderen|lähettäjä|от"
    r"|发件人|發件人|寄件者|寄件人|差出人|보낸 ?사람",
    "date": r"sent|date|gesendet|datum|envoyé|message du|fecha|enviado(?: el)?|inviato|data"
    r"|verzonden|skickat|sendt|enviada em|wysłano|odesláno|gönderildi|lähetetty|дата"
    r"|отправлено|发[送件](?:时间|日期)|發送時間|寄件日期|传送日期|傳送日期|已傳送"
    r"|日\s?期|时间|時間|送信日時|日時|보낸 ?날짜",
    "to": r"to|an|à|para|a|aan|til|till|do|komu|kime|vastaanottaja|кому"
    r"|收件人|收件者|宛先|받는 ?사람",
    "subject": r"subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|sujet|temat"
    r"|předmět|konu|aihe|тема|主\s?题|主題|主旨|件名|제목",
    "other": r"cc|kopie|copie(?: à)?|копия|抄\s?送至?|副本|reply-to"
    r"|organization|importance|attachments?",
}
"""What header blocks call their fields; a block names at least three, `from` among them."""

FIELD = re.compile(
    r"[>\s*|]{0,20}(?:"
    + "|".join(f"(?P<{kind}>{names})" for kind, names in FIELD_NAMES.items())
    + r")\s{0,3}\**\s{0,3}[:：|]\**.*$",
    re.IGNORECASE,
)

SIGNATURE = re.compile(r"(?:--|__)\s*$|sent with proton mail secure email\.$", re.IGNORECASE)
REPLY_ABOVE = re.compile(
    r"(?i)\W{1,8}(?:please )?(?:type|write|enter) your reply above this line\W{1,8}$"
    r"|\W{1,8}(?:请在|請在).{0,6}上方.{0,10}(?:回复|回覆|回復)\W{1,8}$"
)
"""What help desks put above the history."""

SENT_FROM = re.compile(
    r"""\s*(?:
      sent\ from\ (?:my|a|an|outlook|mail|yahoo|samsung|proton|gmail|aol|windows)\b.{0,80}
    | sent\ (?:from|via|with|using)\ [A-Z]\S{2,30}(?:\s?<http[^>\s]*>)?(?:\ for\ \w+)?
    | get\ outlook\ for\ .{0,80}
    | von\ mein\w+\ .{0,40}gesendet.{0,20} | gesendet\ (?:von|mit)\ .{0,60}
    | envoyé\ (?:de|depuis|à\ partir\ d[eu'])\ ?.{0,80} | enviado\ (?:desde|do|a\ partir)\ .{0,60}
    | inviato\ da.{0,60} | отправлено\ (?:с|из)\ .{0,60}
    | (?:sendt|skickat)\ (?:fra|från)\ min\ .{0,40} | verstuurd\ vanaf\ mijn\ .{0,40}
    | lähetetty\ .{2,40}(?:sta|stä|lta|ltä)
    | (?:发自|發自|发送自)(?:我的.{0,30}|.{0,30}(?:手机|手機|pad|mail|outlook|邮|郵|客户端).{0,20})
    | (?:从|從|來自|来自)我的.{0,30}
    | (?:获取|下载|取得|下載)\ ?outlook\ for\ .{0,60}
    )\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
LIST_FOOTER = re.compile(r"\s*_{20,}\s*$")
LIST_NAME = re.compile(r"(?i).*\bmailing list\b")
RULE = re.compile(r"\s*(?:_{20,}|-{20,}|={3,}|—{10,}|─{10,})\s*$")
NAMED_RULE = re.compile(r"\s*[-_=—─]{3,}\s*[^\W\d_][\w'’ .]{2,40}?\s*[-_=—─]{3,}\s*$")
QUOTED = re.compile(r"\s{0,3}>(?!\s*[:：]\s*$)")
