"""A dead letter and the word to operations that there is one: always both together."""

from router import deadletter, operations
from router.deadletter import DeadLetter
from router.log.protocol import Message


def letter_and_alarm(letter: DeadLetter, source: str) -> tuple[Message, Message]:
    """The records for `deadletter` and `operations`; the same letter makes the same two."""
    message = deadletter.message(letter)
    alarm = operations.DeadLettered(
        letter=message.envelope.id,
        origin=str(letter.origin),
        error=letter.error,
        problem=letter.problem,
        at=letter.at,
    )
    told = operations.message(alarm, id=f"{message.envelope.id}/alarm", source=source, at=letter.at)
    return message, told
