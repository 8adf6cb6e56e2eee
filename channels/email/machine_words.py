"""The words by which mail systems and answering machines give themselves away."""

import re


def _any(*alternatives: str) -> str:
    return "|".join(alternatives)


DAEMON = re.compile(
    _any(
        r"mailer[-_.]?daemons?|mail[-_.]?daemon|mda|mmdf|post[-_.]?master|mdaemon|daemon|autoresponder",
        r"mail(?:er)?[-_.]?(?:delivery|system)[\w.-]*|mail-?administrator|system-?administrator",
        r"mailadmin|bounce[sd]?(?:[-+_=.].*[\d=].*)?|double-bounce|no-?reply-?bounce",
    ),
    re.IGNORECASE,
)
"""The whole local part of a mail system's address (RFC 2142, RFC 5321, and what is found)."""

DAEMON_NAME = re.compile(
    r"mailer[-_. ]?daemon|(?:internet )?mail delivery (?:sub)?system|mail system", re.IGNORECASE
)
"""The whole display name of a mail system, whose address may be empty."""

FORM = re.compile(
    r"wordpress|www(?:-data)?|web(?:site|server|master|form)?|httpd|apache2?|nginx"
    r"|(?:web|contact|kontakt|order)?[-_.]?forms?(?:ular)?|contact",
    re.IGNORECASE,
)
"""The whole local part under which a web server of our own site writes."""

NO_REPLY = re.compile(
    _any(
        r"(?:.*[-_.+])?(?:(?:do|please)[-_.]?)?not?[-_.]?(?:reply|respon[sd]e?|answer)(?:[-_.+\d].*)?",
        r"(?:donotreply|noreply).*",
        r"auto-?reply",
    ),
    re.IGNORECASE,
)
"""The whole local part of an address that nobody reads."""

BOUNCE_SUBJECT = re.compile(
    _any(
        r"undeliver|mail failed|delivery (?:status|failure|notification|report|has failed|failed)",
        r"delivery (?:problem|error|delayed)|delivery\b.*\bfail|fail.*\bdeliver|not deliver",
        r"returned (?:mail|message|to sender|e-?mail)|failure (?:notice|delivery)|non-?deliver",
        r"mail (?:delivery|system error|failure|could not)|unable to deliver|rejected|\bdsn\b",
        r"message (?:status|delayed|delivery|could not|you sent|bounced|undeliver)",
        r"could not (?:be delivered|send message)|(?:delayed|bounced?) (?:mail|message)",
        r"user unknown|unknown (?:user|recipient|address)|address (?:invalid|not found)",
        r"warning: (?:could not|message)|mailbox (?:full|unavailable|disabled)",
        r"unzustellbar|nicht zugestellt|non remis|échec|mancata consegna|no se puede entregar",
        r"не доставлен|退信|投递失败|投遞失敗|退回|配信|送信できません",
    ),
    re.IGNORECASE,
)

BOUNCE_TEXT = re.compile(
    _any(
        r"(?:was not|could not be|cannot be|can't be|couldn't be|unable to be|not been|wasn't"
        r"|failed to be)\s+(?:able to )?(?:delivered|sent|reached|deliver)",
        r"unable to deliver|delivery (?:has )?fail|undeliverable|permanent (?:fatal )?error",
        r"returned (?:to sender|mail|message)|while talking to|transcript of session",
        r"user (?:is )?unknown|unknown (?:user|local part|recipient|address)",
        r"no such (?:user|recipient|mailbox|address)|recipient (?:address )?(?:rejected|unknown)",
        r"(?:mailbox|quota)\s+(?:is |has been )?(?:full|exceeded|unavailable|disabled|over)",
        r"does not exist|did not reach|address(?:es)? (?:had|has) .{0,20}(?:fatal|errors)",
        r"\b[45]\d\d[\s-]+[#(]?[45]\.\d\.\d{1,3}\b|reporting-mta|final-recipient|action: *failed",
        r"host unknown|unknown host|failed address|relay(?:ing)? denied",
        r"退信|投递失败|收件人不存在|届きません|配信でき|送信できません|nicht zugestellt",
        r"не (?:может|удалось)",
    ),
    re.IGNORECASE,
)

AUTO_REPLY_SUBJECT = re.compile(
    r"\s*[\[(【]?(?:"
    + _any(
        r"auto(?:mat(?:ic|ed))?[-\s]?(?:reply|response|responder|antwort|generated)",
        r"automatische (?:antwort|abwesenheit)|auto-?svar|abwesen(?:d|heits\w*)",
        r"out of (?:the )?office(?: auto-?reply)?|ooo|on vacation|vacation(?: reply| response)?",
        r"réponse automatique|absence du bureau|respuesta automática|fuera de (?:la )?oficina",
        r"risposta automatica|resposta automática|автоответ|автоматический ответ",
        r"自动回复|自動回復|自動回覆|自动答复|自動返信|自動応答",
    )
    + r")\s*+(?:[^\w\s]|_|$|(?:re|from|to|by|until|till|von|bis|de|от)\b)",
    re.IGNORECASE,
)
"""How the subject of an answering machine begins.

A mark or a preposition follows, for customers write about answering machines as well; and who
answers an automatic reply of ours ("Re: Automatic reply") is no machine.
"""

AUTO_REPLY_TEXT = re.compile(r"\s*这是来自.{1,10}邮箱的(?:假期)?自动回复邮件")

REPLY_OR_FORWARD = re.compile(
    r"\s*(?:re|fwd?|aw|wg|tr|rv|sv|vs|回复|回覆|答复|答覆|转发|轉寄|轉發)\s*[:：]", re.IGNORECASE
)
