"""The texts of notices: the usual ones in English and Chinese, the rulebook's in their place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rules.model import Rulebook
from rules.source import Path
from rules.templates import Texts, template_error

PARTS = ("link", "subject", "text", "digest")
NOTICE = "notice"
"""Stands in the keys of these texts where those of acknowledgements have the channel."""

_EN = """\
{% if level %}The {{ target_name }} was due {{ due_at | local }}: \
level {{ level }} since {{ lapsed_at | local }}.
{%- else %}{{ share }} of the time for the {{ target_name }} is used up: \
it is due {{ due_at | local }}.{% endif %}

Ticket: {{ ticket }}
Subject: {{ subject or "-" }}
Queue: {{ queue }}
Priority: {{ priority }}{% if tier %} ({{ tier }}){% endif %}
Agent: {{ agent or "nobody" }}
{% if link %}{{ link }}{% endif %}"""

_HANS = """\
{% if level %}{{ target_name }}应于 {{ due_at | local }} 完成，现已超时：\
{{ lapsed_at | local }} 升级到第 {{ level }} 级。
{%- else %}{{ target_name }}的时限已用去 {{ share }}，应于 {{ due_at | local }} 完成。{% endif %}

工单：{{ ticket }}
主题：{{ subject or "-" }}
队列：{{ queue }}
优先级：{{ priority }}{% if tier %}（{{ tier }}）{% endif %}
坐席：{{ agent or "无" }}
{% if link %}{{ link }}{% endif %}"""

_HANT = """\
{% if level %}{{ target_name }}應於 {{ due_at | local }} 完成，現已逾時：\
{{ lapsed_at | local }} 升級到第 {{ level }} 級。
{%- else %}{{ target_name }}的時限已用去 {{ share }}，應於 {{ due_at | local }} 完成。{% endif %}

工單：{{ ticket }}
主旨：{{ subject or "-" }}
佇列：{{ queue }}
優先級：{{ priority }}{% if tier %}（{{ tier }}）{% endif %}
客服人員：{{ agent or "無" }}
{% if link %}{{ link }}{% endif %}"""

USUAL: Mapping[str, Mapping[str, str]] = {
    "link": {"": ""},
    "subject": {
        "en": "{% if level %}Escalation {{ level }}{% else %}Warning{% endif %}: "
        "{{ target_name }}, {{ queue }}, ticket {{ ticket }}",
        "zh-Hans": "{% if level %}第 {{ level }} 级升级{% else %}预警{% endif %}："
        "{{ target_name }}，{{ queue }}，工单 {{ ticket }}",
        "zh-Hant": "{% if level %}第 {{ level }} 級升級{% else %}預警{% endif %}："
        "{{ target_name }}，{{ queue }}，工單 {{ ticket }}",
    },
    "text": {"en": _EN, "zh-Hans": _HANS, "zh-Hant": _HANT},
    "digest": {
        "en": "{{ count }} notices have waited for you",
        "zh-Hans": "有 {{ count }} 条通知等您处理",
        "zh-Hant": "有 {{ count }} 則通知等您處理",
    },
}

TARGET_NAMES: Mapping[str, Mapping[str, str]] = {
    "first_response": {"en": "first response", "zh-Hans": "首次响应", "zh-Hant": "首次回覆"},
    "next_response": {"en": "next response", "zh-Hans": "后续响应", "zh-Hant": "後續回覆"},
    "resolution": {"en": "resolution", "zh-Hans": "解决", "zh-Hant": "解決"},
    "periodic": {"en": "progress update", "zh-Hans": "进展通报", "zh-Hant": "進展通報"},
    "requester_wait": {"en": "customer's wait", "zh-Hans": "客户等待", "zh-Hant": "客戶等待"},
    "agent_work": {"en": "agents' work", "zh-Hans": "坐席处理", "zh-Hant": "客服處理"},
    "queue_time": {"en": "search for an agent", "zh-Hans": "分配坐席", "zh-Hant": "分派客服"},
    "accept": {"en": "acceptance of order", "zh-Hans": "接单，派工单", "zh-Hant": "接單，派工單"},
}
"""What people call a target (`accept:2` with the number); a step is called as its type says."""

VARIABLES: Mapping[str, Any] = {
    "ticket": "k7f3q2mzt4ab",
    "contact": "组长",
    "queue": "投诉",
    "subject": "空调坏了",
    "target": "first_response",
    "target_name": "首次响应",
    "due_at": datetime(2027, 1, 4, 9, 30, tzinfo=UTC),
    "lapsed_at": datetime(2027, 1, 4, 10, 0, tzinfo=UTC),
    "level": 2,
    "share": "",
    "agent": "安",
    "priority": 2,
    "tier": "VIP",
    "link": "https://desk.shop.example/k7f3q2mzt4ab",
    "timezone": "UTC",
}
"""All that a notice may name, with an example of each."""

_SITUATIONS = (
    VARIABLES,
    {**VARIABLES, "level": 0, "share": "75%", "agent": "", "tier": "", "subject": "", "link": ""},
    {**VARIABLES, "due_at": None},
)
_OF_DIGESTS = ({"count": 12, "contact": "组长"},)


def notice_texts(rulebook: Rulebook, files: Mapping[str, str]) -> Texts:
    """Every text by its part, files read in; a language of the rulebook's goes before the usual."""
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for part in PARTS:
        given = getattr(rulebook.notices, part)
        by_language = given if isinstance(given, dict) else {"": given}
        own = {key: files.get(text, text) for key, text in by_language.items() if text is not None}
        found[part, NOTICE] = own if "" in own else {**USUAL[part], **own}
    return found


def wrong_notice_texts(rulebook: Rulebook, found: Texts) -> Iterator[tuple[Path, str]]:
    """What is wrong with the rulebook's own texts, each with its path."""
    for part in PARTS:
        given = getattr(rulebook.notices, part)
        own = given.keys() if isinstance(given, dict) else () if given is None else ("",)
        for language in own:
            situations = _OF_DIGESTS if part == "digest" else _SITUATIONS
            error = template_error(found[part, NOTICE][language], situations)
            if error is not None:
                yield ("notices", part, *([language] if language else [])), error
