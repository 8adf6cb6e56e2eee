"""A desktop: an agent who takes what is offered, answers it, and resolves it.

    python desktop.py BOOTSTRAP NAMESPACE POOL AGENT QUEUE...

It imports nothing of Switchboard. Each command's id follows from what it answers, so a desktop that
was killed may do all of it again: what was done already is not done twice. Events of a ticket are
numbered (`version`); an offer counts only while it is the newest that the desktop has seen.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord


class Desktop:
    def __init__(self, bootstrap: str, namespace: str, pool: str, agent: str, *queues: str) -> None:
        self.pool, self.agent, self.topic = pool, agent, f"{namespace}.agent.commands"
        self.producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
        self.consumer = AIOKafkaConsumer(
            *(f"{namespace}.agent.queue.{queue}" for queue in queues),
            bootstrap_servers=bootstrap, group_id=f"{namespace}.desktop.{agent}",
            isolation_level="read_committed", auto_offset_reset="earliest",
            enable_auto_commit=False,
        )  # fmt: skip

    async def run(self) -> None:
        await self.producer.start()
        await self.consumer.start()
        await self.order("presence", f"{self.agent}/{datetime.now(UTC)}", state="available")
        while True:
            found = await self.consumer.getmany(timeout_ms=500)
            newest: dict[str, tuple[str, dict[str, str]]] = {}
            for record in (one for records in found.values() for one in records):
                event = json.loads(record.value)
                newest[event.get("ticket") or ""] = kind_of(record), event
            for kind, event in newest.values():
                if kind == "ticket.offered" and event["agent"] == self.agent:
                    await self.work(event["ticket"], event["offer"])
            if found:
                await self.consumer.commit()

    async def work(self, ticket: str, offer: str) -> None:
        await self.order("accept", f"{offer}/accept", ticket=ticket, offer=offer)
        await self.order("reply", f"{offer}/reply", ticket=ticket, text="Hello, we are on it. 您好")
        await self.order("resolve", f"{offer}/resolve", ticket=ticket)

    async def order(self, command: str, identity: str, **fields: str) -> None:
        value = {"id": identity, "agent": self.agent, "command": command, **fields}
        event = {
            "id": f"command/{identity}", "type": "agent.command",
            "source": f"desktop/{self.agent}", "time": datetime.now(UTC).isoformat(),
            "specversion": "1.0",
        }  # fmt: skip
        headers = [(f"ce_{name}", text.encode()) for name, text in event.items()]
        await self.producer.send_and_wait(
            self.topic, json.dumps(value).encode(), key=self.pool.encode(), headers=headers
        )


def kind_of(record: ConsumerRecord) -> str:
    return dict(record.headers)["ce_type"].decode()


async def main(*arguments: str) -> None:
    await Desktop(*arguments).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
