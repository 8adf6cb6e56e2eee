"""`switchboard watch`: events as they come; what operations run on `sla.escalations`."""

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from channels.errors import Malformed, Unavailable
from router import bootstrap
from router.log.protocol import Log, Record
from router.rulebook_history import history
from router.settings import load
from router.topics import EVERY, OPERATIONS, queue_topic
from router.visible import visible
from rules.load import load as load_rulebook
from rules.scalars import parse_duration
from rules.wording import did_you_mean


def watch(
    topics: Annotated[list[str], typer.Argument(help="Topics; `agent.queue.*` names several.")],
    config: Annotated[Path, typer.Option(help="The config folder.")] = Path(),
    start: Annotated[
        str, typer.Option("--from", help="`start` for all that is stored, `now` for what comes.")
    ] = "now",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    expect: Annotated[
        str | None,
        typer.Option(help="Exit 3 when a shard gives no sign of life for so long (30s)."),
    ] = None,
) -> None:
    """Print events as they come, until Ctrl-C."""
    if start not in {"start", "now"}:
        raise typer.BadParameter("--from takes start or now")
    try:
        silence = None if expect is None else parse_duration(expect)
    except ValueError as error:
        raise typer.BadParameter(f"--expect: {error}") from None
    show = json_line if as_json else readable
    asyncio.run(_watch(config, topics, start == "start", show, silence))


async def _watch(
    config: Path,
    topics: list[str],
    from_start: bool,
    show: Callable[[Record], str],
    silence: timedelta | None,
) -> None:
    async with bootstrap.connected(load(config)) as log:
        await _check(log, topics)
        printing = asyncio.create_task(_print(log, topics, from_start, show))
        if silence is None:
            await printing
            return
        listening = asyncio.create_task(_listen(log, silence))
        done, left = await asyncio.wait({printing, listening}, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        for task in done:
            task.result()


async def _check(log: Log, topics: list[str]) -> None:
    """A topic that nothing was written to yet is waited for, a name that means none is refused."""
    known = {*await log.topics(), *EVERY}
    unknown = [topic for topic in topics if not topic.endswith("*") and topic not in known]
    if not unknown:
        return
    for newest in (await history(log))[-1:]:
        known.update(map(queue_topic, load_rulebook(newest.files).queues))
    for topic in unknown:
        if topic not in known:
            said = did_you_mean(topic, known) or f"; there are: {', '.join(sorted(known))}"
            raise Malformed(f"no topic {topic!r}{said}")


async def _print(
    log: Log,
    topics: list[str],
    from_start: bool,
    show: Callable[[Record], str],
) -> None:
    subscription = log.subscribe(topics, None, from_start=from_start)
    async for delivery in subscription:
        for record in delivery.records:
            print(show(record))
        sys.stdout.flush()


async def _listen(log: Log, silence: timedelta) -> None:
    """Raises `Unavailable` when a source of watermarks, once heard, falls silent."""
    heard: dict[str, datetime] = {"any shard": datetime.now(UTC)}
    subscription = log.subscribe([OPERATIONS], None)

    async def note() -> None:
        async for delivery in subscription:
            for record in delivery.records:
                if record.envelope.type == "health.watermark":
                    heard.pop("any shard", None)
                    heard[record.key] = datetime.now(UTC)

    noting = asyncio.create_task(note())
    try:
        while not noting.done():
            await asyncio.sleep(min(1.0, silence.total_seconds() / 4))
            for source, at in heard.items():
                if datetime.now(UTC) - at > silence:
                    seconds = silence.total_seconds()
                    raise Unavailable(f"{source} has given no sign of life for {seconds:g} s")
        noting.result()
    finally:
        noting.cancel()


def json_line(record: Record) -> str:
    """A record as one JSON object: its coordinates, its CloudEvents attributes, its data."""
    envelope = record.envelope
    return json.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": record.key,
            "id": envelope.id,
            "type": envelope.type,
            "source": envelope.source,
            "time": envelope.time.isoformat(),
            "data": _data(record),
        },
        ensure_ascii=False,
    )


def _data(record: Record) -> Any:
    try:
        return json.loads(record.value)
    except ValueError:
        return {"not_json": record.value.decode("utf-8", "replace")}


_SHOWN = (
    "ticket", "queue", "external_id", "agent", "target", "cycle", "level", "share", "notify",
    "due_at", "lapsed_at", "reason", "priority", "state", "kind", "to", "outcome", "subject",
    "problem", "text",
)  # fmt: skip


def readable(record: Record) -> str:
    """A record as one line for people: time, topic, type, and what matters of its data."""
    data = _data(record)
    local = record.envelope.time.astimezone()
    parts = [f"{local:%H:%M:%S}", f"{record.topic:<22}", f"{record.envelope.type:<22}"]
    for name in _SHOWN:
        value = data.get(name) if isinstance(data, dict) else None
        if value not in (None, "", [], ()):
            parts.append(f"{name}={_short(value)}")
    return visible(" ".join(parts))


def _short(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59] + "…"
