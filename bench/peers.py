"""What people build today by hand, on the same broker and the same requests."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from faststream.kafka import KafkaBroker
from pydantic import BaseModel, ConfigDict

QUIX = Path(__file__).with_name("quix_copy.py")
PYTHON = Path(__file__).resolve().parents[1] / ".stamps" / "peers" / "bin" / "python"
NAIVE_COUNT = 3_000


class Request(BaseModel):
    """A request as somebody models it who only passes it on."""

    model_config = ConfigDict(extra="allow")

    id: str
    channel: str
    account: str
    external_id: str
    sender: dict[str, Any]
    text: str


async def quix(bootstrap: str, source: str, target: str, count: int, folder: Path) -> float:
    """Requests a second of Quix Streams' exactly-once stateful pass-through."""
    running = await asyncio.create_subprocess_exec(
        str(PYTHON), str(QUIX), bootstrap, source, target, str(count), str(folder / target),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    said, errors = await running.communicate()
    if running.returncode:
        raise RuntimeError(errors.decode()[-2_000:])
    return float(said)


async def faststream(bootstrap: str, source: str, target: str) -> float:
    """Requests a second of a handler that takes a model and returns it: FastStream's defaults."""
    broker = KafkaBroker(bootstrap, logger=None)
    done = asyncio.Event()
    times: list[float] = []

    @broker.subscriber(source, group_id=target, auto_offset_reset="earliest")
    @broker.publisher(target)
    async def passed(message: Request) -> Request:
        times.append(time.perf_counter())
        if len(times) == NAIVE_COUNT:
            done.set()
        return message

    await broker.start()
    await done.wait()
    await broker.stop()
    return (NAIVE_COUNT - 1) / (times[NAIVE_COUNT - 1] - times[0])
