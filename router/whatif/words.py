"""The report's words, in English and Chinese."""

from typing import Literal

Language = Literal["en", "zh"]

WORDS: dict[str, tuple[str, str]] = {
    "title": ("What would change", "规则变更影响分析"),
    "subtitle": (
        "{requests} requests from {start} to {last} ({timezone}), through two rulebooks",
        "{start} 至 {last}（{timezone}）的 {requests} 条请求，分别按两版规则重放",
    ),
    "old": ("old", "旧"),
    "new": ("new", "新"),
    "old_rulebook": ("Old rulebook", "旧规则"),
    "new_rulebook": ("New rulebook", "新规则"),
    "nothing": (
        "Nothing changes: every decision and every figure is the same under both rulebooks.",
        "没有任何变化：两版规则下的每个决定、每项数字都相同。",
    ),
    "nothing_decided": (
        "Nothing changes: every decision is the same under both rulebooks.",
        "没有任何变化：两版规则的每个决定都相同。",
    ),
    "changed": (
        "{changed} of {requests} requests ({share}) are decided differently; {moved} of them go "
        "elsewhere.",
        "{requests} 条请求中有 {changed} 条（{share}）的处理不同，其中 {moved} 条去向改变。",
    ),
    "decided_the_same": (
        "No request is decided differently, but the figures differ.",
        "没有请求的处理不同，但统计数字有变化。",
    ),
    "breaches_said": (
        "Targets breached: {old} before, {new} after ({delta}).",
        "超时的服务目标：之前 {old} 次，之后 {new} 次（{delta}）。",
    ),
    "replies_said": (
        "Half of the first replies came within {old} before, within {new} after.",
        "首次答复时长中位数：之前 {old}，之后 {new}。",
    ),
    "tile_changed": ("decided differently", "处理不同的请求"),
    "tile_moved": ("go elsewhere", "去向改变"),
    "tile_breached": ("targets breached", "超时的目标"),
    "tile_reply": ("median first reply", "首次答复中位数"),
    "tile_waiting": ("waiting on average", "平均等待工单"),
    "tile_escalations": ("escalations", "升级次数"),
    "moved": ("Where requests go", "请求去向"),
    "moved_note": (
        "Requests that go elsewhere: from the old place to the new one.",
        "去向改变的请求：从旧去向到新去向。",
    ),
    "fields": ("What else is decided differently", "其他处理变化"),
    "fields_note": (
        "Of requests that open a ticket under both rulebooks.",
        "仅统计在两版规则下都开出工单的请求。",
    ),
    "rules": ("Which rule decides", "由哪条规则决定"),
    "rules_note": (
        "Requests for which another rule wins; it may decide the same.",
        "由另一条规则决定的请求；结果可能相同。",
    ),
    "examples": ("Examples", "示例"),
    "examples_note": (
        "Some of the requests that fare otherwise, of each kind of change in turn: what is decided "
        "differently, by which rule, clause and words.",
        "各类变化轮流举例：哪些决定不同，由哪条规则、哪个条件、哪些词作出。",
    ),
    "queues": ("Queues", "队列"),
    "queues_note": (
        "Tickets waiting: in the queue, on offer or parked. The mean is over the whole time.",
        "等待中的工单：排队、派单中或搁置。平均值按整段时间计算。",
    ),
    "pictures": ("Tickets waiting", "等待中的工单"),
    "pictures_note": (
        "At the end of each interval. The queues with the greatest difference come first.",
        "各时间段末的数量；差异最大的队列在前。",
    ),
    "targets": ("Service levels", "服务水平"),
    "targets_note": (
        "A target counts where its ticket was when it was met or lapsed. A breached one stays "
        "breached, also if it was met later. Neither: it still ran at the end, or its ticket was "
        "resolved without it.",
        "目标按达成或超时时工单所在的队列统计。超时后才达成的仍计为超时；"
        "“均未”指结束时仍在计时，或工单解决时无需该目标。",
    ),
    "times": ("How long it takes", "时长"),
    "times_note": (
        "From the request's arrival, for tickets to which it happened.",
        "自收到请求起计算，仅统计已发生的工单。",
    ),
    "escalations": ("Warnings and escalations", "预警与升级"),
    "agents": ("Agents", "客服"),
    "agents_note": (
        "Tickets in hand: assigned and not put aside. The mean is over the whole time.",
        "手上工单：已分配且未挂起。平均值按整段时间计算。",
    ),
    "in_hand_picture": ("Tickets in agents' hands", "客服手上的工单"),
    "acks": ("Acknowledgements and requests without a ticket", "自动回执与未开工单的请求"),
    "about": ("How this was worked out", "计算方法"),
    "from": ("from", "旧去向"),
    "to": ("to", "新去向"),
    "requests": ("requests", "请求数"),
    "share": ("share", "占比"),
    "field": ("field", "项目"),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    "delta": ("±", "±"),
    "goes": ("goes to", "去向"),
    "was": ("{old} before", "之前 {old}"),
    "rule": ("rule", "规则"),
    "clause": ("clause", "条件"),
    "words": ("words", "命中词"),
    "queue": ("queue", "队列"),
    "all_queues": ("all queues", "全部队列"),
    "tickets": ("tickets", "工单"),
    "mean": ("waiting, mean", "平均等待"),
    "mean_short": ("mean", "平均"),
    "bars": ("Breached, by target", "各目标的超时次数"),
    "peak": ("waiting, most", "最多等待"),
    "left": ("left at the end", "结束时剩余"),
    "target": ("target", "目标"),
    "met": ("met", "达成"),
    "breached": ("breached", "超时"),
    "neither": ("neither", "均未"),
    "median": ("half within", "中位数"),
    "p90": ("nine of ten within", "九成以内"),
    "what": ("what", "事项"),
    "count": ("count", "数量"),
    "agent": ("agent", "客服"),
    "assigned": ("tickets taken", "接单"),
    "resolved": ("resolved", "解决"),
    "in_hand": ("in hand, mean", "平均在手"),
    "in_hand_peak": ("in hand, most", "最多在手"),
    "offer": ("first offer", "首次派单"),
    "assignment": ("first assignment", "首次分配"),
    "reply": ("first reply", "首次答复"),
    "resolution": ("resolved", "解决"),
    "target_resolution": ("resolution", "解决"),
    "target_first_response": ("first response", "首次响应"),
    "target_next_response": ("next response", "后续响应"),
    "target_periodic": ("periodic update", "定期回复"),
    "target_requester_wait": ("requester wait", "客户等待"),
    "target_agent_work": ("agent work", "坐席处理"),
    "target_queue_time": ("queue time", "排队时限"),
    "step": ("step {name}", "步骤 {name}"),
    "type": ("type", "类型"),
    "priority": ("priority", "优先级"),
    "sla": ("SLA", "服务等级"),
    "skills": ("skills", "技能"),
    "tags": ("tags", "标签"),
    "ack": ("acknowledgement", "自动回执"),
    "warnings": ("warnings", "预警"),
    "level": ("escalations to level {level}", "升级至第 {level} 级"),
    "ack_sent": ("acknowledged: {name}", "已发送回执：{name}"),
    "ack_withheld": ("acknowledgement withheld: {name}", "未发送回执：{name}"),
    "filed": ("filed without a ticket: {name}", "归档、不开工单：{name}"),
    "opened": ("tickets opened", "开出的工单"),
    "messages": ("further messages of tickets", "工单的后续消息"),
    "duplicates": ("duplicates", "重复请求"),
    "dead_letters": ("could not be processed: {name}", "无法处理：{name}"),
    "rejected": ("commands without effect", "未生效的指令"),
    "more_rows": (
        "{count} more rows with smaller differences: see --json.",
        "另有 {count} 行差异较小，见 --json。",
    ),
    "about_decisions": (
        "Only the rules' decisions were compared, each request by itself, as if it began a new "
        "matter. Nothing was dispatched.",
        "仅比较规则的决定：每条请求单独判断，视为新的事项，不派单。",
    ),
    "about_replay": (
        "All requests of {source} were played through both rulebooks in virtual time until {end}. "
        "Both began with no ticket open; customers are those known now.",
        "将 {source} 的全部请求在虚拟时间中按两版规则重放至 {end}；"
        "开始时没有未结工单，客户资料为当前资料。",
    ),
    "about_recorded": (
        "Agents did what was recorded, at the recorded instants: of {commands} commands about "
        "tickets, {old} did not apply under the old rulebook, {new} under the new one.",
        "客服按记录的时间执行记录的指令：{commands} 条工单指令中，"
        "旧规则下 {old} 条不适用，新规则下 {new} 条不适用。",
    ),
    "about_refused": (
        "The recorded commands could not be used: of {commands} about tickets, {old} did not "
        "apply under the old rulebook and {new} under the new one, because tickets were offered "
        "to others or at other times.",
        "记录的指令无法沿用：{commands} 条工单指令中，旧规则下 {old} 条不适用，"
        "新规则下 {new} 条不适用，因为工单派给了别人或时间不同。",
    ),
    "about_earlier": (
        "{count} more commands were about tickets of before, which are not replayed.",
        "另有 {count} 条指令针对此前的工单，未重放。",
    ),
    "about_ignored": (
        "The {commands} recorded commands about tickets were left aside.",
        "未使用记录的 {commands} 条工单指令。",
    ),
    "about_model": (
        "Under both rulebooks the agents were a model: present by their calendars (always, "
        "without one), they accept an offer after {accept}, reply {reply} later, resolve {resolve} "
        "after that.",
        "两版规则下的客服均为模型：按日历在岗（无日历则始终在岗），{accept}后接单，"
        "再过{reply}答复，再过{resolve}解决。",
    ),
    "about_own_times": (
        "{count} tickets took as long as the record shows.",
        "{count} 张工单沿用记录中的处理时长。",
    ),
    "about_own_presence": (
        "{count} agents were present as recorded.",
        "{count} 位客服的在岗时间沿用记录。",
    ),
    "about_unreadable": (
        "{count} records could not be read and were left out.",
        "{count} 条记录无法读取，未计入。",
    ),
    "place_spam": ("(filed as spam)", "（归档：垃圾信息）"),
    "place_history": ("(filed as history)", "（归档：历史）"),
    "place_joined": ("(joins an open ticket)", "（并入未结工单）"),
    "place_lost": ("(could not be processed)", "（无法处理）"),
    "place_filed": ("(filed: {name})", "（归档：{name}）"),
    "withheld_said": ("{name} (withheld: {reason})", "{name}（未发送：{reason}）"),
}
"""Each in English and Chinese; names in braces are filled in."""


class Say:
    """One language's words."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = 0 if language == "en" else 1

    def __call__(self, word: str, **fields: object) -> str:
        """The words named `word`, with its fields filled in."""
        return WORDS[word][self._column].format(**fields)

    def __contains__(self, word: str) -> bool:
        return word in WORDS

    def duration(self, seconds: float) -> str:
        """A duration in its two greatest units."""
        return duration(seconds, ("d", "h", "min", "s") if self._column == 0 else _ZH_UNITS)


_ZH_UNITS = ("天", "小时", "分", "秒")


def duration(seconds: float, units: tuple[str, str, str, str]) -> str:
    """`seconds` in its two greatest units, the smaller left out when it is nothing."""
    space = " " if units[0].isascii() else ""
    if seconds < 60:
        return f"{seconds:.3g}{space}{units[3]}"
    rest, parts = round(seconds), []
    for size, unit in zip((86_400, 3_600, 60, 1), units, strict=True):
        count, rest = divmod(rest, size)
        parts.append(f"{count}{space}{unit}" if count else "")
    first = next(index for index, part in enumerate(parts) if part)
    return space.join(filter(None, parts[first : first + 2]))
