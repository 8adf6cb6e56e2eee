"""What the sources publish to: blobs first, then requests and dead letters, then their answer."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from channels.blobs import Blobs, ref_of
from channels.contract import encode
from channels.identity import conversation_key, key_of
from channels.inbox import Clock, Inbound, Publish
from channels.parsed import Parsed, Unreadable
from channels.request import CustomerRequest, Defect
from router import deadletter
from router.counters import Counters
from router.log.protocol import Envelope, Log, Message
from router.topics import REQUESTS_INBOUND

REQUEST_RECEIVED = "request.received"

MAX_RECORD_BYTES = 512 * 1024
"""A record of `requests.inbound` stays below this; Kafka's brokers refuse 1 MiB by default."""

_MAX_TEXT_CHARACTERS = 64 * 1024
_log = structlog.get_logger(__name__)


class Intake:
    """Stores what sources hand over. Ids are deterministic: a repetition is harmless."""

    def __init__(self, log: Log, blobs: Blobs, *, clock: Clock, counters: Counters) -> None:
        self._log = log
        self._blobs = blobs
        self._clock = clock
        self._counters = counters

    def publisher(self, source: str) -> Publish:
        """The `publish` of a source; its name is the origin of what has none of its own."""

        async def publish(items: Sequence[Inbound]) -> None:
            await self._publish(source, items)

        return publish

    async def _publish(self, source: str, items: Sequence[Inbound]) -> None:
        blobs: dict[str, bytes] = {}
        messages: list[Message] = []
        for item in items:
            if isinstance(item, Parsed):
                blobs.update(item.blobs)
                messages.extend(self._request(item, blobs))
            else:
                messages.extend(self._dead_letter(item, source, blobs))
        await self._blobs.put(blobs)
        await self._log.publish(messages)
        for item in items:
            self._note(item, source)

    def _request(self, item: Parsed, blobs: dict[str, bytes]) -> Sequence[Message]:
        whole = value = encode(item.request)
        if len(whole) > MAX_RECORD_BYTES:
            ref = ref_of(whole)
            blobs[ref] = whole
            value = encode(shortened(item.request, ref))
        if len(value) > MAX_RECORD_BYTES:
            origin = f"{item.request.channel}/{item.request.account}"
            problem = f"{len(value)} bytes where {MAX_RECORD_BYTES} fit into a record"
            return self._dead_letter(Unreadable("request", problem, whole, origin), origin, blobs)
        return (request_message(item.request, value),)

    def _dead_letter(
        self, item: Unreadable, source: str, blobs: dict[str, bytes]
    ) -> Sequence[Message]:
        letter = deadletter.of_bytes(
            item.raw,
            origin=deadletter.Origin(source=item.origin or source),
            error=item.where,
            problem=item.problem,
            at=self._clock(),
        )
        if len(item.raw) > MAX_RECORD_BYTES // 2:
            ref = ref_of(item.raw)
            blobs[ref] = item.raw
            letter = replace(letter, value_base64=None, ref=ref)
        return deadletter.messages(letter, f"switchboard/channels/{item.origin or source}")

    def _note(self, item: Inbound, source: str) -> None:
        if isinstance(item, Parsed):
            self._counters.add(f"intake.{item.request.channel}.received")
            return
        self._counters.add("intake.unreadable")
        _log.warning(
            "input_unreadable",
            origin=item.origin or source,
            where=item.where,
            bytes=len(item.raw),
        )


def request_message(request: CustomerRequest, value: bytes | None = None) -> Message:
    """The record of `requests.inbound` for `request`."""
    proved = request.conversation
    return Message(
        topic=REQUESTS_INBOUND,
        key=key_of(proved)
        if proved
        else conversation_key(request.channel, request.account, request.sender.address),
        value=encode(request) if value is None else value,
        envelope=Envelope(
            id=request.id,
            type=REQUEST_RECEIVED,
            source=f"switchboard/channels/{request.channel}/{request.account}",
            time=request.received_at,
        ),
    )


def shortened(request: CustomerRequest, ref: str) -> CustomerRequest:
    """A request too large for a record, cut to fit; the whole of it is the blob at `ref`."""
    whole = f"too large for a record; the whole request is the blob {ref}"
    return replace(
        request,
        subject=None if request.subject is None else request.subject[:1000],
        text=request.text[:_MAX_TEXT_CHARACTERS],
        full_text=None,
        recipients=request.recipients[:100],
        attachments=request.attachments[:100],
        references=request.references[-100:],
        attributes={},
        defects=(*request.defects[:100], Defect(where="request", problem=whole)),
    )
