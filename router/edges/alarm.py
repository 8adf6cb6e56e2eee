"""A dead letter and the word to operations that there is one: always both together."""

from router import deadletter
from router.deadletter import DeadLetter
from router.log.protocol import Message


def letter_and_alarm(letter: DeadLetter, source: str) -> list[Message]:
    """The records for `deadletter` and `operations`; the same letter makes the same ones."""
    return deadletter.messages(letter, source)
