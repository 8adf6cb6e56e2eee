"""A connector: each line of stdin, `ID<TAB>ADDRESS<TAB>TEXT`, is a chat message.

    python connector.py BOOTSTRAP NAMESPACE ACCOUNT < messages.tsv

It imports nothing of Switchboard. A line that is sent again, after a crash or by mistake, has the
same id and is recognised. Every confirmed line is echoed: what was not, send again.
"""

import asyncio
import base64
import hashlib
import json
import sys
import uuid
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

NAMESPACE = uuid.UUID("6f0e3c1a-7d38-5b7e-9f27-0d6a52f1c4b8")


def joined(*parts: str) -> str:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def key_of(account: str, address: str) -> str:
    digest = hashlib.sha256(joined("conversation", "chat", account, address).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()


async def main(bootstrap: str, namespace: str, account: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    for line in sys.stdin:
        external_id, address, text = line.rstrip("\n").split("\t")
        now = datetime.now(UTC).isoformat()
        identity = str(uuid.uuid5(NAMESPACE, joined("request", "chat", account, external_id)))
        request = {
            "id": identity, "channel": "chat", "account": account, "external_id": external_id,
            "sender": {"address": address}, "text": text, "received_at": now,
        }  # fmt: skip
        event = {"id": identity, "type": "request.received", "source": "connector",
                 "time": now, "specversion": "1.0"}  # fmt: skip
        headers = [(f"ce_{name}", value.encode()) for name, value in event.items()]
        # aiokafka's partitioner is murmur2 of the key, as the contract wants it.
        await producer.send_and_wait(
            f"{namespace}.requests.inbound", json.dumps(request, ensure_ascii=False).encode(),
            key=key_of(account, address).encode(), headers=headers,
        )  # fmt: skip
        print(external_id, flush=True)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
