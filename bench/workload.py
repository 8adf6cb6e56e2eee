"""What is measured: requests as they come, and a rulebook of 200 routes, or of any number."""

from datetime import UTC, datetime

from channels.identity import request_id
from channels.request import CustomerRequest, Sender
from router.edges.intake import request_message
from router.log.protocol import Message

ROUTES = 200
TEXTS = (
    "您好，我上周购买的空调到现在还没有安装，客服电话一直打不通，请尽快安排师傅上门，谢谢。",
    "Hello, I was charged twice for order {n}. Please check the invoice and tell me what happened.",
    "我要投诉，订单{n}的商品有质量问题，退款申请已经三天没有人处理了。",
    "The router I bought from you is broken again. Can somebody repair it this week?",
)


def rulebook(count: int = ROUTES) -> dict[str, str]:
    """So many routes, each on its own keywords; one in four requests meets one before the end."""
    routes = [
        f"  - {{id: r{number}, when: {{text: {{keywords: [term{number}, 关键词{number}]}}}}, "
        "then: {queue: q1, tags: [t]}}"
        for number in range(count - 2)
    ]
    text = "\n".join(
        [
            'calendars: {always: {timezone: UTC, hours: {mon-sun: ["00:00-24:00"]}}}',
            "slas: {standard: {calendar: always, first_response: 4h, resolution: 2d,"
            " warn: [50%, 75%], ladder: duty}}",
            "ladders: {duty: [{level: 1, after: 0s, notify: [lead]}]}",
            "pools: {service: {queues: [q1, q2]}}",
            "queues: {q1: {}, q2: {}}",
            "agents: {ann: {pool: service, queues: [q1]}}",
            "routes:",
            *routes,
            "  - {id: complaint, when: {text: {keywords: [投诉, complaint]}},"
            " then: {queue: q2, priority: 2, sla: standard, ack: a}}",
            "  - {id: default, then: {queue: q1, sla: standard, ack: a}}",
            'acks: {a: {sms: "got it {{ ticket }}"}}',
        ]
    )
    return {"rules.yaml": text}


def requests(count: int, first: int = 0) -> list[Message]:
    """`count` first messages of as many customers, each of about 600 bytes as a record."""
    now = datetime.now(UTC)
    return [
        request_message(
            CustomerRequest(
                id=request_id("sms", "shop", f"m{number}"),
                channel="sms",
                account="shop",
                external_id=f"m{number}",
                sender=Sender(address=f"+86139{number:08d}"),
                text=TEXTS[number % len(TEXTS)].format(n=number),
                language="zh-Hans" if number % 2 == 0 else "en",
                received_at=now,
            )
        )
        for number in range(first, first + count)
    ]
